"""Introspection (RFC 7662) by the platform a token was issued to. Writes nothing."""

from __future__ import annotations

from typing import Any

from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from idp.oauth.clients.metadata import AUTH_METHODS
from idp.oauth.clients.registered import RegisteredClient
from idp.oauth.endpoints.presented import ACCESS, PresentedToken, find_token


class Introspection(IntrospectionEndpoint):
    """Tells a platform about its own tokens; writes nothing."""

    CLIENT_AUTH_METHODS = tuple(method for method in AUTH_METHODS if method != "none")

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
