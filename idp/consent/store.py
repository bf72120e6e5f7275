"""Rows of consent: receipts, the words they were given to, what children put to their guardians."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Row, Table, bindparam, delete, func, or_, select, update
from sqlalchemy.orm import Session

from idp.models import Consent, ConsentRequest, ConsentText
from kernel.store import Executor, Expired, changed, insert_new

PAGE = 20
EXPORT = 2_000


_CONSENT = cast(Table, Consent.__table__)
_LIVE = (
    select(*(_CONSENT.c[name] for name in ("owner", "purpose", "scope", "fields", "guardianship_id")))
    .where(
        _CONSENT.c.person_id == bindparam("person_id"),
        _CONSENT.c.client_id == bindparam("client_id"),
        _CONSENT.c.withdrawn_at.is_(None),
        _CONSENT.c.until > bindparam("now"),
    )
    .order_by(_CONSENT.c.given_at)
)


def live_consents(
    on: Executor, person_id: UUID, client_id: str, now: datetime, *, by_guardian: bool
) -> Sequence[Row[Any]]:
    """Return what the platform is allowed now by the person, or by a guardian: at every authorization."""
    found = on.execute(_LIVE, {"person_id": person_id, "client_id": client_id, "now": now})
    return [row for row in found if (row.guardianship_id is not None) is by_guardian]


def live_consents_of(session: Session, person_id: UUID, now: datetime) -> Sequence[Consent]:
    """Return all that the person's platforms are allowed now, the latest first."""
    mine = select(Consent).where(Consent.person_id == person_id, Consent.withdrawn_at.is_(None), Consent.until > now)
    return session.scalars(mine.order_by(Consent.given_at.desc(), Consent.id.desc()).limit(200)).all()


def receipts_page(session: Session, person_id: UUID, page: int) -> tuple[list[Consent], bool]:
    """Return a page of the person's receipts, ended ones too, the latest first, and whether more follow."""
    query = (
        select(Consent)
        .where(Consent.person_id == person_id)
        .order_by(Consent.given_at.desc(), Consent.id.desc())
        .offset((page - 1) * PAGE)
        .limit(PAGE + 1)
    )
    rows = list(session.scalars(query))
    return rows[:PAGE], len(rows) > PAGE


def receipts(session: Session, person_id: UUID) -> Sequence[Consent]:
    """Return the person's receipts for an export, the latest first."""
    mine = select(Consent).where(Consent.person_id == person_id)
    return session.scalars(mine.order_by(Consent.given_at.desc(), Consent.id.desc()).limit(EXPORT)).all()


def end_consents(session: Session, person_id: UUID, client_id: str, *, by: UUID, ending: str, now: datetime) -> int:
    """End all that the platform is allowed of the person; return how many consents ended."""
    return changed(
        session.execute(
            update(Consent)
            .where(
                Consent.person_id == person_id,
                Consent.client_id == client_id,
                Consent.withdrawn_at.is_(None),
                Consent.until > now,
            )
            .values(withdrawn_at=now, withdrawn_by=by, ending=ending)
        )
    )


def live_under_guardianship(session: Session, guardianship_id: UUID, now: datetime) -> Sequence[Consent]:
    """Return what was allowed under a guardianship and still holds."""
    given = select(Consent).where(
        Consent.guardianship_id == guardianship_id, Consent.withdrawn_at.is_(None), Consent.until > now
    )
    return session.scalars(given).all()


def end_by_guardians(session: Session, person_id: UUID, now: datetime) -> Sequence[str]:
    """End what guardians allowed of a person who is no child any more; return of which platforms."""
    open_ = (
        Consent.person_id == person_id,
        Consent.guardianship_id.is_not(None),
        Consent.withdrawn_at.is_(None),
    )
    platforms = session.scalars(select(Consent.client_id).where(*open_).distinct()).all()
    if platforms:
        session.execute(update(Consent).where(*open_).values(withdrawn_at=now, ending="of_age"))
    return platforms


def to_check(session: Session, today: date, limit: int) -> Sequence[Consent]:
    """Return what guardians allowed, where it is time to look how old the child is."""
    due = select(Consent).where(Consent.check_on <= today, Consent.withdrawn_at.is_(None)).limit(limit)
    return session.scalars(due).all()


def over(session: Session, now: datetime, limit: int) -> Sequence[Consent]:
    """Return consents whose time is over and whose tokens were not ended yet."""
    late = select(Consent).where(Consent.until <= now, Consent.withdrawn_at.is_(None)).limit(limit)
    return session.scalars(late).all()


def keep_text(session: Session, version: str, text: str, now: datetime) -> None:
    """Keep the words of a version, unless that was done before."""
    insert_new(session, ConsentText, {"version": version, "text": text, "first_used_at": now})


def request_of(session: Session, person_id: UUID, client_id: str, now: datetime) -> ConsentRequest | None:
    """Return what a child put to the guardians about a platform, open or refused, that has not expired."""
    return session.scalar(
        select(ConsentRequest).where(
            ConsentRequest.person_id == person_id,
            ConsentRequest.client_id == client_id,
            ConsentRequest.expires_at > now,
        )
    )


def request(session: Session, id_: UUID, now: datetime, *, lock: bool = False) -> ConsentRequest | None:
    """Return an open request."""
    found = select(ConsentRequest).where(
        ConsentRequest.id == id_, ConsentRequest.state == "open", ConsentRequest.expires_at > now
    )
    return session.scalar(found.with_for_update() if lock else found)


def open_requests(session: Session, person_ids: Collection[UUID], now: datetime) -> Sequence[ConsentRequest]:
    """Return what these children put to their guardians and is not decided, oldest first."""
    waiting = select(ConsentRequest).where(
        ConsentRequest.person_id.in_(person_ids), ConsentRequest.state == "open", ConsentRequest.expires_at > now
    )
    return session.scalars(waiting.order_by(ConsentRequest.created_at, ConsentRequest.id).limit(200)).all()


def count_requests(session: Session, person_id: UUID, now: datetime) -> int:
    """Return how many requests of a child are open."""
    mine = select(func.count()).where(
        ConsentRequest.person_id == person_id, ConsentRequest.state == "open", ConsentRequest.expires_at > now
    )
    return session.scalar(mine) or 0


def drop_request(session: Session, person_id: UUID, client_id: str) -> None:
    """Forget what a child put to the guardians about a platform."""
    gone = delete(ConsentRequest).where(ConsentRequest.person_id == person_id, ConsentRequest.client_id == client_id)
    session.execute(gone)


def drop_open_request(session: Session, id_: UUID) -> bool:
    """Take an open request away, because it was decided; False where somebody was first."""
    gone = delete(ConsentRequest).where(ConsentRequest.id == id_, ConsentRequest.state == "open")
    return changed(session.execute(gone)) == 1


def refuse_request(session: Session, id_: UUID, *, by: UUID, until: datetime) -> bool:
    """Note a refusal, remembered until `until`; False where somebody was first."""
    open_ = update(ConsentRequest).where(ConsentRequest.id == id_, ConsentRequest.state == "open")
    done = session.execute(open_.values(state="refused", decided_by=by, expires_at=until))
    return changed(done) == 1


def expired(now: datetime, *, ended_before: datetime) -> tuple[Expired, ...]:
    """Return what has had its time: receipts that ended long ago, requests that nobody decided."""
    return (
        (Consent.id, or_(Consent.withdrawn_at < ended_before, Consent.until < ended_before)),
        (ConsentRequest.id, ConsentRequest.expires_at < now),
    )
