"""Introspection (RFC 7662) by the platform a token was issued to, or by the resource it is for. Writes nothing.

A resource server that asks for it gets the answer signed (RFC 9701): then the answer can be
kept as evidence, and was made for that resource server alone.
"""

from __future__ import annotations

from typing import Any, Final

from authlib.oauth2.rfc6749.errors import InvalidRequestError
from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from crypto.jose import sign_jwt
from crypto.keys import PS256, RS256
from idp.oauth.clients.metadata import AUTH_METHODS
from idp.oauth.clients.registered import RegisteredClient
from idp.oauth.tokens.binding import confirmation
from idp.oauth.tokens.families import Issuing
from idp.oauth.tokens.presented import ACCESS, PresentedToken, find_token

TYP: Final = "token-introspection+jwt"
MEDIA_TYPE: Final = f"application/{TYP}"


class Introspection(IntrospectionEndpoint):
    """Tells a platform about its own tokens and about those for it; writes nothing."""

    CLIENT_AUTH_METHODS = tuple(method for method in AUTH_METHODS if method != "none")

    def check_params(self, request: Any, client: Any) -> None:  # noqa: ARG002 - Authlib's signature
        """Check that there is a token. A hint is not needed, so an unknown one is no error (RFC 7662 §2.1).

        Raises:
            InvalidRequestError: There is none.
        """
        if "token" not in request.form:
            raise InvalidRequestError("token is missing")

    def create_endpoint_response(self, request: Any) -> tuple[int, dict[str, Any] | str, list[tuple[str, str]]]:
        """Return the answer as JSON, or signed where the platform asks for that (RFC 9701 §4)."""
        status, body, headers = super().create_endpoint_response(request)
        if not wants_signed(str(request.headers.get("accept", ""))):
            return status, body, headers
        signed = signed_answer(body, request.client, by=self.server.by)
        return status, signed, [("Content-Type", MEDIA_TYPE)]

    def query_token(self, token_string: str, token_type_hint: str | None) -> PresentedToken | None:  # noqa: ARG002
        """Return the token of this text."""
        return find_token(token_string, self.server.by)

    def check_permission(self, token: PresentedToken, client: RegisteredClient, request: Any) -> bool:  # noqa: ARG002
        """Whether the platform may ask: about its own tokens, and access tokens that are for it.

        A token of a platform that is blocked, or whose time is over, is told to nobody: also one
        that another process gave out before it heard of the block.
        """
        return token.check_client(client) or (
            token.is_for(client) and self.server.query_client(token.client_id) is not None
        )

    def introspect_token(self, token: PresentedToken) -> dict[str, Any]:
        """Return what RFC 7662 §2.2, RFC 8705 §3.2, RFC 9396 §9.2 and RFC 9470 §6.2 name."""
        issuer: str = self.server.issuer
        resources = token.resources if token.kind == ACCESS else None
        return {
            "active": True,
            **({"scope": token.scope} if token.scope else {}),
            "client_id": token.client_id,
            "token_type": token.token_type,
            "sub": token.sub,
            "aud": (resources[0] if len(resources) == 1 else resources) if resources else issuer,
            "iss": issuer,
            "iat": int(token.issued_at.timestamp()),
            "exp": int(token.expires_at.timestamp()),
            **(token.signed_in.claims() if token.signed_in else {}),
            **({"act": token.act} if token.act else {}),
            **confirmation(token.jkt, token.x5t),
            **({"authorization_details": token.details} if token.details else {}),
        }


def wants_signed(accept: str) -> bool:
    """Whether an Accept header names the signed form."""
    return any(part.partition(";")[0].strip().lower() == MEDIA_TYPE for part in accept.split(","))


def signed_answer(body: dict[str, Any], client: RegisteredClient, *, by: Issuing) -> str:
    """Return the answer as a JWT for `client` (RFC 9701 §5): no `sub` and no `exp` outside, so it is no token."""
    alg = client.metadata.introspection_signed_response_alg or (PS256 if client.metadata.fapi else RS256)
    claims = {
        "iss": by.issuer,
        "aud": client.client_id,
        "iat": int(by.clock.now().timestamp()),
        "token_introspection": body,
    }
    return sign_jwt(claims, by.keys.active(alg), typ=TYP)
