"""The database's schema: all tables of all rooms, and the way there by migrations."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from kernel.db import Base, Database
from server import tables

MIGRATIONS = Path(__file__).parent / "migrations"
MODULES = tables.MODULES  # Imported for the tables they add to `Base.metadata`.


def migrate(database: Database, *, to: str = "head") -> None:
    """Bring the schema up to the newest migration, or `to` an older one; does nothing where it is there already."""
    with database.engine.connect() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, to)


def differences(database: Database) -> list[object]:
    """Return what differs between the tables in the code and those in the database."""
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        return list(compare_metadata(context, Base.metadata))
