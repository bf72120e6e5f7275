"""Rows of grants and tokens. What machines repeat are Core statements built once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Row, Table, and_, bindparam, insert, select, update
from sqlalchemy.orm import Session

from idp.oauth.models import ClientToken, Grant, Token
from kernel.prepared import Prepared
from kernel.store import Executor, Expired, changed

_GRANT = cast(Table, Grant.__table__)
_TOKEN = cast(Table, Token.__table__)
_CLIENT_TOKEN = cast(Table, ClientToken.__table__)
_GRANT_BY_CODE = Prepared(select(_GRANT).where(_GRANT.c.code_hash == bindparam("hash")))
_TOKEN_COLUMNS = (
    _TOKEN,
    _GRANT.c.client_id,
    _GRANT.c.person_id,
    _GRANT.c.session_id,
    _GRANT.c.sub,
    _GRANT.c.scope.label("granted_scope"),
    _GRANT.c.acr,
    _GRANT.c.amr,
    _GRANT.c.auth_time,
    _GRANT.c.claims,
    _GRANT.c.resources.label("granted_resources"),
    _GRANT.c.details.label("granted_details"),
    _GRANT.c.created_at.label("granted_at"),
    _GRANT.c.revoked_at.label("grant_revoked_at"),
)
_TOKEN_WITH_GRANT = select(*_TOKEN_COLUMNS).join_from(_TOKEN, _GRANT, _GRANT.c.id == _TOKEN.c.grant_id)
_TOKEN_BY_ACCESS = Prepared(_TOKEN_WITH_GRANT.where(_TOKEN.c.access_hash == bindparam("hash")))
_TOKEN_BY_REFRESH = Prepared(_TOKEN_WITH_GRANT.where(_TOKEN.c.refresh_hash == bindparam("hash")))
_USE_CODE = (
    update(_GRANT)
    .where(_GRANT.c.id == bindparam("grant_id"), _GRANT.c.code_used_at.is_(None), _GRANT.c.revoked_at.is_(None))
    .values(code_used_at=bindparam("now"), expires_at=bindparam("until"))
)
_ROTATE = (
    update(_TOKEN)
    .where(
        _TOKEN.c.id == bindparam("token_id"),
        _TOKEN.c.rotated_at.is_(None),
        select(_GRANT.c.id).where(_GRANT.c.id == _TOKEN.c.grant_id, _GRANT.c.revoked_at.is_(None)).exists(),
    )
    .values(rotated_at=bindparam("now"))
)
_INSERT_GRANT = insert(_GRANT)
_INSERT_TOKEN = insert(_TOKEN)
_INSERT_CLIENT_TOKEN = Prepared(insert(_CLIENT_TOKEN))
_CLIENT_TOKEN_BY_ACCESS = Prepared(select(_CLIENT_TOKEN).where(_CLIENT_TOKEN.c.access_hash == bindparam("hash")))
_REVOKE_ACCESS = update(_TOKEN).where(_TOKEN.c.id == bindparam("token_id")).values(access_revoked_at=bindparam("now"))
_REVOKE_CLIENT_TOKEN = (
    update(_CLIENT_TOKEN).where(_CLIENT_TOKEN.c.access_hash == bindparam("hash")).values(revoked_at=bindparam("now"))
)


def grant_by_code(on: Executor, code_hash: bytes) -> Row[Any] | None:
    """Return the grant whose authorization code this is."""
    return _GRANT_BY_CODE.one_or_none(on, {"hash": code_hash})


def token_by_access(on: Executor, access_hash: bytes) -> Row[Any] | None:
    """Return a token with what its grant says, by its access token."""
    return _TOKEN_BY_ACCESS.one_or_none(on, {"hash": access_hash})


def token_by_refresh(on: Executor, refresh_hash: bytes) -> Row[Any] | None:
    """Return a token with what its grant says, by its refresh token."""
    return _TOKEN_BY_REFRESH.one_or_none(on, {"hash": refresh_hash})


def use_code(on: Executor, grant_id: UUID, now: datetime, until: datetime) -> bool:
    """Mark the code as used; False where somebody was first, or the grant has ended."""
    return changed(on.execute(_USE_CODE, {"grant_id": grant_id, "now": now, "until": until})) == 1


def insert_grant(on: Executor, values: dict[str, Any]) -> None:
    """Keep what a person granted."""
    on.execute(_INSERT_GRANT, values)


def rotate_token(on: Executor, token_id: UUID, now: datetime) -> bool:
    """Mark a refresh token as used; False where somebody was first, or the grant has ended.

    The grant's own time is not touched: it stays as long as a token of it is left (`expired`).
    """
    return changed(on.execute(_ROTATE, {"token_id": token_id, "now": now})) == 1


def insert_token(on: Executor, values: dict[str, Any]) -> None:
    """Keep a token."""
    on.execute(_INSERT_TOKEN, values)


def revoke_access_token(on: Executor, token_id: UUID, now: datetime) -> None:
    """End one access token."""
    on.execute(_REVOKE_ACCESS, {"token_id": token_id, "now": now})


def insert_client_token(on: Executor, values: dict[str, Any]) -> None:
    """Keep a token of a platform for itself."""
    _INSERT_CLIENT_TOKEN.execute(on, values)


def client_token(on: Executor, access_hash: bytes) -> Row[Any] | None:
    """Return a platform's token for itself."""
    return _CLIENT_TOKEN_BY_ACCESS.one_or_none(on, {"hash": access_hash})


def revoke_client_token(on: Executor, access_hash: bytes, now: datetime) -> None:
    """End a platform's token for itself."""
    on.execute(_REVOKE_CLIENT_TOKEN, {"hash": access_hash, "now": now})


def revoke_grants(session: Session, person_id: UUID, client_id: str, now: datetime) -> None:
    """End every token that the platform holds for the person, those among them that it got by exchange."""
    session.execute(
        update(Grant)
        .where(Grant.person_id == person_id, Grant.client_id == client_id, Grant.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    theirs = select(Grant.id).where(Grant.person_id == person_id)
    session.execute(
        update(Token)
        .where(Token.exchanged_by == client_id, Token.grant_id.in_(theirs), Token.access_revoked_at.is_(None))
        .values(access_revoked_at=now)
    )


def revoke_all_grants(session: Session, person_id: UUID, now: datetime) -> None:
    """End every token that any platform holds for the person."""
    session.execute(
        update(Grant).where(Grant.person_id == person_id, Grant.revoked_at.is_(None)).values(revoked_at=now)
    )


def revoke_online_grants(session: Session, session_ids: Sequence[UUID], now: datetime) -> None:
    """End the tokens that live only as long as these signed-in browsers."""
    session.execute(
        update(Grant)
        .where(Grant.session_id.in_(session_ids), Grant.offline.is_(False), Grant.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def revoke_grant(session: Session, grant_id: UUID, now: datetime) -> bool:
    """End a family of tokens; False where it had ended already."""
    ended = update(Grant).where(Grant.id == grant_id, Grant.revoked_at.is_(None)).values(revoked_at=now)
    return changed(session.execute(ended)) == 1


def expired(now: datetime) -> tuple[Expired, ...]:
    """Return what has had its time: tokens, and the grants that none is left of."""
    token_left = select(_TOKEN.c.id).where(_TOKEN.c.grant_id == _GRANT.c.id).exists()
    return (
        (ClientToken.access_hash, ClientToken.expires_at < now),
        (Token.id, Token.expires_at < now),
        (Grant.id, and_(Grant.expires_at < now, ~token_left)),
    )
