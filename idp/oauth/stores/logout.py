"""Rows of signing out: platforms that took part in a signed-in browser, and what they are to be told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Row, Table, bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from idp.oauth.logout_models import LogoutDelivery, SessionClient
from idp.oauth.models import Client
from kernel.store import Executor, Expired, changed, insert_new

_PART = cast(Table, SessionClient.__table__)
_DELIVERY = cast(Table, LogoutDelivery.__table__)
_PROLONG = (
    update(_PART)
    .where(_PART.c.session_id == bindparam("session"), _PART.c.client_id == bindparam("client"))
    .values(expires_at=bindparam("until"), sub=bindparam("name"))
)
_DUE = (
    select(_DELIVERY)
    .where(_DELIVERY.c.next_at <= bindparam("now"), _DELIVERY.c.expires_at > bindparam("now"))
    .order_by(_DELIVERY.c.next_at)
    .limit(bindparam("most"))
)


def note_participant(on: Executor, session_id: UUID, client_id: str, sub: str, until: datetime) -> None:
    """Note that a platform takes part in a signed-in browser, until its end at the latest."""
    known = {"session": session_id, "client": client_id, "until": until, "name": sub}
    if changed(on.execute(_PROLONG, known)) == 0:
        values = {"session_id": session_id, "client_id": client_id, "sub": sub, "expires_at": until}
        insert_new(on, SessionClient, values)


def prolong_participants(session: Session, session_id: UUID, until: datetime) -> None:
    """Keep what is known of a browser whose person signed in anew."""
    session.execute(update(SessionClient).where(SessionClient.session_id == session_id).values(expires_at=until))


def participants(session: Session, session_ids: Sequence[UUID]) -> Sequence[Row[SessionClient, Client]]:
    """Return which platforms took part in these browsers, with what they registered."""
    took_part = (
        select(SessionClient, Client)
        .join(Client, Client.client_id == SessionClient.client_id)
        .where(SessionClient.session_id.in_(session_ids))
        .order_by(SessionClient.session_id, SessionClient.client_id)
    )
    return session.execute(took_part).all()


def delete_participants(session: Session, session_ids: Sequence[UUID]) -> None:
    """Forget who took part in these browsers."""
    session.execute(delete(SessionClient).where(SessionClient.session_id.in_(session_ids)))


def queue(session: Session, deliveries: Iterable[dict[str, Any]]) -> None:
    """Keep what platforms are to be told."""
    if rows := list(deliveries):
        session.execute(insert(LogoutDelivery), rows)


def due(on: Executor, now: datetime, *, limit: int) -> Sequence[Row[Any]]:
    """Return what is to be told now, the longest overdue first."""
    return on.execute(_DUE, {"now": now, "most": limit}).all()


def claim(on: Executor, delivery_id: UUID, seen: datetime, until: datetime) -> bool:
    """Take a delivery over until `until`; False where another worker was first."""
    mine = update(_DELIVERY).where(_DELIVERY.c.id == delivery_id, _DELIVERY.c.next_at == seen)
    return changed(on.execute(mine.values(next_at=until, tries=_DELIVERY.c.tries + 1))) == 1


def put_off(on: Executor, delivery_id: UUID, until: datetime) -> None:
    """Try again later."""
    on.execute(update(_DELIVERY).where(_DELIVERY.c.id == delivery_id).values(next_at=until))


def finish(on: Executor, delivery_id: UUID) -> None:
    """Forget a delivery: it was taken, or given up."""
    on.execute(delete(_DELIVERY).where(_DELIVERY.c.id == delivery_id))


def expired(now: datetime) -> tuple[Expired, ...]:
    """Return what has had its time."""
    return (
        (SessionClient.session_id, SessionClient.expires_at < now),
        (LogoutDelivery.id, LogoutDelivery.expires_at < now),
    )
