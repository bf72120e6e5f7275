from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kernel.clock import ManualClock
from kernel.db import Database
from tests.integration.ledger.world import World, make_world


@pytest.fixture
def world(database: Database, tmp_path: Path, clock: ManualClock) -> Iterator[World]:
    """A log with one witness, on SQLite and on PostgreSQL."""
    world = make_world(database, tmp_path, clock)
    yield world
    world.close()


@pytest.fixture
def sqlite_world(sqlite_database: Database, tmp_path: Path, clock: ManualClock) -> Iterator[World]:
    """A log with one witness, on SQLite: for what does not depend on the database."""
    world = make_world(sqlite_database, tmp_path, clock)
    yield world
    world.close()
