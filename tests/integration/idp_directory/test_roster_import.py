"""Roster imports from file to people: dry run, confirmation, repetition, changes, refusals."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path

import pytest
from openpyxl import Workbook
from sqlalchemy import event, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from idp.directory import lookup
from idp.directory.identity_document import mod_11_2
from idp.directory.models import Affiliation, Organisation, Person, PersonDocument
from idp.directory.roster import applying, errors
from idp.directory.roster.confirmation import cancel
from idp.directory.roster.findings import findings
from idp.directory.roster.models import ImportBlock, ImportPiece, RosterImport
from kernel.access import Role
from tests.integration.idp_directory.conftest import (
    HEADING,
    HENAN,
    ZHENGZHOU,
    World,
    as_csv,
    counts,
    make_people,
)


def table_sizes(world: World) -> dict[str, int]:
    tables = (Person, PersonDocument, Affiliation)
    with world.database.read() as session:
        return {table.__tablename__: session.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


def faults(world: World, job: RosterImport) -> list[tuple[int, str, str]]:
    return [(found.line, found.fault.column, found.fault.code) for found in findings(world.database, job, by=world.by)]


def test_a_roster_becomes_people_with_numbers(any_world: World) -> None:
    world, people = any_world, make_people(120)
    job = world.dry_run(as_csv(people))
    assert (job.state, counts(job)) == ("checked", (120, 0, 0, 0, 0))
    assert table_sizes(world) == {"idp_person": 0, "idp_person_document": 0, "idp_affiliation": 0}

    world.confirm(job.id)
    world.work()
    assert world.job(job.id).state == "done"
    assert table_sizes(world) == {"idp_person": 120, "idp_person_document": 120, "idp_affiliation": 120}
    with world.database.read() as session:
        records = lookup.people_by_student_number(session, world.by.vault, ZHENGZHOU, [row[0] for row in people])
        assert [(r.name, r.birthdate.isoformat(), r.student_no) for r in records.values()] == [
            (row[1], row[3], row[0]) for row in people
        ]
        assert len({record.eid for record in records.values()}) == 120
        one = next(iter(records.values()))
        assert lookup.roles_of(session, one.person_id, job.day) == [Role("student", ZHENGZHOU)]
        assert lookup.person_by_eid(session, world.by.vault, one.eid.lower()) is not None
        assert lookup.person_by_id(session, world.by.vault, one.person_id) is not None
        assert session.scalar(select(Organisation.people).where(Organisation.code == ZHENGZHOU)) == 120


def test_nothing_personal_lies_in_the_database_in_plain_text(world: World) -> None:
    people = make_people(60)
    world.import_roster(as_csv(people))
    world.dry_run(as_csv(people))
    file = Path(world.database.url.removeprefix("sqlite:///"))
    content = file.read_bytes() + file.with_name(f"{file.name}-wal").read_bytes()
    assert people[0][0].encode() in content  # The student number is plain; this shows that the test looks right.
    for row in people:
        assert row[1].encode() not in content
        assert row[5].encode() not in content
        assert row[3].encode() not in content


def test_a_second_run_changes_nothing(any_world: World) -> None:
    world, content = any_world, as_csv(make_people(70))
    world.import_roster(content)
    with world.database.read() as session:
        before = [(p.id, p.eid, p.profile, p.changed_at) for p in session.scalars(select(Person).order_by(Person.id))]
    world.clock.move(timedelta(days=1))
    job = world.dry_run(content)
    assert counts(job) == (0, 0, 70, 0, 0)
    with pytest.raises(errors.NothingToImportError):
        world.confirm(job.id)
    with world.database.read() as session:
        after = [(p.id, p.eid, p.profile, p.changed_at) for p in session.scalars(select(Person).order_by(Person.id))]
    assert after == before


@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "utf-8-sig"])
def test_encodings_and_rare_characters(world: World, encoding: str) -> None:
    people = make_people(3)
    if encoding != "gbk":
        people[0][1], people[1][1] = "𠮷𠀀", "阿迪力·买买提"
    job = world.import_roster(as_csv(people).decode().encode(encoding))
    assert counts(job) == (3, 0, 0, 0, 0)
    with world.database.read() as session:
        records = lookup.people_by_student_number(session, world.by.vault, ZHENGZHOU, [row[0] for row in people])
    assert [record.name for record in records.values()] == [row[1] for row in people]


def test_a_workbook_gives_the_same_people(world: World) -> None:
    people = make_people(30)
    book = Workbook()
    assert book.active is not None
    book.active.append(HEADING.split(","))
    for row in people:
        book.active.append([int(row[0]), *row[1:]])
    buffer = io.BytesIO()
    book.save(buffer)
    assert counts(world.import_roster(buffer.getvalue())) == (30, 0, 0, 0, 0)
    assert counts(world.dry_run(as_csv(people))) == (0, 0, 30, 0, 0)


def test_wrong_rows_are_named_by_line_and_column_and_good_ones_wait_for_a_tick(any_world: World) -> None:
    world, people = any_world, make_people(10)
    people[2][5] = people[2][5][:-1] + ("0" if people[2][5][-1] != "0" else "1")
    people[4][1] = "张\u200b三"
    people[6][0] = people[5][0]
    people[7][5] = people[5][5]
    people[7][3], people[7][2] = people[5][3], people[5][2]
    people[8][0], people[8][1] = "", ""
    job = world.dry_run(as_csv(people))
    assert counts(job) == (5, 0, 0, 5, 0)
    assert faults(world, job) == [
        (4, "document_number", "document_check"),
        (6, "name", "name_control"),
        (8, "number", "number_repeated"),
        (9, "document_number", "document_repeated"),
        (10, "number", "cell_missing"),
        (10, "name", "cell_missing"),
    ]
    with pytest.raises(errors.ConfirmationNeededError):
        world.confirm(job.id)
    assert world.job(job.id).state == "checked"
    world.confirm(job.id, only_good=True)
    world.work()
    assert table_sizes(world)["idp_person"] == 5


def test_an_unquoted_comma_is_one_clear_fault(world: World) -> None:
    people = make_people(2)
    people[1][7] = "1班,东区"
    assert faults(world, world.dry_run(as_csv(people))) == [(3, "", "row_too_wide")]


def test_changes_of_the_own_roster_are_applied(any_world: World) -> None:
    world, people = any_world, make_people(6)
    world.import_roster(as_csv(people))
    with world.database.read() as session:
        before = {r.student_no: r.eid for r in _records(world, session, people)}
    people[0][7] = "9班"
    people[1][1] = people[1][1] + "华"  # A misspelt name.
    people[2][11] = "毕业"
    new_number = make_people(1, seed=99)[0]
    people[4][3], people[4][5], people[4][2] = new_number[3], new_number[5], new_number[2]  # Birth and document differ.
    job = world.dry_run(as_csv(people))
    assert counts(job) == (0, 3, 2, 1, 0)
    assert faults(world, job) == [(6, "number", "number_taken")]
    world.confirm(job.id, only_good=True)
    world.work()
    with world.database.read() as session:
        records = {record.student_no: record for record in _records(world, session, people)}
        assert records[people[1][0]].name == people[1][1]
        assert {number: record.eid for number, record in records.items()} == before
        assert session.scalar(select(Organisation.people).where(Organisation.code == ZHENGZHOU)) == 5
        graduate = session.scalars(select(Affiliation).where(Affiliation.number == people[2][0])).one()
        assert graduate.until == job.day
        moved = session.scalars(select(Affiliation).where(Affiliation.number == people[0][0])).one()
        assert (moved.class_name, moved.grade) == ("9班", "2022")


def _records(world: World, session: Session, people: list[list[str]]) -> list[lookup.PersonRecord]:
    found = lookup.people_by_student_number(session, world.by.vault, ZHENGZHOU, [p[0] for p in people])
    return list(found.values())


def test_a_corrected_identity_number_supersedes_the_old_one(any_world: World) -> None:
    world, people = any_world, make_people(2)
    world.import_roster(as_csv(people))
    payload = people[0][5][:14] + str(int(people[0][5][14]) ^ 1) + people[0][5][15:17]
    people[0][5] = payload + mod_11_2(payload)
    job = world.import_roster(as_csv(people))
    assert counts(job) == (0, 1, 1, 0, 0)
    with world.database.read() as session:
        states = [document.status for document in session.scalars(select(PersonDocument).order_by(PersonDocument.id))]
    assert sorted(states) == ["active", "active", "superseded"]


def test_people_without_documents_are_provisional_until_they_have_one(any_world: World) -> None:
    world, people = any_world, make_people(2)
    number = people[0][5]
    people[0][4] = people[0][5] = ""
    assert counts(world.import_roster(as_csv(people))) == (2, 0, 0, 0, 0)
    with world.database.read() as session:
        levels = {p.eid: p.level for p in session.scalars(select(Person))}
        assert sorted(levels.values()) == [0, 1]
    people[0][4], people[0][5] = "居民身份证", number
    assert counts(world.import_roster(as_csv(people))) == (0, 1, 1, 0, 0)
    with world.database.read() as session:
        assert {p.eid for p in session.scalars(select(Person))} == set(levels)
        assert {p.level for p in session.scalars(select(Person))} == {1}


def test_a_file_that_is_no_roster_leaves_nothing(world: World) -> None:
    with pytest.raises(errors.ColumnsMissingError):
        world.upload("学号,性别,证件类型\n1,男,1\n".encode())
    with world.database.read() as session:
        assert session.scalar(select(func.count()).select_from(RosterImport)) == 0


def test_a_workbook_that_breaks_further_down_is_refused_with_its_reason(world: World) -> None:
    book = Workbook()
    assert book.active is not None
    for row in (HEADING.split(","), *make_people(60)):
        book.active.append(row)
    book.active.cell(row=2_000, column=1, value="x")
    buffer = io.BytesIO()
    book.save(buffer)
    job = world.dry_run(buffer.getvalue())
    assert (job.state, job.wrapped_key) == ("refused", None)
    assert job.problem is not None
    assert job.problem["code"] == "rows_apart"


def test_a_failing_write_rolls_the_whole_block_back_and_can_go_on(
    any_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = any_world
    job = world.dry_run(as_csv(make_people(120)))
    world.confirm(job.id)
    original, calls = applying._mark, []

    def failing(*args: object, **kwargs: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            raise OSError("the disk is full")
        return original(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(applying, "_mark", failing)
    with pytest.raises(OSError, match="full"):
        world.work()
    assert table_sizes(world) == {"idp_person": 25, "idp_person_document": 25, "idp_affiliation": 25}
    assert world.job(job.id).applied == 25
    world.work()
    assert world.job(job.id).state == "done"
    assert table_sizes(world)["idp_person"] == 120


def test_somebody_registered_meanwhile_is_found_on_the_second_look(
    any_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two schools import the same person at the same moment: one number comes of it."""
    world, people = any_world, make_people(3)
    other = [[f"H{row[0]}", *row[1:]] for row in people]
    first, second = world.dry_run(as_csv(people)), world.dry_run(as_csv(other), HENAN)
    world.confirm(first.id)
    world.confirm(second.id, HENAN)
    raced: list[int] = []
    original = applying._write

    def racing(session: object, school_id: object, draft: object) -> None:
        if not raced:  # Before the first write, the other import is written to its end.
            raced.append(1)
            raise IntegrityError("insert", {}, ValueError("unique"))
        original(session, school_id, draft)  # type: ignore[arg-type]

    monkeypatch.setattr(applying, "_write", racing)
    world.work()
    assert raced
    assert {world.job(first.id).state, world.job(second.id).state} == {"done"}
    assert table_sizes(world) == {"idp_person": 3, "idp_person_document": 3, "idp_affiliation": 6}


