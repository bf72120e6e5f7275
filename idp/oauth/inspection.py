"""Revocation (RFC 7009) and introspection (RFC 7662) by the platform a token was issued to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from authlib.oauth2.rfc6749 import TokenMixin
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from idp import store
from idp.oauth import tokens
from idp.oauth.clients import RegisteredClient
from idp.oauth.families import Issuing, revoke_family

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
    with by.database.read() as session:
        row = store.token_by_access(session, tokens.access_hash(by.keyed, text))
        kind = ACCESS
        if row is None:
            row = store.token_by_refresh(session, tokens.refresh_hash(by.keyed, text))
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


class Revocation(RevocationEndpoint):
    """Ends an access token, or with its refresh token the whole family."""

    CLIENT_AUTH_METHODS = ("client_secret_basic", "client_secret_post", "none")

    def query_token(self, token_string: str, token_type_hint: str | None) -> PresentedToken | None:  # noqa: ARG002
        """Return the token of this text."""
        return find_token(token_string, self.server.by)

    def revoke_token(self, token: PresentedToken, request: Any) -> None:  # noqa: ARG002 - Authlib's signature
        """End it."""
        by: Issuing = self.server.by
        if token.kind == REFRESH:
            revoke_family(token.grant_id, token.person_id, reason="client", by=by)
            return
        with by.database.write() as session:
            store.revoke_access_token(session, token.id, by.clock.now())


class Introspection(IntrospectionEndpoint):
    """Tells a platform about its own tokens; writes nothing."""

    CLIENT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")

    def query_token(self, token_string: str, token_type_hint: str | None) -> PresentedToken | None:  # noqa: ARG002
        """Return the token of this text."""
        return find_token(token_string, self.server.by)

    def check_permission(self, token: PresentedToken, client: RegisteredClient, request: Any) -> bool:  # noqa: ARG002
        """Whether the platform may ask: about its own tokens."""
        return token.check_client(client)

    def introspect_token(self, token: PresentedToken) -> dict[str, Any]:
        """Return what RFC 7662 §2.2 names."""
        return {
            "active": True,
            "scope": token.scope,
            "client_id": token.client_id,
            "token_type": "Bearer" if token.kind == ACCESS else "refresh_token",
            "sub": token.sub,
            "aud": token.client_id,
            "iss": self.server.issuer,
            "iat": int(token.issued_at.timestamp()),
            "exp": int(token.expires_at.timestamp()),
        }
