"""Kill -9 at every stage of an import: what is left is whole, and going on gives everybody exactly one number."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select

from idp.directory.models import Affiliation, Organisation, Person, PersonDocument
from idp.directory.roster.models import ImportPiece, RosterImport
from tests.integration.idp_directory.conftest import ZHENGZHOU, World, as_csv, counts, make_people

ROWS = 1_500


def kill_when(world: World, import_id: UUID, reached: Callable[[RosterImport], bool]) -> None:
    """Run the worker in a process of its own and kill it as soon as the import has got so far."""
    moment = world.clock.now().isoformat()
    command = [sys.executable, "-m", "tests.integration.idp_directory.worker", world.database.url, moment]
    process = subprocess.Popen(command)
    try:
        deadline = time.monotonic() + 60
        while not reached(world.job(import_id)):
            assert process.poll() is None, "the worker ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(30)


@pytest.mark.kill
def test_killed_at_every_stage_an_import_goes_on_where_it_stood(world: World) -> None:
    people = make_people(ROWS)
    import_id = world.upload(as_csv(people))

    kill_when(world, import_id, lambda job: job.read >= 400)
    assert world.job(import_id).state in ("reading", "checking")
    world.clock.move(timedelta(minutes=1))  # The dead worker's lease runs out.

    kill_when(world, import_id, lambda job: job.checked >= 400)
    world.clock.move(timedelta(minutes=1))
    world.work()
    job = world.job(import_id)
    assert (job.state, job.read, job.checked, counts(job)) == ("checked", ROWS, ROWS, (ROWS, 0, 0, 0, 0))
    with world.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Person)) == 0

    world.confirm(import_id)
    for share in (ROWS // 4, ROWS // 2):
        kill_when(world, import_id, lambda job, share=share: job.applied >= share)  # type: ignore[misc]
        _whole(world, import_id)
        world.clock.move(timedelta(minutes=1))
    world.work()
    job = world.job(import_id)
    assert (job.state, job.applied, counts(job)) == ("done", ROWS, (ROWS, 0, 0, 0, 0))
    _whole(world, import_id)
    assert counts(world.dry_run(as_csv(people))) == (0, 0, ROWS, 0, 0)
    with world.database.read() as session:
        assert session.scalar(select(func.count()).select_from(ImportPiece)) == 0


def _whole(world: World, import_id: UUID) -> None:
    """As many people, documents, affiliations as the import says, and the school's count agrees."""
    job = world.job(import_id)
    with world.database.read() as session:
        for table in (Person, PersonDocument, Affiliation):
            assert session.scalar(select(func.count()).select_from(table)) == job.applied
        assert session.scalar(select(Organisation.people).where(Organisation.code == ZHENGZHOU)) == job.applied


@pytest.mark.kill
def test_two_workers_at_one_import_do_not_do_it_twice(world: World) -> None:
    job = world.dry_run(as_csv(make_people(ROWS)))
    world.confirm(job.id)
    moments = [world.clock.now(), world.clock.now() + timedelta(minutes=5)]  # The second ignores the first's lease.
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.integration.idp_directory.worker", world.database.url, moment.isoformat()]
        )
        for moment in moments
    ]
    for process in processes:
        process.wait(60)
    world.clock.move(timedelta(minutes=10))
    world.work()
    assert world.job(job.id).state == "done"
    _whole(world, job.id)
