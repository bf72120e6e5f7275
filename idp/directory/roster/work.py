"""The worker of roster imports: one turn at the import that has waited longest, and what a page says of it."""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

from idp.directory.errors import InputError
from idp.directory.roster import store
from idp.directory.roster.applying import apply_block
from idp.directory.roster.checking import check_blocks
from idp.directory.roster.errors import StaleError
from idp.directory.roster.models import RosterImport
from idp.directory.roster.pace import LEASE, Pace
from idp.directory.roster.reading import read_file
from idp.directory.services import DirectoryServices
from kernel import audit
from kernel.db import Database
from kernel.errors import BusyError


class Progress(NamedTuple):
    """How far an import is in its stage: rows done of all, rows a second, seconds left (None: unknown)."""

    stage: str
    done: int
    total: int
    rate: float
    seconds_left: int | None


def run_once(database: Database, by: DirectoryServices) -> int:
    """Work on one import for at most some two seconds (reading a file takes as long as it takes); 0: nothing to do."""
    now = by.clock.now()
    with database.read() as session:
        job = store.next_at_work(session, now)
    if job is None:
        return 0
    with database.write() as session:
        if not store.claim(session, job, now=now, until=now + LEASE):
            return 0
        if job.state == "uploaded":
            store.advance(session, job.id, "uploaded", state="reading")
            job.state = "reading"
    try:
        return _turn(database, job, by)
    except InputError as error:
        _refuse(database, job, error, by)
        return 1
    except (StaleError, BusyError):  # Somebody else is at it, or writes: the next turn looks again.
        return 0
    finally:
        _release(database, job)


def progress(job: RosterImport) -> Progress:
    """Return how far an import is."""
    done = {"reading": job.read, "checking": job.checked, "applying": job.applied}.get(job.state, 0)
    total = job.expected if job.state in ("uploaded", "reading") else job.read
    left = max(total - done, 0)
    return Progress(job.state, done, total, job.rate, round(left / job.rate) if job.rate > 0 else None)


def _turn(database: Database, job: RosterImport, by: DirectoryServices) -> int:
    pace = Pace(by.clock, progress(job).done)
    if job.state == "reading":
        return read_file(database, job, pace=Pace(by.clock, 0), by=by)
    step = check_blocks if job.state == "checking" else apply_block
    count = 0
    while done := step(database, job, pace=pace, by=by):
        count += done
        if pace.over():
            return count
    with database.read() as session:
        after = store.roster_import(session, job.id)
    moved_on = after is not None and after.state != job.state
    return count + moved_on


def _release(database: Database, job: RosterImport) -> None:
    with suppress(BusyError), database.write() as session:  # Else the lease runs out by itself.
        store.release(session, job.id)


def _refuse(database: Database, job: RosterImport, error: InputError, by: DirectoryServices) -> None:
    """Refuse a file that turned out to be unreadable; its key goes at once, its rows with the next purge."""
    now = by.clock.now()
    with database.write() as session:
        problem = {"code": error.code, "params": error.params}
        store.advance(session, job.id, job.state, state="refused", problem=problem, finished_at=now, wrapped_key=None)
        audit.record(
            session,
            at=now,
            action="directory.import.refused",
            actor=job.registrar_id,
            subject=job.id,
            result="refused",
            problem=error.code,
        )
