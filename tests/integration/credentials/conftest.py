from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kernel.clock import ManualClock
from kernel.db import Database
from tests.integration.credentials.campus import Campus, make_campus


@pytest.fixture
def campus(database: Database, tmp_path: Path, clock: ManualClock) -> Iterator[Campus]:
    """Two accredited universities, on SQLite and on PostgreSQL."""
    campus = make_campus(database, tmp_path, clock)
    yield campus
    campus.close()


@pytest.fixture
def sqlite_campus(sqlite_database: Database, tmp_path: Path, clock: ManualClock) -> Iterator[Campus]:
    """The same on SQLite, for what does not depend on the database."""
    campus = make_campus(sqlite_database, tmp_path, clock)
    yield campus
    campus.close()
