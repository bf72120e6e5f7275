"""Fixtures that every test may use: a clock, and a database of each kind."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import text

from kernel.clock import ManualClock
from kernel.db import Base, Database

# A shared machine may be slow for a moment: that is no finding.
settings.register_profile("shared-machine", deadline=None)
settings.load_profile("shared-machine")

POSTGRESQL_BIN = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 6, 30, 4, 0, tzinfo=UTC))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """Start Debian's PostgreSQL in a folder of its own; it ends with the test run."""
    if not POSTGRESQL_BIN:
        pytest.fail("PostgreSQL is missing: apt-get install postgresql")
    binaries = POSTGRESQL_BIN[-1]
    folder = Path(tempfile.mkdtemp(prefix="xinji-pg-"))
    shutil.chown(folder, "postgres") if os.getuid() == 0 else None
    as_postgres = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []  # initdb refuses root.
    port = free_port()
    subprocess.run(
        [*as_postgres, str(binaries / "initdb"), "-D", str(folder / "data"), "-U", "xinji", "-A", "trust", "--no-sync"],
        check=True,
        capture_output=True,
    )
    server = subprocess.Popen(
        [
            *as_postgres,
            str(binaries / "postgres"),
            *("-D", str(folder / "data"), "-p", str(port), "-k", str(folder)),
            *("-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=50"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port)
        yield f"postgresql+psycopg://xinji@127.0.0.1:{port}/postgres"
    finally:
        stop = [*as_postgres, str(binaries / "pg_ctl"), "-D", str(folder / "data"), "-m", "immediate", "-w", "stop"]
        subprocess.run(stop, check=False, capture_output=True)
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                time.sleep(0.2)
                return
        time.sleep(0.05)
    pytest.fail("PostgreSQL did not start")


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Give a file with all tables that are known by then: copying it is faster than making them."""
    folder = tmp_path_factory.mktemp("empty")

    def made() -> Path:
        path = folder / f"{len(Base.metadata.tables)}.sqlite3"
        if not path.exists():
            database = Database(f"sqlite:///{path}")
            Base.metadata.create_all(database.engine)
            database.dispose()
        return path

    return made


@pytest.fixture
def sqlite_database(tmp_path: Path, empty_sqlite: Callable[[], Path]) -> Iterator[Database]:
    path = tmp_path / "test.sqlite3"
    shutil.copyfile(empty_sqlite(), path)
    database = Database(f"sqlite:///{path}", busy_timeout_ms=20_000)
    yield database
    database.dispose()


@pytest.fixture(scope="session")
def postgresql_tables() -> set[str]:
    """The tables that this run has made in its PostgreSQL."""
    return set()


@pytest.fixture
def postgresql_database(postgresql_url: str, postgresql_tables: set[str]) -> Iterator[Database]:
    database = Database(postgresql_url)
    if postgresql_tables == set(Base.metadata.tables):
        with database.engine.begin() as connection:
            connection.execute(text(f"TRUNCATE {', '.join(sorted(postgresql_tables))} RESTART IDENTITY CASCADE"))
    else:
        Base.metadata.drop_all(database.engine)
        Base.metadata.create_all(database.engine)
        postgresql_tables.update(Base.metadata.tables)
    yield database
    database.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database(request: pytest.FixtureRequest) -> Database:
    """Give a fresh database, once on SQLite and once on PostgreSQL."""
    made: Database = request.getfixturevalue(f"{request.param}_database")
    return made
