"""`client_credentials` (RFC 6749 §4.4): a token for the platform itself. One row, no person, no refresh token.

All our scopes and authorization details tell of a person who consented; here nobody stands
behind the request, so none is given.
"""

from __future__ import annotations

from typing import Any

from authlib.oauth2.rfc6749.errors import InvalidScopeError, UnauthorizedClientError
from authlib.oauth2.rfc6749.grants import BaseGrant, TokenEndpointMixin

from idp.oauth.clients.metadata import CLIENT_CREDENTIALS
from idp.oauth.grants.base import Settling
from idp.oauth.grants.narrowing import narrowed_resources
from idp.oauth.stores import tokens as rows
from idp.oauth.tokens import values as tokens
from idp.oauth.tokens.access import Access
from idp.oauth.tokens.refusals import InvalidAuthorizationDetailsError
from kernel.ids import new_token


class ClientCredentialsGrant(Settling, TokenEndpointMixin, BaseGrant):
    """`client_credentials` (RFC 6749 §4.4)."""

    GRANT_TYPE = CLIENT_CREDENTIALS

    def validate_token_request(self) -> None:
        """Check who asks, for what.

        Raises:
            UnauthorizedClientError: It is public, or did not register this grant.
            InvalidScopeError: It asks for a scope: each of them tells of a person.
            InvalidAuthorizationDetailsError: It asks for details, which a person would have to grant.
        """
        self.authenticate()
        if self.platform.metadata.public:
            raise UnauthorizedClientError("a public client has no credentials")
        if self.request.form.get("scope"):
            raise InvalidScopeError("the scopes tell of a person, and no person stands behind this token")
        if self.request.form.get("authorization_details"):
            raise InvalidAuthorizationDetailsError("authorization_details are granted by a person")

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Make the token; nothing is stored before `settle`.

        Raises:
            InvalidTargetError: A resource is not one that the platform registered.
        """
        client = self.platform
        resource = self.request.form.get("resource")
        access = Access.issued(
            (tokens.CLIENT_JTI if self.jwt else tokens.CLIENT) + new_token(),
            client_id=client.client_id,
            sub=client.client_id,  # RFC 9068 §2.2: where no person is, the platform is the subject.
            scope="",
            resources=narrowed_resources(resource, client.metadata.xinji_resources, issuer=self.by.issuer)
            if resource
            else None,
            details=None,
            binding=self.binding,
            now=self.by.clock.now(),
        )
        return 200, self.said(access), []

    def settle(self) -> None:
        """Keep the token.

        Raises:
            ReplayedProofError: The DPoP proof was used before.
        """
        access = self.access
        values = {
            "access_hash": tokens.name_hash(self.by.keyed, access.name),
            "client_id": access.client_id,
            "scope": access.scope,
            "resources": access.resources,
            "jkt": access.jkt,
            "x5t": access.x5t,
            "issued_at": access.issued_at,
            "expires_at": access.expires_at,
        }
        with self.writing() as connection:
            self.spend(connection)
            rows.insert_client_token(connection, values)
