"""Authlib's authorization server, joined to our tables: client authentication, grants, revocation, introspection.

Machine endpoints only: what a browser shows at the authorization endpoint is
`idp.oauth.authorize`. No framework: a handler brings headers and a body, and gets an `Answer`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AuthorizationServer
from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidRequestError, UnsupportedGrantTypeError

from idp.errors import IdpError
from idp.oauth.authorization.pushed import PushedAuthorization
from idp.oauth.clients.authentication import authenticated
from idp.oauth.clients.registered import ClientCache, RegisteredClient
from idp.oauth.device.endpoint import DeviceAuthorization
from idp.oauth.endpoints.challenge import refused
from idp.oauth.endpoints.introspection import Introspection
from idp.oauth.endpoints.resource import Admitted, admitted
from idp.oauth.endpoints.revocation import Revocation
from idp.oauth.endpoints.userinfo import userinfo
from idp.oauth.grants.client_credentials import ClientCredentialsGrant
from idp.oauth.grants.code import Challenge, CodeGrant
from idp.oauth.grants.device import DeviceGrant
from idp.oauth.grants.exchange import ExchangeGrant
from idp.oauth.grants.refresh import RefreshGrant
from idp.oauth.requests import Call, FormRequest, parse_form
from idp.oauth.tokens.families import Issuing, suspect
from idp.oauth.tokens.id_token import IdTokens
from idp.oauth.tokens.refusals import ReplayedProofError


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer before it is a framework's response. The body is JSON, or text whose type the headers tell."""

    status: int
    body: dict[str, Any] | str
    headers: dict[str, str] = field(default_factory=dict)


class OAuthServer(AuthorizationServer):
    """The token, revocation, introspection and userinfo endpoints of one issuer."""

    def __init__(self, clients: ClientCache, by: Issuing) -> None:
        """Serve as the issuer of `by`."""
        super().__init__()
        self.issuer = by.issuer
        self.by = by
        self._clients = clients
        id_tokens = IdTokens(by)
        self.register_grant(CodeGrant, [id_tokens, Challenge(required=True)])
        self.register_grant(RefreshGrant, [id_tokens])
        self.register_grant(DeviceGrant, [id_tokens])
        self.register_grant(ClientCredentialsGrant)
        self.register_grant(ExchangeGrant)
        self.register_endpoint(Revocation)
        self.register_endpoint(Introspection)
        self.register_endpoint(DeviceAuthorization)
        self.register_endpoint(PushedAuthorization)

    def token(self, call: Call) -> Answer:
        """Answer a token request (RFC 6749 §3.2)."""
        try:
            request = self._request(call)
            grant = self.get_token_grant(request)
            grant.validate_token_request()
            grant.bind()
            status, token, _ = grant.create_token_response()
            grant.settle()
        except ReplayedProofError as error:
            suspect(None, request.client.client_id, reason="proof_replay", by=self.by)
            return self._refusal(error)
        except OAuth2Error as error:
            return self._refusal(error)
        return self.handle_response(status, token, grant.headers())

    def endpoint(self, name: str, call: Call) -> Answer:
        """Answer a revocation (RFC 7009) or introspection (RFC 7662) request."""
        try:
            request = self._request(call)
        except OAuth2Error as error:
            return self._refusal(error)
        answer: Answer = self.create_endpoint_response(name, request)
        return answer

    def userinfo(self, call: Call) -> Answer:
        """Answer a userinfo request (OIDC Core §5.3)."""
        try:
            told = userinfo(call, clients=self._clients, by=self.by)
        except (IdpError, OAuth2Error) as error:
            return self.handle_response(*refused(call, error))
        nonce = [("DPoP-Nonce", told.nonce)] if told.nonce else []
        if told.jwt is not None:
            return self.handle_response(HTTPStatus.OK, told.jwt, [("Content-Type", "application/jwt"), *nonce])
        return self.handle_response(HTTPStatus.OK, told.claims, nonce)

    def admit(self, call: Call, *, resource: str) -> Admitted | Answer:
        """Return what the access token of a call to `resource` is, or the refusal (RFC 6750 §3)."""
        try:
            with self.by.database.read_core() as connection:
                return admitted(call, connection, resource=resource, clients=self._clients, by=self.by)
        except (IdpError, OAuth2Error) as error:
            return self.handle_response(*refused(call, error))

    def query_client(self, client_id: str) -> RegisteredClient | None:
        """Return the platform, for Authlib."""
        return self._clients.get(client_id)

    def authenticate_client(
        self,
        request: FormRequest,
        methods: Collection[str],
        endpoint: str = "token",  # noqa: ARG002 - Authlib's signature
    ) -> RegisteredClient:
        """Return the platform that sent the request, for Authlib.

        Raises:
            InvalidClientError: It does not prove who it is in the way it registered.
        """
        client = authenticated(request, self._clients, methods, by=self.by)
        request.client = client
        return client

    def get_token_grant(self, request: FormRequest) -> Any:
        """Return the grant; an unknown type is refused here, because Authlib would echo it.

        Raises:
            InvalidRequestError: There is no grant_type.
            UnsupportedGrantTypeError: It is none of ours.
        """
        grant_type = request.payload.grant_type
        if not grant_type:
            raise InvalidRequestError("grant_type is missing")
        for grant, extensions in self._token_grants:
            if grant_type == grant.GRANT_TYPE:
                found = grant(request, self)
                for extend in extensions or ():
                    extend(found)
                return found
        raise UnsupportedGrantTypeError("this")

    def create_oauth2_request(self, request: FormRequest) -> FormRequest:
        """Return `request`: it is one already."""
        return request

    def handle_response(self, status: int, body: dict[str, Any] | str, headers: list[tuple[str, str]]) -> Answer:
        """Return the answer; none may be kept by a cache (RFC 6749 §5.1)."""
        return Answer(status, body, {**dict(headers), "Cache-Control": "no-store", "Pragma": "no-cache"})

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Authlib's signals have no listener here."""

    def _request(self, call: Call) -> FormRequest:
        form = parse_form(call.headers.get("content-type", ""), call.body)
        return FormRequest(self.issuer + call.path, call, form)

    def _refusal(self, error: OAuth2Error) -> Answer:
        if isinstance(error, InvalidClientError):
            # One answer for all, so that an unknown client is not told from a wrong secret.
            error = InvalidClientError("client authentication failed", status_code=HTTPStatus.UNAUTHORIZED)
        answer: Answer = self.handle_error_response(None, error)
        return answer
