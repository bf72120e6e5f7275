from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kernel.clock import ManualClock
from kernel.db import Database
from tests.integration.ledger.chain_world import ChainWorld, MemoryGround
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


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MemoryGround]:
    """A chain in memory for the tests of one file."""
    ground = MemoryGround(tmp_path_factory.mktemp("chain"))
    yield ground
    ground.close()


@pytest.fixture(scope="module")
def deployed(ground: MemoryGround) -> ChainWorld:
    """Our contracts as they were deployed."""
    return ChainWorld(ground)


@pytest.fixture
def contracts(ground: MemoryGround, deployed: ChainWorld) -> Iterator[ChainWorld]:
    """Begin each test with the contracts as they were deployed."""
    snapshot = ground.tester.take_snapshot()
    yield deployed
    ground.tester.revert_to_snapshot(snapshot)
