from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from kernel.db import Database
from server import schema


def test_migrations_lead_to_the_tables_of_the_code_on_sqlite(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'fresh.sqlite3'}")
    schema.migrate(database)
    schema.migrate(database)  # A second time does nothing.
    assert differing(database) == []
    database.dispose()


@pytest.mark.postgresql
def test_migrations_lead_to_the_tables_of_the_code_on_postgresql(postgresql_url: str) -> None:
    administration = Database(postgresql_url)
    with administration.engine.connect() as connection:
        autonomous = connection.execution_options(isolation_level="AUTOCOMMIT")
        autonomous.execute(text("DROP DATABASE IF EXISTS migrated"))
        autonomous.execute(text("CREATE DATABASE migrated"))
    administration.dispose()
    database = Database(postgresql_url.rpartition("/")[0] + "/migrated")
    schema.migrate(database)
    assert differing(database) == []
    database.dispose()


def differing(database: Database) -> list[object]:
    """Return the differences, without the tables that tests define for themselves."""
    return [each for each in schema.differences(database) if "test_" not in repr(each)]
