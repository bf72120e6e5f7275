"""Rows of guardianship: who acts for which child. Each is one statement on an index."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import and_, exists, or_, select, update
from sqlalchemy.orm import Session, aliased

from idp.directory.models import Affiliation, Guardianship
from kernel.store import Expired, changed

PAGE = 50
AT_MOST = 50


def guardianship(session: Session, id_: UUID, *, lock: bool = False) -> Guardianship | None:
    """Return a link."""
    found = select(Guardianship).where(Guardianship.id == id_)
    return session.scalar(found.with_for_update() if lock else found)


def open_between(session: Session, child_id: UUID, guardian_id: UUID) -> Guardianship | None:
    """Return the link of these two that has not come to its end."""
    return session.scalar(
        select(Guardianship).where(
            Guardianship.child_id == child_id,
            Guardianship.guardian_id == guardian_id,
            Guardianship.closed_at.is_(None),
        )
    )


def open_of_guardian(session: Session, guardian_id: UUID) -> Sequence[Guardianship]:
    """Return the links of a guardian that have not come to their end, oldest first."""
    mine = select(Guardianship).where(Guardianship.guardian_id == guardian_id, Guardianship.closed_at.is_(None))
    return session.scalars(mine.order_by(Guardianship.proposed_at, Guardianship.id).limit(AT_MOST)).all()


def open_of_child(session: Session, child_id: UUID) -> Sequence[Guardianship]:
    """Return the links of a child that have not come to their end, oldest first."""
    mine = select(Guardianship).where(Guardianship.child_id == child_id, Guardianship.closed_at.is_(None))
    return session.scalars(mine.order_by(Guardianship.proposed_at, Guardianship.id).limit(AT_MOST)).all()


def page_of_school(session: Session, school_id: UUID, today: date, page: int) -> tuple[list[Guardianship], bool]:
    """Return a page of the open links of the children whose account begins at this school; the latest first.

    A child's school is that of the oldest running affiliation: a second school that enters a
    child has no say.
    """
    older = aliased(Affiliation)
    earlier = exists().where(
        older.person_id == Affiliation.person_id,
        or_(older.until.is_(None), older.until >= today),
        or_(
            older.created_at < Affiliation.created_at,
            and_(older.created_at == Affiliation.created_at, older.id < Affiliation.id),
        ),
    )
    at_home = exists().where(
        Affiliation.person_id == Guardianship.child_id,
        Affiliation.organisation_id == school_id,
        Affiliation.role == "student",
        or_(Affiliation.until.is_(None), Affiliation.until >= today),
        ~earlier,
    )
    query = (
        select(Guardianship)
        .where(Guardianship.closed_at.is_(None), at_home)
        .order_by(Guardianship.proposed_at.desc(), Guardianship.id.desc())
        .offset((page - 1) * PAGE)
        .limit(PAGE + 1)
    )
    rows = list(session.scalars(query))
    return rows[:PAGE], len(rows) > PAGE


def close(session: Session, id_: UUID, *, closing: str, by: UUID, now: datetime) -> bool:
    """End a link; False where it had come to its end already."""
    ended = update(Guardianship).where(Guardianship.id == id_, Guardianship.closed_at.is_(None))
    return changed(session.execute(ended.values(closing=closing, closed_by=by, closed_at=now))) == 1


def set_confirmed(session: Session, id_: UUID, *, by: UUID, now: datetime, effective_at: datetime) -> bool:
    """Confirm a proposal; False where somebody was first, or it has come to its end."""
    open_ = update(Guardianship).where(
        Guardianship.id == id_, Guardianship.closed_at.is_(None), Guardianship.confirmed_at.is_(None)
    )
    return changed(session.execute(open_.values(confirmed_by=by, confirmed_at=now, effective_at=effective_at))) == 1


def expired(*, proposed_before: datetime, closed_before: datetime) -> tuple[Expired, ...]:
    """Return what has had its time: proposals that nobody confirmed, links that ended long ago."""
    forgotten = and_(Guardianship.confirmed_at.is_(None), Guardianship.proposed_at < proposed_before)
    return ((Guardianship.id, or_(forgotten, Guardianship.closed_at < closed_before)),)
