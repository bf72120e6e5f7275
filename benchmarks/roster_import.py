"""How fast a roster becomes people: `python -m benchmarks.roster_import [ROWS] [DATABASE_URL]`.

Prints seconds and rows a second for upload, dry run, and writing, then for a repeated dry
run, and the times that write transactions held their lock.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from sqlalchemy.orm import Session

from idp.directory.registration import found_province, register_school
from idp.directory.roster import uploading, work
from idp.directory.roster.confirmation import confirm
from idp.directory.roster.store import roster_import
from idp.directory.services import DirectoryServices
from kernel.clock import SystemClock
from kernel.db import Base, Database
from tests.integration.idp_directory.conftest import ZHENGZHOU, as_csv, make_people, services


class TimedDatabase(Database):
    """A database that notes how long each write transaction was open."""

    held: list[float]

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a writing session and note its time."""
        with super().write() as session:
            started = time.perf_counter()
            yield session
        self.held.append(time.perf_counter() - started)


def main() -> None:
    """Run it once."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    folder = Path(tempfile.mkdtemp(prefix="xinji-benchmark-"))
    database = TimedDatabase(sys.argv[2] if len(sys.argv) > 2 else f"sqlite:///{folder / 'b.sqlite3'}")  # noqa: PLR2004
    database.held = []
    Base.metadata.drop_all(database.engine)
    Base.metadata.create_all(database.engine)
    by = services(SystemClock())
    now, actor = by.clock.now(), uuid4()
    with database.write() as session:
        found_province(session, code="410000", name="河南省教育厅", name_en="", now=now)
        school = register_school(
            session,
            code=ZHENGZHOU,
            name="郑州大学",
            name_en="",
            superior="410000",
            officer_of=None,
            actor=None,
            now=now,
        )
    content = as_csv(make_people(rows))
    database.held.clear()
    for repetition in ("first", "again"):
        started = time.perf_counter()
        import_id = uploading.accept(database, content, file_name="b.csv", school_id=school.id, actor=actor, by=by)
        _say(f"{repetition}: upload", started, rows)
        started = time.perf_counter()
        _work(database, by)
        _say(f"{repetition}: dry run", started, rows)
        with database.read() as session:
            job = roster_import(session, import_id)
        if job is not None and job.new:
            started = time.perf_counter()
            with database.write() as session:
                confirm(session, import_id, school_id=school.id, only_good=True, actor=actor, now=by.clock.now())
            _work(database, by)
            _say(f"{repetition}: writing", started, rows)
    held = sorted(database.held)
    middle, late = held[len(held) // 2], held[len(held) * 99 // 100]
    print(f"{len(held)} write transactions: median {middle * 1000:.1f} ms, 99 % within {late * 1000:.1f} ms")


def _work(database: Database, by: DirectoryServices) -> None:
    while work.run_once(database, by):
        pass


def _say(what: str, started: float, rows: int) -> None:
    seconds = time.perf_counter() - started
    print(f"{what}: {seconds:.2f} s, {rows / seconds:,.0f} rows a second")


if __name__ == "__main__":
    main()
