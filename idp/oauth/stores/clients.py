"""Rows of platforms."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import Row, Table, bindparam, func, select, update
from sqlalchemy.orm import Session

from idp.oauth.models import Client, ClientToken, Grant
from kernel.store import Executor

_CLIENT = cast(Table, Client.__table__)
_POSSIBLE: Final = re.compile(r"[!-~]{1,64}")  # RFC 6749 appendix A.1, without spaces. PostgreSQL refuses a NUL.
_BY_ID = select(_CLIENT).where(_CLIENT.c.client_id == bindparam("client_id"))


def row(on: Executor, client_id: str) -> Row[Any] | None:
    """Return a platform's values, for reading; an id that cannot be one is not looked up."""
    return None if not _POSSIBLE.fullmatch(client_id) else on.execute(_BY_ID, {"client_id": client_id}).one_or_none()


def client(session: Session, client_id: str, *, lock: bool = False) -> Client | None:
    """Return a platform, for changing it."""
    if not _POSSIBLE.fullmatch(client_id):
        return None
    found = select(Client).where(Client.client_id == client_id)
    return session.scalar(found.with_for_update() if lock else found)


def live_of(session: Session, registered_by: UUID, kind: str, now: datetime) -> int:
    """Return how many platforms of a kind that a person registered are in use."""
    mine = select(func.count()).select_from(Client).where(Client.registered_by == registered_by, Client.kind == kind)
    return session.scalar(mine.where(Client.state == "active", Client.expires_at > now)) or 0


def end_tokens(session: Session, client_id: str, now: datetime) -> None:
    """End every code and token that a platform holds, of people and of its own."""
    for held in (Grant, ClientToken):
        ended = update(held).where(held.client_id == client_id, held.revoked_at.is_(None)).values(revoked_at=now)
        session.execute(ended)