def test_cancelling_destroys_the_key_and_ends_the_work(any_world: World) -> None:
    world = any_world
    import_id = world.upload(as_csv(make_people(5)))
    with world.database.write() as session:
        cancel(session, import_id, school_id=world.ids[ZHENGZHOU], actor=world.registrar, now=world.clock.now())
    world.work()
    job = world.job(import_id)
    assert (job.state, job.wrapped_key) == ("cancelled", None)
    with pytest.raises(errors.ImportStateError):
        world.confirm(import_id)


def test_another_schools_import_is_unknown(world: World) -> None:
    job = world.dry_run(as_csv(make_people(2)))
    with pytest.raises(errors.ImportUnknownError):
        world.confirm(job.id, HENAN)
    with pytest.raises(errors.ImportUnknownError), world.database.write() as session:
        cancel(session, job.id, school_id=world.ids[HENAN], actor=world.registrar, now=world.clock.now())


def test_one_import_of_a_school_is_written_at_a_time(world: World) -> None:
    first, second = world.dry_run(as_csv(make_people(2))), world.dry_run(as_csv(make_people(2, seed=2)))
    world.confirm(first.id)
    with pytest.raises(errors.ImportRunningError):
        world.confirm(second.id)
    with pytest.raises(errors.ImportStateError):
        world.confirm(first.id)
    world.work()
    world.confirm(second.id)


def test_the_file_is_gone_once_it_is_read(world: World) -> None:
    world.dry_run(as_csv(make_people(60)))
    with world.database.read() as session:
        assert session.scalar(select(func.count()).select_from(ImportPiece)) == 0
        assert session.scalar(select(func.count()).select_from(ImportBlock)) == 3


def test_a_dry_run_writes_no_person_and_few_statements(world: World) -> None:
    """Counts the writes of a dry run: blocks and their outcomes, never people."""
    written: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            written.append(statement.split()[2 if statement.startswith(("INSERT", "DELETE")) else 1])

    event.listen(world.database.engine, "before_cursor_execute", note)
    world.dry_run(as_csv(make_people(100)))
    event.remove(world.database.engine, "before_cursor_execute", note)
    assert not {"idp_person", "idp_person_document", "idp_affiliation"} & set(written)
    assert len(written) < 30
