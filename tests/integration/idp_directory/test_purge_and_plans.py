"""What has served is deleted in short transactions, and every query of a growing table uses an index."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Self
from uuid import uuid4

import pytest
from sqlalchemy import Engine, event, func, select

from idp.directory import lookup, store
from idp.directory.models import ActivationCode, IndexUse, Organisation, Person
from idp.directory.purge import purge
from idp.directory.roster import store as rosters
from idp.directory.roster.code_sheet import make_codes
from idp.directory.roster.errors import ImportStateError
from idp.directory.roster.findings import findings
from idp.directory.roster.models import ImportBlock, ImportPiece, RosterImport
from tests.integration.idp_directory.conftest import ZHENGZHOU, World, as_csv, counts, make_people


def purge_all(world: World) -> None:
    for _ in range(1_000):
        with world.database.write() as session:
            if not purge(session, world.clock.now()):
                return
    pytest.fail("the purge does not end")


def sizes(world: World) -> dict[str, int]:
    tables = (RosterImport, ImportBlock, ImportPiece, ActivationCode, IndexUse, Person)
    with world.database.read() as session:
        return {table.__tablename__: session.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


def test_rows_of_imports_go_after_30_days_and_people_stay(any_world: World) -> None:
    world = any_world
    job = world.import_roster(as_csv(make_people(120)))
    make_codes(world.database, job, actor=world.registrar, by=world.by)
    waiting = world.dry_run(as_csv(make_people(30, seed=3)))
    world.clock.move(timedelta(days=29))
    purge_all(world)
    assert sizes(world)["idp_import_block"] == 5 + 2
    assert sizes(world)["idp_activation_code"] == 0
    world.clock.move(timedelta(days=2))
    purge_all(world)
    assert sizes(world) == {
        "idp_import": 2,
        "idp_import_block": 0,
        "idp_import_piece": 0,
        "idp_activation_code": 0,
        "idp_index_use": 1,
        "idp_person": 120,
    }
    done = world.job(job.id)
    assert (done.state, done.wrapped_key, counts(done)) == ("done", None, (120, 0, 0, 0, 0))
    assert world.job(waiting.id).state == "cancelled"
    assert list(findings(world.database, done, by=world.by)) == []
    with pytest.raises(ImportStateError):
        make_codes(world.database, done, actor=world.registrar, by=world.by)
    world.clock.move(timedelta(days=365))
    purge_all(world)
    assert (sizes(world)["idp_import"], sizes(world)["idp_index_use"], sizes(world)["idp_person"]) == (0, 0, 120)


def test_uploads_that_never_ended_and_cancelled_imports_go_soon(world: World) -> None:
    import_id = world.upload(as_csv(make_people(3)))
    with world.database.write() as session:
        rosters.advance(session, import_id, "uploaded", state="uploading")
    purge_all(world)
    assert sizes(world)["idp_import_piece"] == 1
    world.clock.move(timedelta(hours=2))
    purge_all(world)
    assert sizes(world)["idp_import_piece"] == 0
    assert world.job(import_id).state == "cancelled"


class Plans:
    """Asks the database for the plan of every SELECT, UPDATE and DELETE, and keeps those that scan a table."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.scans: list[str] = []

    def __enter__(self) -> Self:
        event.listen(self.engine, "before_cursor_execute", self._look)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(self.engine, "before_cursor_execute", self._look)

    def _look(self, connection: object, cursor: object, statement: str, parameters: object, *_: object) -> None:
        del cursor
        if not statement.startswith(("SELECT", "UPDATE", "DELETE")) or not isinstance(parameters, tuple):
            return
        raw = connection.connection.cursor()  # type: ignore[attr-defined]
        for row in raw.execute(f"EXPLAIN QUERY PLAN {statement}", parameters):
            if row[3].startswith("SCAN") and "CONSTANT ROW" not in row[3]:
                self.scans.append(f"{row[3]}: {statement}")


def test_no_query_scans_a_table(world: World) -> None:
    with world.database.write() as session:
        for statement in ("ANALYZE",):
            session.connection().exec_driver_sql(statement)
    with Plans(world.database.engine) as plans:
        people = make_people(60)
        world.import_roster(as_csv(people))
        people[0][7] = "2班"
        job = world.import_roster(as_csv(people))
        make_codes(world.database, job, actor=world.registrar, by=world.by)
        list(findings(world.database, job, by=world.by))
        with world.database.read() as session:
            found = lookup.people_by_student_number(session, world.by.vault, ZHENGZHOU, [p[0] for p in people])
            one = found[people[0][0]]
            lookup.person_by_eid(session, world.by.vault, one.eid)
            lookup.roles_of(session, one.person_id, job.day)
            lookup.school_by_code(session, ZHENGZHOU)
            province = store.organisation_by_code(session, "410000")
            assert province is not None
            store.branches(session, province.id)
            store.subtree_numbers(session, province.path)
            store.schools_page(session, path=province.path, direct=province.id, search="", page=1)
            store.schools_page(session, path=province.path, direct=None, search="大学", page=1)
            store.roster_page(session, world.ids[ZHENGZHOU], "2022", 1)
            store.reviews_page(session, province.path, 1)
            rosters.imports_page(session, world.ids[ZHENGZHOU], 1)
        purge_all(world)
    assert plans.scans == []


def test_a_province_of_twenty_thousand_schools_answers_at_once(world: World) -> None:
    with world.database.write() as session:
        county = store.organisation_by_code(session, "410105")
        assert county is not None
        session.execute(
            Organisation.__table__.insert(),  # type: ignore[attr-defined]
            [
                {
                    "id": uuid4(),
                    "kind": "school",
                    "code": f"2141{number:06}",
                    "name": f"合成小学{number}",
                    "name_en": "",
                    "superior_id": county.id,
                    "path": f"{county.path}2141{number:06}/",
                    "people": 500,
                    "created_at": world.clock.now(),
                }
                for number in range(20_000)
            ],
        )
    with world.database.read() as session:
        province = store.organisation_by_code(session, "410000")
        assert province is not None
        started = time.perf_counter()
        branches = store.branches(session, province.id)
        store.subtree_numbers(session, province.path)
        store.schools_page(session, path=province.path, direct=None, search="小学19999", page=1)
        assert time.perf_counter() - started < 2  # Some 30 ms where nothing else runs.
    assert branches[0].people == 10_000_000
