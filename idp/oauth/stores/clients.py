"""Rows of platforms."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import Row, Table, bindparam, select
from sqlalchemy.orm import Session

from idp.oauth.models import Client
from kernel.store import Executor

_CLIENT = cast(Table, Client.__table__)
_BY_ID = select(_CLIENT).where(_CLIENT.c.client_id == bindparam("client_id"))


def row(on: Executor, client_id: str) -> Row[Any] | None:
    """Return a platform's values, for reading."""
    return on.execute(_BY_ID, {"client_id": client_id}).one_or_none()


def client(session: Session, client_id: str, *, lock: bool = False) -> Client | None:
    """Return a platform, for changing it."""
    found = select(Client).where(Client.client_id == client_id)
    return session.scalar(found.with_for_update() if lock else found)
