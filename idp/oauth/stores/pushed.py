"""Rows of authorization requests that are kept until they are answered (RFC 9126)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import Row, Table, bindparam, insert, select, update

from idp.oauth.models import PushedRequest
from kernel.store import Executor, Expired, changed

_REQUEST: Final = cast(Table, PushedRequest.__table__)
_BY_HASH: Final = select(_REQUEST).where(_REQUEST.c.uri_hash == bindparam("hash"))
_INSERT: Final = insert(_REQUEST)
_USE: Final = (
    update(_REQUEST)
    .where(_REQUEST.c.uri_hash == bindparam("hash"), _REQUEST.c.used_at.is_(None))
    .values(used_at=bindparam("now"))
)


def insert_request(on: Executor, values: dict[str, Any]) -> None:
    """Keep a request."""
    on.execute(_INSERT, values)


def request(on: Executor, uri_hash: bytes) -> Row[Any] | None:
    """Return the request of this `request_uri`."""
    return on.execute(_BY_HASH, {"hash": uri_hash}).one_or_none()


def use_request(on: Executor, uri_hash: bytes, now: datetime) -> bool:
    """Note that it was answered; False where it had been already."""
    return changed(on.execute(_USE, {"hash": uri_hash, "now": now})) == 1


def expired(now: datetime) -> tuple[Expired, ...]:
    """Return what nobody can come with any more."""
    return ((PushedRequest.uri_hash, PushedRequest.expires_at < now),)
