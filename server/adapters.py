"""What one room needs of another that it may not import, joined here."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from credentials.directory import Person, School
from credentials.platform_access import Readable, Reading
from crypto.envelope import FieldVault
from idp.directory import lookup
from idp.oauth.authorization.details import CREDENTIAL
from idp.routes.resources import admit
from kernel.db import Database


class IdpDirectory:
    """The identity provider's directory as `credentials` sees it: `credentials.directory.Directory`."""

    def __init__(self, database: Database, vault: FieldVault) -> None:
        """Read from `database`; open personal fields with `vault`."""
        self._database = database
        self._vault = vault

    def school(self, code: str) -> School | None:
        """Return the school with the 10-digit `code`."""
        with self._database.read() as session:
            found = lookup.school_by_code(session, code)
        if found is None:
            return None
        return School(found.code, found.name, found.name_en, found.province, found.type, found.authority_codes)

    def graduates(self, school_code: str, student_numbers: Collection[str]) -> dict[str, Person]:
        """Return the people of this school's own roster by student number."""
        with self._database.read() as session:
            found = lookup.people_by_student_number(session, self._vault, school_code, student_numbers)
        return {number: _person(record) for number, record in found.items()}

    def person(self, person_id: UUID) -> Person | None:
        """Return one person."""
        with self._database.read() as session:
            found = lookup.person_by_id(session, self._vault, person_id)
        return None if found is None else _person(found)


async def token_gate(request: Request, path: str) -> Reading | Response:
    """Let in who presents an access token that the holder let read credentials with: `credentials`' token gate."""
    found = await admit(request, path)
    if isinstance(found, Response):
        return found
    readable = tuple(
        Readable(frozenset(part["credential_types"]), frozenset(part.get("issuers", ())))
        for part in found.token.details or ()
        if part["type"] == CREDENTIAL
    )
    headers = {"DPoP-Nonce": found.nonce} if found.nonce else {}
    return Reading(found.person_id, found.client.client_id, readable, headers)


def _person(record: lookup.PersonRecord) -> Person:
    return Person(record.person_id, record.name, record.gender, record.birthdate, record.student_no, record.eid)
