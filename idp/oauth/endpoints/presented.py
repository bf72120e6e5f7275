"""A token of either kind that somebody presents: found, with what is known of it. Writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from authlib.oauth2.rfc6749 import TokenMixin

from idp.oauth.clients.registered import RegisteredClient
from idp.oauth.stores import tokens as rows
from idp.oauth.tokens import values as tokens
from idp.oauth.tokens.families import Issuing

REFRESH = "refresh_token"
ACCESS = "access_token"


@dataclass(frozen=True, slots=True)
class PresentedToken(TokenMixin):
    """A token of either kind that somebody asks about."""

    kind: str
    id: UUID
    grant_id: UUID
    client_id: str
    person_id: UUID
    sub: str
    scope: str
    issued_at: datetime
    expires_at: datetime
    over: bool
    now: datetime

    def check_client(self, client: RegisteredClient) -> bool:
        """Whether it was issued to this client."""
        return self.client_id == client.client_id

    def is_expired(self) -> bool:
        """Whether its time is over."""
        return self.now >= self.expires_at

    def is_revoked(self) -> bool:
        """Whether it, or its family, was ended; a rotated refresh token counts too."""
        return self.over


def find_token(text: str, by: Issuing) -> PresentedToken | None:
    """Return the token, whichever kind it is: a wrong hint does not hide it (RFC 7009 §2.1)."""
    with by.database.read_core() as connection:
        row = rows.token_by_access(connection, tokens.access_hash(by.keyed, text))
        kind = ACCESS
        if row is None:
            row = rows.token_by_refresh(connection, tokens.refresh_hash(by.keyed, text))
            kind = REFRESH
    if row is None:
        return None
    own_end = row.access_revoked_at if kind == ACCESS else row.rotated_at
    return PresentedToken(
        kind=kind,
        id=row.id,
        grant_id=row.grant_id,
        client_id=row.client_id,
        person_id=row.person_id,
        sub=row.sub,
        scope=row.scope if kind == ACCESS else row.granted_scope,
        issued_at=row.issued_at,
        expires_at=row.access_expires_at if kind == ACCESS else row.refresh_expires_at,
        over=own_end is not None or row.grant_revoked_at is not None,
        now=by.clock.now(),
    )
