"""Check a file of graduates and stage its good rows: nothing is issued here.

The file is read as a whole first, so that one with a missing column leaves nothing behind.
Then rows are staged in short transactions under a batch that nobody sees before it is
complete. What is staged is sealed under the batch's own data key.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from credentials import batch_store, store
from credentials.directory import School
from credentials.errors import BatchNotFoundError, IssuerNotAllowedError
from credentials.graduates import COLUMNS, Columns, Graduate, Problem, columns_of, complete, parse_row
from credentials.indices import award_index, number_index
from credentials.models import Batch, BatchRow
from credentials.patience import write_patiently
from credentials.ports import CredentialServices
from credentials.sheet import MAX_ROWS, SheetRow, read_sheet
from credentials.types.credential_type import CredentialType
from credentials.types.diploma import DIPLOMA
from kernel import audit
from kernel.access import Actor
from kernel.ids import new_id

_LOOKED_UP: Final = 250
_WRITTEN: Final = 50


@dataclass(frozen=True, slots=True)
class WrongRow:
    """A row that cannot be issued: what stood in it, and why not."""

    row: int
    cells: dict[str, str]
    problems: list[Problem]


@dataclass(slots=True)
class _Seen:
    """What earlier rows of the same file hold already, and the counts so far."""

    numbers: dict[str, int] = field(default_factory=dict)
    students: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=lambda: {"good": 0, "wrong": 0, "same": 0})


def issuing_school(by: CredentialServices, code: str, type_: CredentialType = DIPLOMA) -> School:
    """Return the school that is to issue `type_`.

    Raises:
        IssuerNotAllowedError: It is unknown, or schools of its type do not issue this.
    """
    school = by.directory.school(code)
    if school is None or school.type not in type_.school_types:
        raise IssuerNotAllowedError("this school does not issue this type", code=code)
    return school


def check_file(
    by: CredentialServices,
    content: bytes,
    *,
    file_name: str,
    actor: Actor,
    max_rows: int = MAX_ROWS,
) -> UUID:
    """Check `content` for the actor's school, stage it, and return the batch's id.

    Takes seconds for a large file: call it in a thread.

    Raises:
        SheetError: The file cannot be read, or columns are missing; nothing is stored.
        IssuerNotAllowedError: The actor's school may not issue diplomas.
    """
    school = issuing_school(by, actor.organisation("registrar"))
    sheet = read_sheet(content, max_rows=max_rows)
    columns = columns_of(sheet.headings)
    batch_id = new_id()
    key = by.vault.new_key(batch_id)
    write_patiently(
        by.database,
        lambda session: batch_store.add_batch(
            session,
            Batch(
                id=batch_id,
                issuer_code=school.code,
                vct=DIPLOMA.vct,
                state="staging",
                file_name=_file_name(file_name),
                unused_columns=list(columns.unused[:20]),
                key=key,
                created_by=actor.person_id,
                created_at=by.clock.now(),
            ),
        ),
    )
    counts = _stage(by, school, batch_id, key, sheet.rows, columns)

    def _complete(session: Session) -> None:
        batch = batch_store.batch_for_update(session, batch_id)
        if batch is None:
            raise BatchNotFoundError("the batch was purged while it was staged")
        batch.state = "checked"
        batch.good, batch.wrong, batch.same = counts["good"], counts["wrong"], counts["same"]
        audit.record(
            session,
            at=by.clock.now(),
            action="batch.checked",
            actor=actor.person_id,
            subject=batch_id,
            organisation=school.code,
            good=batch.good,
            wrong=batch.wrong,
            same=batch.same,
        )

    write_patiently(by.database, _complete)
    return batch_id


def wrong_rows(
    session: Session, batch: Batch, *, by: CredentialServices, after: int = 0, limit: int = 50
) -> list[WrongRow]:
    """Return the wrong rows of a batch behind row `after`."""
    return [
        _open_wrong(by, batch, row)
        for row in batch_store.rows_in_state(session, batch.id, "wrong", after=after, limit=limit)
    ]


def claims_of(by: CredentialServices, batch: Batch, row: BatchRow) -> dict[str, Any]:
    """Return the claims that were staged for a good row."""
    claims: dict[str, Any] = json.loads(_unseal(by, batch, row))
    return claims


def _stage(
    by: CredentialServices, school: School, batch_id: UUID, key: bytes, rows: Sequence[SheetRow], columns: Columns
) -> dict[str, int]:
    seen = _Seen()
    today = by.clock.now().date()
    for chunk in _chunks(rows, _LOOKED_UP):
        graduates = [parse_row(row, columns, today=today) for row in chunk]
        judged = _judge(by, school, graduates, seen)
        staged = [
            _row(by, batch_id, key, graduate, cells=_cells(row, columns), judgement=judgement)
            for row, graduate, judgement in zip(chunk, graduates, judged, strict=True)
        ]
        for part in _chunks(staged, _WRITTEN):
            write_patiently(by.database, lambda session, part=part: batch_store.insert_rows(session, part))  # type: ignore[misc]  # mypy cannot type a default in a lambda
    return seen.counts


@dataclass(frozen=True, slots=True)
class _Judgement:
    state: str
    person_id: UUID | None = None
    claims: dict[str, Any] | None = None


def _judge(by: CredentialServices, school: School, graduates: Sequence[Graduate], seen: _Seen) -> list[_Judgement]:
    people = by.directory.graduates(school.code, {graduate.student_no for graduate in graduates if graduate.student_no})
    found = []
    for graduate in graduates:
        person = people.get(graduate.student_no)
        claims = complete(graduate, school=school, person=person)
        _reject_repeated(graduate, seen)
        numbers = awards = b""
        if claims and person is not None:
            numbers = number_index(by.blind, DIPLOMA.vct, school.code, claims["certificate_number"])
            awards = award_index(by.blind, DIPLOMA.vct, school.code, person.person_id, claims)
        found.append((graduate, person, claims, numbers, awards))
    with by.database.read() as session:
        taken = store.taken_numbers(session, [numbers for *_, numbers, _ in found if numbers])
        awarded = store.taken_awards(session, [awards for *_, awards in found if awards])
    judgements = []
    for graduate, person, claims, numbers, awards in found:
        same = numbers in taken and person is not None and taken[numbers] == (person.person_id, awards)
        if numbers in taken and not same:
            graduate.reject("certificate_number", "number_taken")
        elif awards in awarded and not same:
            graduate.reject("student_no", "already_awarded")
        state = "wrong" if graduate.problems else "same" if same else "good"
        seen.counts[state] += 1
        judgements.append(_Judgement(state, person.person_id if person else None, claims))
    return judgements


def _reject_repeated(graduate: Graduate, seen: _Seen) -> None:
    number = graduate.values.get("certificate_number")
    if number:
        first = seen.numbers.setdefault(number, graduate.row)
        if first != graduate.row:
            graduate.reject("certificate_number", "repeated", first=first)
    if graduate.student_no:
        first = seen.students.setdefault(graduate.student_no, graduate.row)
        if first != graduate.row:
            graduate.reject("student_no", "repeated", first=first)


def _row(
    by: CredentialServices,
    batch_id: UUID,
    key: bytes,
    graduate: Graduate,
    *,
    cells: dict[str, str],
    judgement: _Judgement,
) -> dict[str, Any]:
    good = judgement.state == "good"
    sealed: bytes | None = None
    if judgement.state != "same":
        content = judgement.claims if good else {"cells": cells, "problems": graduate.problems}
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        place = {"table": "cred_batch_row", "column": "sealed", "row": str(graduate.row)}
        sealed = by.vault.encrypt(key, batch_id, text, **place)
    return {
        "batch_id": batch_id,
        "row": graduate.row,
        "state": judgement.state,
        "credential_id": new_id() if good else None,
        "person_id": judgement.person_id if good else None,
        "sealed": sealed,
    }


def _open_wrong(by: CredentialServices, batch: Batch, row: BatchRow) -> WrongRow:
    content = json.loads(_unseal(by, batch, row))
    return WrongRow(row.row, content["cells"], [Problem(*problem) for problem in content["problems"]])


def _unseal(by: CredentialServices, batch: Batch, row: BatchRow) -> str:
    place = {"table": "cred_batch_row", "column": "sealed", "row": str(row.row)}
    return by.vault.decrypt(batch.key, batch.id, row.sealed or b"", **place)


def _cells(row: SheetRow, columns: Columns) -> dict[str, str]:
    places = ((column, columns.places.get(column)) for column in COLUMNS)
    return {column: row.cells[place] for column, place in places if place is not None and place < len(row.cells)}


def _file_name(name: str) -> str:
    shown = "".join(sign for sign in name.replace("\\", "/").rsplit("/", 1)[-1] if sign.isprintable())
    return shown[-120:] or "graduates"


def _chunks(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[at : at + size] for at in range(0, len(items), size))
