"""What sign-in and platforms need of a person, read from the directory and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from crypto.envelope import FieldVault
from idp.directory import guardianship, lookup
from idp.oauth.claims import GUARDIAN, Affiliation, Subject
from kernel.access import STAFF, Role
from kernel.pages import ZONE
from kernel.store import Executor


def subject_of(on: Executor, person_id: UUID, *, vault: FieldVault, now: datetime) -> Subject | None:
    """Return what may be told of a person by scope, or None where the directory knows nobody."""
    found = lookup.person_with_places(on, vault, person_id, now.astimezone(ZONE).date())
    if found is None:
        return None
    person, places = found
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
        for held in places
    )
    children = 0
    if any(held.role == GUARDIAN for held in affiliations):  # Nobody else pays for the look-up.
        session = on if isinstance(on, Session) else Session(on)
        children = guardianship.count_children(session, person_id, now=now, vault=vault)
    return Subject(person.name, person.eid, person.birthdate, f"L{person.level}", affiliations, children)


def is_staff(roles: Iterable[Role]) -> bool:
    """Whether somebody's roles ask for staff's rules: two factors, a longer password, a shorter idle time."""
    return any(role.name in STAFF for role in roles)
