"""The database's schema: all tables of all rooms, and the way there by migrations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from kernel.db import Base, Database
from kernel.errors import XinjiError
from server import tables

MIGRATIONS = Path(__file__).parent / "migrations"
MODULES = tables.MODULES  # Imported for the tables they add to `Base.metadata`.


class BrokenReferencesError(XinjiError):
    """A migration left rows that refer to nothing."""

    code = "broken_references"


def migrate(database: Database, *, to: str = "head") -> None:
    """Bring the schema up to the newest migration, or `to` an older one; does nothing where it is there already."""
    with database.engine.connect() as connection, _unbound(connection):
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, to)


@contextmanager
def _unbound(connection: Connection) -> Iterator[None]:
    """Leave foreign keys unchecked meanwhile, and check them all at the end.

    SQLite changes a table by making it anew: the old one could not go while rows refer to it.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    raw = connection.connection.cursor()  # Outside of any transaction: within one the setting has no effect.
    raw.execute("PRAGMA foreign_keys=OFF")
    yield
    dangling = raw.execute("PRAGMA foreign_key_check").fetchall()
    raw.execute("PRAGMA foreign_keys=ON")
    raw.close()
    if dangling:
        raise BrokenReferencesError(f"rows refer to rows that are not there: {dangling[:5]}")


def differences(database: Database) -> list[object]:
    """Return what differs between the tables in the code and those in the database."""
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        return list(compare_metadata(context, Base.metadata))
