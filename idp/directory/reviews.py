"""Rows that wait for people: the county looks at the papers with the school, and returns the row with a note.

An officer sees which school and which student number, never the other registration that
the row touches: that may be another region's. The school corrects its row, or the other
school its own; the next import then finds agreement.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from idp.directory import store
from idp.directory.errors import ReviewUnknownError
from idp.directory.models import ReviewCase
from idp.directory.names import clean_title
from idp.directory.power import known_organisation
from kernel import audit


def return_to_school(
    session: Session, case_id: UUID, *, officer_of: str, note: str, actor: UUID, now: datetime
) -> ReviewCase:
    """Close an open case with a note for the school.

    Raises:
        ReviewUnknownError: There is no such open case in the officer's subtree.
        InputError: The note is empty, too long, or holds control characters.
    """
    found = store.review_case(session, case_id)
    power = known_organisation(session, officer_of).path
    if found is None or not found[1].path.startswith(power) or found[0].status != "open":
        raise ReviewUnknownError("there is no such open case")
    case, school = found
    case.status, case.note = "returned", clean_title(note)
    case.decided_at, case.decided_by = now, actor
    audit.record(
        session,
        at=now,
        action="directory.review.returned",
        actor=actor,
        subject=case.id,
        organisation=school.code,
    )
    return case
