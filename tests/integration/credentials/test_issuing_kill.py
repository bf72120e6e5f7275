"""Ended with kill -9 in the middle, issuing goes on where it stood: exactly one diploma each."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import func, select

from credentials import batch_store, issuance, issuing
from credentials.models import Credential, HolderKey, StatusList
from kernel.clock import ManualClock
from kernel.db import Base, Database
from ledger.models import LogEntry, LogQueue
from tests.integration.credentials.campus import ZZU, make_campus, registrar, table

ROOT = Path(__file__).parents[3]
COUNT = 1000


@pytest.mark.kill
@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def test_each_graduate_gets_exactly_one_diploma(
    kind: str, accredited: Path, tmp_path: Path, clock: ManualClock, request: pytest.FixtureRequest
) -> None:
    folder = tmp_path / "campus"
    if kind == "sqlite":
        shutil.copytree(accredited, folder)
        url = f"sqlite:///{folder / 'campus.sqlite3'}"
        database = Database(url, busy_timeout_ms=5_000)
    else:
        url = request.getfixturevalue("postgresql_url")
        database = Database(url)
        Base.metadata.drop_all(database.engine)
        Base.metadata.create_all(database.engine)
    campus = make_campus(database, folder, clock)
    people = campus.roster.enrol(ZZU, COUNT)
    actor = registrar()
    batch_id = campus.check(table(people), actor=actor)
    issuance.approve_batch(campus.by, batch_id, actor=actor, leave_out_wrong=False)
    before = counts(database)
    campus.close()  # The witness's folder belongs to one process.

    killed = 0
    for _ in range(4):
        if run_and_kill(folder, url, after=random.uniform(0.05, 0.6)):  # noqa: S311 - a moment, no secret
            killed += 1
    assert killed >= 2, "the process was done too early to be killed"

    campus = make_campus(database, folder, clock, publish=False)
    # What is half-done is nowhere: each stored credential has its log entry, and is counted.
    now = counts(database)
    with database.read() as session:
        batch = batch_store.batch(session, batch_id)
        assert batch is not None
        assert now["credentials"] == batch.issued
        assert now["logged"] - before["logged"] == batch.issued
    while issuing.run_once(campus.by):
        pass
    with database.read() as session:
        batch = batch_store.batch(session, batch_id)
        assert batch is not None
        assert (batch.state, batch.issued, batch.clashed) == ("done", COUNT, 0)
        per_person = select(Credential.person_id, func.count()).group_by(Credential.person_id)
        held = {person_id: number for person_id, number in session.execute(per_person)}  # noqa: C416 - rows, not pairs
        assert held == {person.person_id: 1 for person in people}
        assert session.scalar(select(func.count(func.distinct(Credential.status_index)))) == COUNT
        assert session.scalar(select(func.sum(StatusList.allocated))) == COUNT
        assert session.scalar(select(func.count()).select_from(HolderKey)) == COUNT
    assert counts(database)["logged"] - before["logged"] == COUNT
    campus.publish()
    for person in random.sample(people, 3):
        report = campus.verify(campus.bundle(campus.of(person.person_id)[0]))
        assert report["verdict"]["code"] == "valid"
    campus.close()
    database.dispose()


def counts(database: Database) -> dict[str, int]:
    with database.read() as session:
        queued = session.scalar(select(func.count()).select_from(LogQueue)) or 0
        entries = session.scalar(select(func.count()).select_from(LogEntry)) or 0
        credentials = session.scalar(select(func.count()).select_from(Credential)) or 0
    return {"logged": queued + entries, "credentials": credentials}


def run_and_kill(folder: Path, url: str, *, after: float) -> bool:
    """Start the issuing process and end it; return whether it had still work to do."""
    script = Path(__file__).with_name("issue_until_killed.py")
    process = subprocess.Popen(
        [sys.executable, str(script), str(folder), url],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'clients/python/src'}", "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(after)
        return process.poll() is None
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        if process.stdout is not None:
            process.stdout.close()
