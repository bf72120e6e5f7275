"""What sign-in and platforms need of a person, read from the directory and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from sqlalchemy.orm import Session

from crypto.envelope import FieldVault
from idp.directory import lookup
from idp.oauth.claims import Affiliation, Subject
from kernel.access import STAFF, Role


def subject_of(session: Session, person_id: UUID, *, vault: FieldVault, today: date) -> Subject | None:
    """Return what may be told of a person by scope, or None where the directory knows nobody."""
    person = lookup.person_by_id(session, vault, person_id)
    if person is None:
        return None
    affiliations = tuple(
        Affiliation(
            held.organisation_code,
            held.role,
            held.student_status,
            held.grade,
            held.since,
            held.organisation_name,
            held.organisation_name_en,
        )
        for held in lookup.affiliations_of(session, person_id, today)
    )
    return Subject(person.name, person.eid, person.birthdate, f"L{person.level}", affiliations)


def is_staff(roles: Iterable[Role]) -> bool:
    """Whether somebody's roles ask for staff's rules: two factors, a longer password, a shorter idle time."""
    return any(role.name in STAFF for role in roles)
