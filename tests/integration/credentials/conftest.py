from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kernel.clock import ManualClock
from kernel.db import Base, Database
from tests.integration.credentials.campus import Campus, make_campus


@pytest.fixture
def campus(database: Database, tmp_path: Path, clock: ManualClock) -> Iterator[Campus]:
    """Two accredited universities, on SQLite and on PostgreSQL."""
    campus = make_campus(database, tmp_path, clock)
    yield campus
    campus.close()


@pytest.fixture(scope="session")
def accredited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a campus whose keys are made and whose accreditation is published, to be copied."""
    folder = tmp_path_factory.mktemp("accredited")
    database = Database(f"sqlite:///{folder / 'campus.sqlite3'}", busy_timeout_ms=5_000)
    Base.metadata.create_all(database.engine)
    make_campus(database, folder, ManualClock(datetime(2026, 6, 30, 4, 0, tzinfo=UTC))).close()
    database.dispose()
    return folder


@pytest.fixture
def sqlite_campus(accredited: Path, tmp_path: Path, clock: ManualClock) -> Iterator[Campus]:
    """The same on SQLite, for what does not depend on the database."""
    folder = tmp_path / "campus"
    shutil.copytree(accredited, folder)
    database = Database(f"sqlite:///{folder / 'campus.sqlite3'}", busy_timeout_ms=5_000)
    campus = make_campus(database, folder, clock)
    yield campus
    campus.close()
    database.dispose()
