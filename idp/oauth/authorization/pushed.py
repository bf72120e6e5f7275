"""Pushed authorization requests (RFC 9126): a platform leaves its request, and sends the browser with a reference.

Everything that can be checked without the person is checked here, where the platform is
authenticated and nobody is redirected.
"""

from __future__ import annotations

from typing import Any, Final

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.endpoint import Endpoint
from authlib.oauth2.rfc6749.errors import InvalidRequestError

from idp.errors import UnknownRedirectUriError
from idp.oauth.authorization.checks import check_request
from idp.oauth.authorization.kept import LIFE, keep_request
from idp.oauth.authorization.opening import unfold
from idp.oauth.authorization.request import AuthorizationRequest, Origin, Pairs
from idp.oauth.clients.metadata import AUTH_METHODS
from idp.oauth.clients.registered import RegisteredClient
from idp.oauth.errors import AuthorizationError
from idp.oauth.requests import FormRequest, parse_pairs
from idp.oauth.tokens.binding import proof_thumbprint
from idp.oauth.tokens.families import Issuing

CREATED: Final = 201
_CLIENT_AUTH: Final = frozenset({"client_secret", "client_assertion", "client_assertion_type"})


class PushRefusedError(OAuth2Error):
    """A refusal with the codes of the authorization endpoint (RFC 9126 §2.3)."""

    def __init__(self, error: AuthorizationError) -> None:
        """Say what the authorization endpoint would have said."""
        super().__init__(error.description, status_code=400)
        self.error = error.error


class PushedAuthorization(Endpoint):
    """Takes a request and returns the reference to it; one short write."""

    CLIENT_AUTH_METHODS = AUTH_METHODS
    ENDPOINT_NAME = "pushed_authorization_request"

    def create_endpoint_response(self, request: FormRequest) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Return the answer of RFC 9126 §2.2.

        Raises:
            InvalidClientError: The platform does not prove who it is.
            InvalidRequestError: The message is not one that may be pushed.
            PushRefusedError: The request fails a check.
        """
        by: Issuing = self.server.by
        client: RegisteredClient = self.server.authenticate_client(request, AUTH_METHODS, self.ENDPOINT_NAME)
        jkt = proof_thumbprint(request.call, by=by, client=client)
        pairs = _parameters(request, client)
        try:
            asked = unfold(pairs, client, by=by, origin=Origin(pushed=True))
            _bind(asked, jkt)
            check_request(asked)
        except UnknownRedirectUriError as error:
            raise InvalidRequestError("the redirect_uri is not registered") from error
        except AuthorizationError as error:
            raise PushRefusedError(error) from error
        with by.database.write_core() as connection:
            uri = keep_request(connection, by.keyed, asked, pushed=True)
        return CREATED, {"request_uri": uri, "expires_in": int(LIFE.total_seconds())}, []


def _bind(asked: AuthorizationRequest, jkt: str | None) -> None:
    """Let a DPoP proof say what `dpop_jkt` says; where both are there, they must name one key (RFC 9449 §10.1)."""
    if jkt is None:
        return
    if asked.values.setdefault("dpop_jkt", jkt) != jkt:
        raise AuthorizationError("invalid_request", "dpop_jkt is not the key of the proof")
    asked.pairs = [*((name, value) for name, value in asked.pairs if name != "dpop_jkt"), ("dpop_jkt", jkt)]


def _parameters(request: FormRequest, client: RegisteredClient) -> Pairs:
    """Return the authorization request's own parameters, without what authenticates the client.

    Raises:
        InvalidRequestError: It holds a request_uri (RFC 9126 §2.1), or names another client.
    """
    pairs = parse_pairs(request.headers.get("content-type", ""), request.call.body)
    if "request_uri" in request.form:
        raise InvalidRequestError("a pushed request holds no request_uri")
    if request.form.get("client_id", client.client_id) != client.client_id:
        raise InvalidRequestError("the client_id is not the client that authenticated")
    own = [(name, value) for name, value in pairs if name not in _CLIENT_AUTH and name != "client_id"]
    return [("client_id", client.client_id), *own]
