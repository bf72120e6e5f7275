"""How large a roster may be, and how long it takes: the goals of the import."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import func, select

from idp.directory.models import Person
from idp.directory.roster import errors, work
from idp.directory.roster.confirmation import cancel
from idp.directory.roster.models import ImportBlock, RosterImport
from tests.integration.idp_directory.conftest import HEADING, ZHENGZHOU, World, as_csv, counts, make_people


def test_five_thousand_rows_are_people_within_thirty_seconds(world: World) -> None:
    content = as_csv(make_people(5_000))
    started = time.perf_counter()
    job = world.import_roster(content)
    assert time.perf_counter() - started < 30  # Some 4 s where nothing else runs.
    assert (job.state, counts(job)) == ("done", (5_000, 0, 0, 0, 0))


def test_a_hundred_thousand_rows_are_staged_and_can_be_left(world: World) -> None:
    rows = "".join(f"{number},张三,女,1949-12-31,其他,,2022,1班,汉,,202209,在读\n" for number in range(100_000))
    content = f"{HEADING}\n{rows}".encode("gbk")
    import_id = world.upload(content)
    assert world.job(import_id).expected == 100_000
    assert work.run_once(world.database, world.by) == 100_000
    job = world.job(import_id)
    assert (job.state, job.read) == ("checking", 100_000)
    with world.database.read() as session:
        assert session.scalar(select(func.sum(ImportBlock.size))) == 100_000
        assert session.scalar(select(func.count()).select_from(Person)) == 0
    with world.database.write() as session:
        cancel(session, import_id, school_id=world.ids[ZHENGZHOU], actor=world.registrar, now=world.clock.now())
    world.work()
    assert world.job(import_id).state == "cancelled"


def test_one_row_more_is_refused_with_the_limit_and_nothing_is_kept(world: World) -> None:
    rows = "".join(f"{number},张三,女,1949-12-31,其他,,2022,1班,汉,,202209,在读\n" for number in range(100_001))
    with pytest.raises(errors.TooManyRowsError) as caught:
        world.upload(f"{HEADING}\n{rows}".encode())
    assert caught.value.params == {"limit": 100_000}
    with world.database.read() as session:
        assert session.scalar(select(func.count()).select_from(RosterImport)) == 0
