"""The audit trail: who, what, on whom, from where, when, result. Identifiers only, no personal data.

Events are appended in the transaction of what they tell of, or in a short one of their own
before a refusal is raised. A worker gives them their position in a hash chain afterwards:
appending stays free of a common lock. The hash is a parameter.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, Integer, LargeBinary, String, Uuid, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from kernel.db import Base, UtcDateTime

Hash = Callable[[bytes], bytes]
GENESIS = bytes(32)


class AuditEvent(Base):
    """One event; once chained, `link` is the hash over the link at `position` - 1 and itself."""

    __tablename__ = "kernel_audit"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    actor: Mapped[UUID | None] = mapped_column(Uuid)
    action: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str | None] = mapped_column(String(128))
    organisation: Mapped[str | None] = mapped_column(String(10), index=True)
    origin: Mapped[str | None] = mapped_column(String(64))
    result: Mapped[str] = mapped_column(String(16))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)
    position: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    link: Mapped[bytes | None] = mapped_column(LargeBinary(32))


def record(  # noqa: PLR0913 - the columns of an event, all by name
    session: Session,
    *,
    at: datetime,
    action: str,
    actor: UUID | None = None,
    subject: str | UUID | None = None,
    organisation: str | None = None,
    origin: str | None = None,
    result: str = "done",
    **detail: str | int,
) -> None:
    """Append one event to the trail in `session`'s transaction."""
    session.add(
        AuditEvent(
            at=at,
            actor=actor,
            action=action,
            subject=None if subject is None else str(subject),
            organisation=organisation,
            origin=origin,
            result=result,
            detail=detail,
        )
    )


def chain_events(session: Session, hash_: Hash, limit: int = 500) -> int:
    """Give up to `limit` events their place in the chain; return how many."""
    last = _last(session)
    position, previous = (0, GENESIS) if last is None or last.link is None else (last.position or 0, last.link)
    pending = session.scalars(
        select(AuditEvent).where(AuditEvent.position.is_(None)).order_by(AuditEvent.id).limit(limit)
    ).all()
    for position, event in enumerate(pending, start=position + 1):  # noqa: B020 - goes on where it stood
        event.position = position
        previous = event.link = hash_(previous + _bytes(event))
    return len(pending)


def first_broken_event(session: Session, hash_: Hash) -> int | None:
    """Return the number of the first chained event whose link does not fit, or None."""
    previous: bytes | None = None
    chained = select(AuditEvent).where(AuditEvent.position.is_not(None)).order_by(AuditEvent.position)
    for event in session.scalars(chained):
        if previous is None and event.position == 1:
            previous = GENESIS
        if previous is not None and event.link != hash_(previous + _bytes(event)):
            return event.id
        previous = event.link
    return None


def purge_events(session: Session, before: datetime) -> int:
    """Delete chained events older than `before`, but never the last one: it carries the chain on."""
    last = _last(session)
    if last is None:
        return 0
    result = session.execute(delete(AuditEvent).where(AuditEvent.position < last.position, AuditEvent.at < before))
    return int(result.rowcount)  # type: ignore[attr-defined]  # A DELETE's CursorResult has it.


def _last(session: Session) -> AuditEvent | None:
    chained = select(AuditEvent).where(AuditEvent.position.is_not(None))
    return session.scalar(chained.order_by(AuditEvent.position.desc()).limit(1))


def _bytes(event: AuditEvent) -> bytes:
    fields = [
        event.id,
        event.at.isoformat(),
        None if event.actor is None else str(event.actor),
        event.action,
        event.subject,
        event.organisation,
        event.origin,
        event.result,
        event.detail,
    ]
    return json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
