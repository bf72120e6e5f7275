"""A token of any kind that somebody presents: found by one query, with what is known of it. Writes nothing.

Its first signs say where to look; one in JWT form is looked up by its `jti`, after its
signature was found good. A hint about its type is not needed, so a wrong one hides nothing
(RFC 7009 §2.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from authlib.oauth2.rfc6749 import TokenMixin
from sqlalchemy import Row

from idp.oauth.clients.registered import RegisteredClient
from idp.oauth.stores import tokens as rows
from idp.oauth.tokens import values as tokens
from idp.oauth.tokens.access import SignIn, read_jti
from idp.oauth.tokens.families import Issuing
from kernel.store import Executor

REFRESH = "refresh_token"
ACCESS = "access_token"


@dataclass(frozen=True, slots=True)
class Look:
    """Where a token must be looked for: by which text's hash, among which tokens."""

    kind: str
    hash: bytes
    person: bool = True


@dataclass(frozen=True, slots=True)
class PresentedToken(TokenMixin):
    """A token that somebody asks about. One of a platform for itself has no person, grant or id."""

    kind: str
    client_id: str
    sub: str
    scope: str
    resources: list[str] | None
    details: list[dict[str, Any]] | None
    jkt: str | None
    x5t: str | None
    issued_at: datetime
    expires_at: datetime
    over: bool
    now: datetime
    hash: bytes
    id: UUID | None = None
    grant_id: UUID | None = None
    person_id: UUID | None = None
    granted_at: datetime | None = None
    claims: dict[str, Any] | None = None
    signed_in: SignIn | None = None
    act: dict[str, Any] | None = None

    @property
    def token_type(self) -> str:
        """How it is presented (RFC 9449 §6.2); a refresh token says only that it is one."""
        if self.kind == REFRESH:
            return REFRESH
        return "DPoP" if self.jkt else "Bearer"

    @property
    def alive(self) -> bool:
        """Whether it still counts."""
        return not self.is_expired() and not self.is_revoked()

    def check_client(self, client: RegisteredClient) -> bool:
        """Whether it was issued to this client."""
        return self.client_id == client.client_id

    def is_for(self, client: RegisteredClient) -> bool:
        """Whether this client is a resource that the token was issued for (RFC 8707)."""
        return self.kind == ACCESS and client.resource in (self.resources or ())

    def is_expired(self) -> bool:
        """Whether its time is over."""
        return self.now >= self.expires_at

    def is_revoked(self) -> bool:
        """Whether it, or its family, was ended; a rotated refresh token counts too."""
        return self.over


def find_token(text: str, by: Issuing) -> PresentedToken | None:
    """Return the token, whichever kind it is, over or not."""
    look = look_for(text, by)
    if look is None:
        return None
    with by.database.read_core() as connection:
        return found(connection, look, by)


def look_for(text: str, by: Issuing) -> Look | None:
    """Return where to look for a token; nothing is read yet. None where it can be none of ours."""
    if text.startswith(tokens.ACCESS):
        return Look(ACCESS, tokens.access_hash(by.keyed, text))
    if text.startswith(tokens.REFRESH):
        return Look(REFRESH, tokens.refresh_hash(by.keyed, text))
    if text.startswith(tokens.CLIENT):
        return Look(ACCESS, tokens.access_hash(by.keyed, text), person=False)
    jti = read_jti(text, issuer=by.issuer, keys=by.keys) if text.count(".") == 2 else None  # noqa: PLR2004 - a JWS
    if jti is None:
        return None
    return Look(ACCESS, tokens.jti_hash(by.keyed, jti), person=jti.startswith(tokens.ACCESS_JTI))


def found(on: Executor, look: Look, by: Issuing) -> PresentedToken | None:
    """Return the token that was looked for."""
    now = by.clock.now()
    if not look.person:
        row = rows.client_token(on, look.hash)
        return None if row is None else _own(row, look, now)
    find = rows.token_by_access if look.kind == ACCESS else rows.token_by_refresh
    row = find(on, look.hash)
    return None if row is None else _granted(row, look, now)


def _own(row: Row[Any], look: Look, now: datetime) -> PresentedToken:
    return PresentedToken(
        kind=ACCESS,
        client_id=row.client_id,
        sub=row.client_id,
        scope=row.scope,
        resources=row.resources,
        details=row.details,
        jkt=row.jkt,
        x5t=row.x5t,
        issued_at=row.issued_at,
        expires_at=row.expires_at,
        over=row.revoked_at is not None,
        now=now,
        hash=look.hash,
    )


def _granted(row: Row[Any], look: Look, now: datetime) -> PresentedToken:
    access = look.kind == ACCESS
    own_end = row.access_revoked_at if access else row.rotated_at
    return PresentedToken(
        kind=look.kind,
        client_id=row.exchanged_by or row.client_id,
        sub=row.exchanged_sub or row.sub,
        scope=row.scope if access else row.granted_scope,
        resources=row.resources if access else row.granted_resources,
        details=row.details if access else row.granted_details,
        jkt=row.jkt,
        x5t=row.x5t,
        issued_at=row.issued_at,
        expires_at=row.access_expires_at if access else row.refresh_expires_at,
        over=own_end is not None or row.grant_revoked_at is not None,
        now=now,
        hash=look.hash,
        id=row.id,
        grant_id=row.grant_id,
        person_id=row.person_id,
        granted_at=row.granted_at,
        claims=None if row.exchanged_by else row.claims,  # They were asked for by another platform.
        signed_in=SignIn(row.acr, row.amr, row.auth_time),
        act=row.act,
    )
