"""Entries a second from their submission to a cosigned checkpoint on the disk: `throughput URL COUNT FOLDER`.

First each step by itself, then all at once: somebody submits while the log's worker sequences,
integrates and publishes. On SQLite that is a thread, as in an installation of one process; on
PostgreSQL a process of its own.
"""

from __future__ import annotations

import resource
import statistics
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

from sqlalchemy import text

from benchmarks.ledger.process import family_seconds, parent_of, peak_megabytes, start, tell
from benchmarks.ledger.stage import database_bytes, folder_bytes, make_entries, new_world, published_size, submit
from kernel.db import Database
from ledger.publication import integration, publishing, sequencer
from tests.integration.ledger.world import World

STEPS_SHARE = 4
"""The steps by themselves get this part of the entries."""


def main(url: str, count: int, folder: Path) -> None:
    """Measure and tell."""
    result: dict[str, Any] = {"steps": _steps(url, count // STEPS_SHARE, folder / "steps")}
    result |= _at_once(url, count, folder / "once")
    tell(result | {"megabytes": peak_megabytes()})


def _steps(url: str, count: int, folder: Path) -> dict[str, dict[str, float]]:
    """Measure one step after the other."""
    world, database = new_world(url, folder)
    server = _server_seconds(database)
    entries = make_entries(0, count)
    found: dict[str, dict[str, float]] = {}

    def measure(name: str, step: Callable[[], object]) -> None:
        database.held.clear()
        wall, cpu, before = time.perf_counter(), _own_seconds(), server()
        step()
        wall, cpu = time.perf_counter() - wall, _own_seconds() - cpu + server() - before
        held = sorted(database.held)
        found[name] = {"a_second": count / wall, "cpu_us": cpu / count * 1e6}
        if held:
            found[name] |= {"turn_ms": statistics.median(held) * 1e3, "longest_ms": held[-1] * 1e3}

    def integrate() -> None:
        while integration.run_once(world.log):
            pass

    measure("submitted", lambda: submit(world, entries))
    measure("sequenced", lambda: sequencer.run_once(world.log))
    measure("integrated", integrate)
    measure("published", lambda: publishing.run_once(world.log))
    _close(world)
    return found


def _at_once(url: str, count: int, folder: Path) -> dict[str, Any]:
    """Measure the whole way, everybody at work at once."""
    world, database = new_world(url, folder)
    server = _server_seconds(database)
    begin, ended = _submitter(world, url, count)
    cpu, before = _own_seconds(), server()
    started = time.perf_counter()
    begin()
    publications = 0
    while published_size(world) < count:
        sequencer.run_once(world.log)
        integration.run_once(world.log)
        publications += publishing.run_once(world.log)
    wall = time.perf_counter() - started
    cpu = _own_seconds() - cpu + ended() + server() - before
    turns = sorted(database.held)
    whole, on_disk = folder_bytes(folder / "log")
    found = {
        "a_second": count / wall,
        "cpu_us": cpu / count * 1e6,
        "publications": publications,
        "turn_ms": statistics.median(turns) * 1e3,
        "late_turn_ms": turns[len(turns) * 99 // 100] * 1e3,
        "database_bytes": database_bytes(database) / count,
        "files_bytes": whole / count,
        "files_on_disk": on_disk / count,
    }
    _close(world)
    return found


def _submitter(world: World, url: str, count: int) -> tuple[Callable[[], None], Callable[[], float]]:
    """Make somebody ready to submit; return what lets them begin, and what gives their own processor time."""
    if url.startswith("sqlite"):
        thread = threading.Thread(target=submit, args=(world, make_entries(0, count)))

        def joined() -> float:
            thread.join()
            return 0.0  # It is this process's.

        return thread.start, joined
    process = start("submitting", url, count)
    stdin, stdout = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)
    stdout.readline()

    def begin() -> None:
        stdin.write("\n")
        stdin.flush()

    def ended() -> float:
        seconds = float(stdout.readline())
        process.communicate()
        return seconds

    return begin, ended


def _own_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _server_seconds(database: Database) -> Callable[[], float]:
    """Return what gives the database server's processor time."""
    if database.engine.dialect.name != "postgresql":
        return lambda: 0.0
    with database.engine.connect() as connection:
        server = parent_of(int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one()))
    return lambda: family_seconds(server)


def _close(world: World) -> None:
    world.close()
    world.log.database.dispose()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
