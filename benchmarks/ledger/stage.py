"""The stage: a log with one witness on a database of its own, and entries to submit.

The witness runs in the same process and persists before it answers, as everywhere.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from kernel.clock import SystemClock
from kernel.db import Base, Database
from ledger.formats.entry import Entry
from ledger.publication.continuity import current_head
from tests.integration.ledger.world import World, credential, make_world

BATCH = 500
"""Entries a transaction of who submits."""


class TimedDatabase(Database):
    """A database that notes how long each write transaction was open, in seconds."""

    held: list[float]

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a writing session and note its time, with its commit."""
        started = 0.0
        with super().write() as session:
            started = time.perf_counter()
            yield session
        self.held.append(time.perf_counter() - started)


def open_database(url: str) -> TimedDatabase:
    """Open the database at `url` as it is."""
    database = TimedDatabase(url, busy_timeout_ms=5_000)
    database.held = []
    return database


def new_world(url: str, folder: Path) -> tuple[World, TimedDatabase]:
    """Make an empty log."""
    database = open_database(url)
    Base.metadata.drop_all(database.engine)
    Base.metadata.create_all(database.engine)
    return make_world(database, folder, SystemClock()), database


def make_entries(begin: int, end: int) -> list[Entry]:
    """Return credentials' entries, each with its own commitment."""
    return [credential(number) for number in range(begin, end)]


def submit(world: World, entries: list[Entry]) -> None:
    """Submit, a batch in a transaction, as issuing does."""
    for at in range(0, len(entries), BATCH):
        with world.log.database.write() as session:
            world.writer.submit_many(session, entries[at : at + BATCH])


def published_size(world: World) -> int:
    """Return how many entries are under a checkpoint that witnesses cosigned."""
    return current_head(world.log).published_size


def database_bytes(database: Database) -> int:
    """Return what the entries take in the database, its index included."""
    with database.engine.connect() as connection:
        if database.engine.dialect.name == "postgresql":
            return int(connection.execute(text("SELECT pg_total_relation_size('log_entry')")).scalar_one())
        pages, free, size = (
            int(connection.execute(text(f"PRAGMA {name}")).scalar_one())
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size


def folder_bytes(folder: Path) -> tuple[int, int]:
    """Return the bytes in a folder's files, and what they take on the disk. Holds no list of them."""
    whole = on_disk = 0
    for place, _, names in os.walk(folder):
        for name in names:
            stat = os.stat(os.path.join(place, name))  # noqa: PTH116, PTH118 - a hundred thousand of them
            whole += stat.st_size
            on_disk += stat.st_blocks * 512
    return whole, on_disk
