"""An import is no oracle: what a second school sees of people whom others registered."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from idp.directory import lookup, store
from idp.directory.models import Affiliation, IndexUse, Person, ReviewCase
from idp.directory.roster import store as rosters
from idp.directory.roster.code_sheet import make_codes
from idp.directory.roster.findings import findings
from idp.directory.services import DirectoryServices
from kernel.audit import AuditEvent
from tests.integration.idp_directory.conftest import HENAN, ZHENGZHOU, World, as_csv, counts, make_people


def renumbered(people: list[list[str]]) -> list[list[str]]:
    return [[f"H{row[0]}", *row[1:]] for row in deepcopy(people)]


def eids(world: World, school: str, people: list[list[str]]) -> list[str]:
    with world.database.read() as session:
        found = lookup.people_by_student_number(session, world.by.vault, school, [row[0] for row in people])
    return [found[row[0]].eid for row in people]


def test_the_same_person_from_a_second_school_has_the_same_number(any_world: World) -> None:
    world, people = any_world, make_people(60)
    world.import_roster(as_csv(people))
    others = renumbered(people)
    job = world.dry_run(as_csv(others), HENAN)
    assert counts(job) == (60, 0, 0, 0, 0)  # Known elsewhere, and yet "new": only the own roster is compared.
    world.confirm(job.id, HENAN)
    world.work()
    assert eids(world, HENAN, others) == eids(world, ZHENGZHOU, people)
    assert counts(world.dry_run(as_csv(others), HENAN)) == (0, 0, 60, 0, 0)
    with world.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Person)) == 60


def test_a_dry_run_does_not_tell_known_people_from_unknown_ones(world: World) -> None:
    known, unknown = make_people(20), make_people(20, seed=7)
    world.import_roster(as_csv(known))
    of_known, of_unknown = world.dry_run(as_csv(renumbered(known)), HENAN), world.dry_run(as_csv(unknown), HENAN)
    assert counts(of_known) == counts(of_unknown) == (20, 0, 0, 0, 0)
    with world.database.read() as session:
        sizes = {
            job.id: [len(block.outcomes or b"") for block in rosters.blocks_after(session, job.id, -1, 9)]
            for job in (of_known, of_unknown)
        }
    assert sizes[of_known.id] == sizes[of_unknown.id]


def test_every_partial_match_is_one_uniform_row_for_the_county(any_world: World) -> None:
    world, people = any_world, make_people(4)
    people[3][4], people[3][5], people[3][9] = "护照", "E1234567", "美国"
    world.import_roster(as_csv(people))
    guesses = renumbered(people)
    guesses[0][1] = "欧阳伟"  # Another name.
    guesses[3][3] = "1999-09-09"  # Another birth date: a passport does not carry it.
    guesses[1][0], guesses[2][0] = "H1", "H2"
    guesses.append(
        ["H9", "欧阳伟", "男" if guesses[3][2] == "女" else "女", "1999-09-08", "护照", "E1234568", *guesses[3][6:]]
    )
    job = world.dry_run(as_csv(guesses), HENAN)
    assert counts(job) == (3, 0, 0, 0, 2)
    assert list(findings(world.database, job, by=world.by)) == []

    world.confirm(job.id, HENAN)
    world.work()
    with world.database.read() as session:
        cases = list(session.scalars(select(ReviewCase).order_by(ReviewCase.number)))
        assert {case.number for case in cases} == {guesses[0][0], guesses[3][0]}
        assert session.scalar(select(func.count()).select_from(Affiliation)) == 4 + 3
    again = world.dry_run(as_csv(guesses), HENAN)
    assert counts(again) == (0, 0, 3, 0, 2)
    world.confirm(again.id, HENAN)
    world.work()
    with world.database.read() as session:  # A second run opens no second case.
        assert session.scalar(select(func.count()).select_from(ReviewCase)) == 2


def test_a_second_school_cannot_correct_what_the_first_asserted(world: World) -> None:
    people = make_people(2)
    world.import_roster(as_csv(people))
    others = renumbered(people)
    world.import_roster(as_csv(others), HENAN)
    others[0][1] += "华"
    job = world.import_roster(as_csv(others), HENAN)
    assert counts(job) == (0, 0, 1, 0, 1)
    with world.database.read() as session:
        record = lookup.people_by_student_number(session, world.by.vault, ZHENGZHOU, [people[0][0]])[people[0][0]]
    assert record.name == people[0][1]


def test_only_the_first_school_gives_codes_and_the_sheet_does_not_say_why(world: World) -> None:
    people = make_people(3)
    first = world.import_roster(as_csv(people))
    others = renumbered(people) + make_people(1, seed=5)
    world.clock.move(timedelta(hours=1))
    second = world.import_roster(as_csv(others), HENAN)
    sheet = make_codes(world.database, second, actor=world.registrar, by=world.by)
    assert [row.code is None for row in sheet] == [True, True, True, False]
    assert all(row.code for row in make_codes(world.database, first, actor=world.registrar, by=world.by))
    with world.database.write() as session:  # When the first affiliation has ended, the second school takes over.
        for held in session.scalars(select(Affiliation).where(Affiliation.organisation_id == world.ids[ZHENGZHOU])):
            held.until = first.day - timedelta(days=1)
    sheet = make_codes(world.database, second, actor=world.registrar, by=world.by)
    assert all(row.code for row in sheet)


def test_two_documents_of_one_known_person_in_one_file(world: World) -> None:
    """The second row of one person is wrong, not a second affiliation."""
    people = make_people(1)
    world.import_roster(as_csv(people))
    with world.database.write() as session:
        person = session.scalars(select(Person)).one()
        passport = world.by.index.of("bidx:v1|USA|A|E1234567")
        document = store.documents_of(session, [person.id])[person.id][0]
        session.add(
            type(document)(
                person_id=person.id,
                type="A",
                country="USA",
                kid=world.by.index.key_id,
                blind_index=passport,
                ciphertext=b"-",
                status="active",
                asserted_by=world.ids[ZHENGZHOU],
                created_at=world.clock.now(),
            )
        )
    a, b = renumbered(people)[0], renumbered(people)[0]
    b[0], b[4], b[5], b[9] = "H7", "护照", "E1234567", "美国"
    job = world.dry_run(as_csv([a, b]), HENAN)
    assert counts(job) == (1, 0, 0, 1, 0)
    assert [(f.line, f.fault.code) for f in findings(world.database, job, by=world.by)] == [(3, "document_taken")]


def limited(world: World, lookups: int) -> World:
    by = DirectoryServices(world.by.vault, world.by.index, world.by.codes, world.clock, lookups_per_day=lookups)
    return World(world.database, by, world.clock, world.ids, world.registrar)


def test_lookups_are_counted_capped_and_go_on_the_next_day(any_world: World) -> None:
    world, people = limited(any_world, 500), make_people(900)
    job = world.dry_run(as_csv(people))
    assert (job.state, job.checked) == ("checking", 400)
    assert job.waits_until is not None
    with world.database.read() as session:
        assert session.scalars(select(IndexUse.lookups)).one() == 400
        actions = [event.action for event in session.scalars(select(AuditEvent))]
        assert "directory.index.exhausted" in actions
    world.work()
    assert world.job(job.id).checked == 400
    other = world.dry_run(as_csv(make_people(10, seed=9)), HENAN, actor=uuid4())  # Another registrar is not held up.
    assert other.state == "checked"
    world.clock.move(timedelta(days=1))
    world.work()
    assert (world.job(job.id).state, world.job(job.id).checked) == ("checked", 900)


def test_the_own_roster_costs_no_lookup(world: World) -> None:
    people = make_people(30)
    world.import_roster(as_csv(people))
    before = _lookups(world)
    world.dry_run(as_csv(people))
    assert _lookups(world) == before == 30


def _lookups(world: World) -> int:
    with world.database.read() as session:
        return session.scalars(select(IndexUse.lookups)).one()


@pytest.mark.parametrize("status", ["毕业", "转学", "死亡"])
def test_people_who_left_are_found_and_have_no_role(world: World, status: str) -> None:
    people = make_people(1)
    people[0][11] = status
    job = world.import_roster(as_csv(people))
    with world.database.read() as session:
        record = lookup.people_by_student_number(session, world.by.vault, ZHENGZHOU, [people[0][0]])[people[0][0]]
        assert lookup.roles_of(session, record.person_id, job.day + timedelta(days=1)) == []
    sheet = make_codes(world.database, job, actor=world.registrar, by=world.by)
    assert [row.code for row in sheet] == [None]
