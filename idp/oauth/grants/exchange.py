"""`urn:ietf:params:oauth:grant-type:token-exchange` (RFC 8693): a resource server goes on with a person's token.

Delegation only, under a strict policy: the platform that exchanges must be a resource that the
token was issued for, so a platform cannot trade a token that it merely came by. It gets less
or the same: scopes of the old token that it registered itself, its own pairwise `sub`, no
longer life, no authorization details, no single claims, no refresh token; `act` names it, with
whoever acted before it inside. The row hangs on the person's grant: what ends that ends this.
"""

from __future__ import annotations

from typing import Any, Final

from authlib.oauth2.rfc6749.errors import InvalidRequestError, InvalidScopeError, UnauthorizedClientError
from authlib.oauth2.rfc6749.grants import BaseGrant, TokenEndpointMixin

from idp.oauth.clients.metadata import EXCHANGE
from idp.oauth.grants.base import Settling
from idp.oauth.grants.narrowing import narrowed_resources, narrowed_scope
from idp.oauth.pairwise import sub_of
from idp.oauth.scopes import OFFLINE, scope_text
from idp.oauth.stores import subs
from idp.oauth.stores import tokens as rows
from idp.oauth.tokens import values as tokens
from idp.oauth.tokens.access import Access
from idp.oauth.tokens.families import suspect
from idp.oauth.tokens.presented import ACCESS, PresentedToken, find_token
from kernel.ids import new_token

ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - the name of a type
JWT: Final = "urn:ietf:params:oauth:token-type:jwt"
MAX_ACTORS: Final = 3


class ExchangeGrant(Settling, TokenEndpointMixin, BaseGrant):
    """Token exchange (RFC 8693)."""

    GRANT_TYPE = EXCHANGE
    subject: PresentedToken

    def validate_token_request(self) -> None:
        """Check who asks, with whose token.

        Raises:
            UnauthorizedClientError: The platform is public, or did not register this grant.
            InvalidRequestError: A parameter is missing or not supported, or the subject token is not acceptable.
        """
        self.authenticate()
        if self.platform.metadata.public:
            raise UnauthorizedClientError("a public client cannot act for others")
        form = self.request.form
        if "actor_token" in form or "actor_token_type" in form:
            raise InvalidRequestError("actor_token is not supported: the client itself is the actor")
        if form.get("subject_token_type") != ACCESS_TOKEN:
            raise InvalidRequestError("subject_token_type must be that of an access token")
        if form.get("requested_token_type", ACCESS_TOKEN) not in (ACCESS_TOKEN, *((JWT,) if self.jwt else ())):
            raise InvalidRequestError("requested_token_type is not one that this client gets")
        if "audience" in form:
            raise InvalidRequestError("audience is not supported: name a resource")
        if "authorization_details" in form:
            raise InvalidRequestError("authorization_details are not handed on")
        self.subject = self._acceptable(form.get("subject_token", ""))

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Make the token; nothing of it is stored before `settle`.

        Raises:
            InvalidScopeError: Nothing would be left of the subject token's scope, or more is asked for.
            InvalidTargetError: A resource is not one that the platform registered.
        """
        subject, client, form = self.subject, self.platform, self.request.form
        resource = form.get("resource")
        access = Access.issued(
            (tokens.ACCESS_JTI if self.jwt else tokens.ACCESS) + new_token(),
            client_id=client.client_id,
            sub=self._sub(),
            scope=self._scope(),
            # Only on to whom the person was told of: what the first platform asked for.
            resources=narrowed_resources(resource, subject.resources, issuer=self.by.issuer) if resource else None,
            details=None,
            binding=self.binding,
            now=self.by.clock.now(),
            until=subject.expires_at,
            signed_in=subject.signed_in,
            act={"sub": client.client_id, **({"act": subject.act} if subject.act else {})},
        )
        asked = form.get("requested_token_type", ACCESS_TOKEN)
        return 200, {**self.said(access), "issued_token_type": asked}, []

    def settle(self) -> None:
        """Keep the token in the family of the subject token.

        Raises:
            ReplayedProofError: The DPoP proof was used before.
        """
        assert self.subject.grant_id is not None  # noqa: S101 - a person stands behind it
        values = self.access.row(self.by.keyed, grant_id=self.subject.grant_id)
        with self.by.database.write_core() as connection:
            self.spend(connection)
            rows.insert_token(connection, values)

    def _acceptable(self, text: str) -> PresentedToken:
        subject = find_token(text, self.by)
        if subject is None or subject.kind != ACCESS or subject.person_id is None or not subject.alive:
            raise InvalidRequestError("subject_token is not a live access token of a person")
        if self.server.query_client(subject.client_id) is None:  # Blocked: as introspection has it.
            raise InvalidRequestError("subject_token is not a live access token of a person")
        if not subject.is_for(self.platform):
            suspect(subject.person_id, self.platform.client_id, reason="foreign_exchange", by=self.by)
            raise InvalidRequestError("subject_token was not issued for this client")
        if _actors(subject.act) >= MAX_ACTORS:
            raise InvalidRequestError("subject_token went through too many hands")
        return subject

    def _scope(self) -> str:
        """Return what is handed on: never offline access, and nothing that the platform did not register."""
        registered = set(self.platform.metadata.scope.split()) - {OFFLINE}
        most = scope_text(set(self.subject.scope.split()) & registered)
        scope = narrowed_scope(self.request.form.get("scope"), most)
        if not scope:
            raise InvalidScopeError("nothing of the subject token's scope is left")
        return scope

    def _sub(self) -> str:
        """Return the person's name at the platform, making it in a short write where there is none."""
        person_id = self.subject.person_id
        assert person_id is not None  # noqa: S101 - `_acceptable` saw to it
        sector = self.platform.sector
        with self.by.database.read() as session:
            known = subs.live_sub(session, sector, person_id)
        if known is not None:
            return known
        with self.by.database.write() as session:
            return sub_of(session, sector, person_id, key=self.by.pairwise_key, now=self.by.clock.now())


def _actors(act: Any) -> int:
    count = 0
    while isinstance(act, dict):
        count, act = count + 1, act.get("act")
    return count
