"""Alembic's entry: migrations run on the connection that server/schema.py opened."""

from alembic import context

from kernel.db import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
