"""Shares, their look-ups, and what is purged of them, in the database."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from credentials.models import Share, ShareLookup

PAGE = 50


def add_share(session: Session, share: Share) -> None:
    """Store a share; a form that was sent twice fails on its unique index."""
    session.add(share)


def share(session: Session, share_id: UUID) -> Share | None:
    """Return one share."""
    return session.get(Share, share_id)


def share_for_update(session: Session, share_id: UUID) -> Share | None:
    """Return one share and keep others from changing it until the transaction ends."""
    return session.get(Share, share_id, with_for_update=True)


def share_by_lookup(session: Session, lookup_index: bytes) -> Share | None:
    """Return the share whose look-up id has this keyed hash."""
    return session.scalar(select(Share).where(Share.lookup_index == lookup_index))


def share_of_form(session: Session, person_id: UUID, form: str) -> Share | None:
    """Return the share that this form made already, if any."""
    return session.scalar(select(Share).where(Share.person_id == person_id, Share.form == form))


def shares_of_person(
    session: Session, person_id: UUID, *, credential_id: UUID | None = None, limit: int = PAGE, offset: int = 0
) -> list[Share]:
    """Return a holder's shares, the newest first."""
    query = select(Share).where(Share.person_id == person_id)
    if credential_id is not None:
        query = query.where(Share.credential_id == credential_id)
    return list(session.scalars(query.order_by(Share.id.desc()).limit(limit).offset(offset)))


def add_lookup(session: Session, lookup: ShareLookup) -> None:
    """Record one look at a share."""
    session.add(lookup)


def count_failure(session: Session, share_id: UUID) -> None:
    """Count one wrong PIN."""
    session.execute(update(Share).where(Share.id == share_id).values(pin_failures=Share.pin_failures + 1))


def forget_failures(session: Session, share_id: UUID) -> None:
    """Start counting wrong PINs anew after a right one."""
    session.execute(update(Share).where(Share.id == share_id, Share.pin_failures > 0).values(pin_failures=0))


def lookups_of(session: Session, share_id: UUID, *, limit: int = PAGE) -> list[ShareLookup]:
    """Return the looks at a share, the newest first."""
    query = select(ShareLookup).where(ShareLookup.share_id == share_id).order_by(ShareLookup.id.desc())
    return list(session.scalars(query.limit(limit)))


def count_lookups(session: Session, share_ids: list[UUID]) -> dict[UUID, tuple[int, datetime]]:
    """Return how often each share was opened and when last."""
    query = (
        select(ShareLookup.share_id, func.count(), func.max(ShareLookup.at))
        .where(ShareLookup.share_id.in_(share_ids), ShareLookup.result == "opened")
        .group_by(ShareLookup.share_id)
    )
    return {share_id: (count, last) for share_id, count, last in session.execute(query)}


def close_expired(session: Session, now: datetime) -> int:
    """Take the ciphertexts from shares whose time is over; return how many."""
    result = session.execute(
        update(Share)
        .where(Share.ciphertext.is_not(None), Share.expires_at <= now)
        .values(ciphertext=None, nonce=None, pin=None)
    )
    return int(result.rowcount)  # type: ignore[attr-defined]  # An UPDATE's CursorResult has it.


def purge_shares(session: Session, before: datetime, *, limit: int = 500) -> int:
    """Delete shares that ended before `before`, with their look-ups; return how many."""
    ended = or_(Share.expires_at < before, Share.withdrawn_at < before)
    old = list(session.scalars(select(Share.id).where(ended).limit(limit)))
    if old:
        session.execute(delete(ShareLookup).where(ShareLookup.share_id.in_(old)))
        session.execute(delete(Share).where(Share.id.in_(old)))
    return len(old)


def purge_lookups(session: Session, before: datetime) -> int:
    """Delete look-ups older than `before`: shares until withdrawal would gather them for ever."""
    result = session.execute(delete(ShareLookup).where(ShareLookup.at < before))
    return int(result.rowcount)  # type: ignore[attr-defined]  # A DELETE's CursorResult has it.
