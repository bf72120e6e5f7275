"""Activation codes for the people of a finished import: made, stored as hashes, and returned once.

Whoever has an account, or whose account begins at another organisation, gets none, and
the sheet does not tell these two apart.
"""

from __future__ import annotations

from typing import Final, NamedTuple
from uuid import UUID

from idp.directory import store as directory
from idp.directory.activation import NewCode, draft_code, give_codes
from idp.directory.models import Affiliation, Person
from idp.directory.profiles import open_profile
from idp.directory.roster import store
from idp.directory.roster.errors import ImportStateError
from idp.directory.roster.models import RosterImport
from idp.directory.roster.rows import RosterRow
from idp.directory.roster.sealing import ImportSeal
from idp.directory.services import DirectoryServices
from kernel import audit
from kernel.db import Database
from kernel.pages import ZONE

BLOCKS_AT_ONCE: Final = 4


class SheetRow(NamedTuple):
    """A line of the sheet; `code` is None where none is needed."""

    number: str
    name: str
    eid: str
    code: str | None


def make_codes(database: Database, job: RosterImport, *, actor: UUID, by: DirectoryServices) -> list[SheetRow]:
    """Make codes for all who need one; earlier codes of the same people are void. Slow: call it in a thread.

    Raises:
        ImportStateError: The import is not done, or its rows are purged.
    """
    if job.state != "done" or job.wrapped_key is None:
        raise ImportStateError("codes follow a finished import", state=job.state)
    seal = ImportSeal(by.vault, job.wrapped_key, job.id)
    sheet: list[SheetRow] = []
    number, count = -1, 0
    while True:
        with database.read() as session:
            blocks = store.blocks_after(session, job.id, number, BLOCKS_AT_ONCE)
            if not blocks:
                break
            number = blocks[-1].number
            lines = [row for block in blocks for _, row in seal.open_rows(block.number, block.rows)]
            numbers = [row.number for row in lines if isinstance(row, RosterRow)]
            students = directory.students(session, job.organisation_id, numbers)
            today = by.clock.now().astimezone(ZONE).date()
            homes = directory.first_homes(session, [person.id for _, person in students.values()], today)
        found = [students[wanted] for wanted in numbers if wanted in students]
        codes = {
            person.id: draft_code(person.id, by)
            for affiliation, person in found
            if person.activated_at is None and homes.get(person.id) == job.organisation_id and affiliation.until is None
        }
        _store(database, job, list(codes.values()), actor=actor, by=by)
        count += len(codes)
        sheet += [_row(affiliation, person, codes.get(person.id), by) for affiliation, person in found]
    now = by.clock.now()
    with database.write() as session:
        store.advance(session, job.id, "done", codes_at=now)
        audit.record(
            session, at=now, action="directory.activation.codes_given", actor=actor, subject=job.id, codes=count
        )
    return sheet


def _store(database: Database, job: RosterImport, codes: list[NewCode], *, actor: UUID, by: DirectoryServices) -> None:
    if codes:
        with database.write() as session:
            give_codes(session, codes, given_by=actor, organisation_id=job.organisation_id, now=by.clock.now())


def _row(affiliation: Affiliation, person: Person, code: NewCode | None, by: DirectoryServices) -> SheetRow:
    profile = open_profile(by.vault, person.wrapped_key, person.id, person.profile)
    return SheetRow(affiliation.number or "", profile.name, person.eid, None if code is None else code.code)
