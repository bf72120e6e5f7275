"""Revocation (RFC 7009) by the platform a token was issued to."""

from __future__ import annotations

from typing import Any

from authlib.oauth2.rfc6749.errors import InvalidRequestError
from authlib.oauth2.rfc7009 import RevocationEndpoint

from idp.oauth.clients.metadata import AUTH_METHODS
from idp.oauth.stores import tokens as rows
from idp.oauth.tokens.families import Issuing, revoke_family
from idp.oauth.tokens.presented import REFRESH, PresentedToken, find_token


class Revocation(RevocationEndpoint):
    """Ends an access token, or with its refresh token the whole family."""

    CLIENT_AUTH_METHODS = AUTH_METHODS

    def check_params(self, request: Any, client: Any) -> None:  # noqa: ARG002 - Authlib's signature
        """Check that there is a token. A hint is not needed, so an unknown one is no error (RFC 7009 §2.1).

        Raises:
            InvalidRequestError: There is none.
        """
        if "token" not in request.form:
            raise InvalidRequestError("token is missing")

    def query_token(self, token_string: str, token_type_hint: str | None) -> PresentedToken | None:  # noqa: ARG002
        """Return the token of this text."""
        return find_token(token_string, self.server.by)

    def revoke_token(self, token: PresentedToken, request: Any) -> None:  # noqa: ARG002 - Authlib's signature
        """End it."""
        by: Issuing = self.server.by
        if token.kind == REFRESH and token.grant_id is not None and token.person_id is not None:
            revoke_family(token.grant_id, token.person_id, reason="client", by=by)
            return
        with by.database.write_core() as connection:
            if token.id is None:
                rows.revoke_client_token(connection, token.hash, by.clock.now())
            else:
                rows.revoke_access_token(connection, token.id, by.clock.now())
