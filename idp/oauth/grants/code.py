"""`authorization_code` (RFC 6749 §4.1.3).

The database decides who is first: the loser of a race, or whoever comes with a used code, is
answered after the family was revoked in a transaction of its own, so that the refusal cannot
roll that back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, grants
from authlib.oauth2.rfc6749.errors import InvalidGrantError
from authlib.oauth2.rfc7636 import CodeChallenge

from idp.oauth.clients.registered import RegisteredClient
from idp.oauth.grants.base import Settling, columns
from idp.oauth.grants.narrowing import narrowed_details, narrowed_resources
from idp.oauth.stores import tokens as rows
from idp.oauth.tokens import values as tokens
from idp.oauth.tokens.access import Access, SignIn, refresh_end
from idp.oauth.tokens.families import revoke_family, suspect
from kernel.pages import ZONE


@dataclass(frozen=True, slots=True)
class CodeRow(AuthorizationCodeMixin):
    """A grant whose code was presented."""

    id: UUID
    client_id: str
    person_id: UUID
    session_id: UUID
    sub: str
    redirect_uri: str
    scope: str
    offline: bool
    nonce: str | None
    code_challenge: str | None
    dpop_jkt: str | None
    claims: dict[str, Any] | None
    resources: list[str] | None
    details: list[dict[str, Any]] | None
    acr: str
    amr: str
    auth_time: datetime
    created_at: datetime
    code_challenge_method: str = "S256"

    def get_redirect_uri(self) -> str:
        """Return the redirect_uri of the authorization request."""
        return self.redirect_uri

    def get_scope(self) -> str:
        """Return what was granted."""
        return self.scope


class CodeGrant(Settling, grants.AuthorizationCodeGrant):
    """`authorization_code` (RFC 6749 §4.1.3), the code used once."""

    pair: tokens.TokenPair

    def query_authorization_code(self, code: str, client: RegisteredClient) -> CodeRow | None:
        """Return the grant of this code; a code that was used revokes what it gave (RFC 6749 §4.1.2)."""
        now = self.by.clock.now()
        with self.by.database.read_core() as connection:
            row = rows.grant_by_code(connection, tokens.code_hash(self.by.keyed, code))
        if row is None:
            return None
        if row.client_id != client.client_id:
            suspect(row.person_id, client.client_id, reason="foreign_code", by=self.by)
            return None
        if row.code_used_at is not None:
            revoke_family(row.id, row.person_id, reason="code_reuse", by=self.by)
            return None
        if row.revoked_at is not None or now >= row.code_expires_at:
            return None
        return CodeRow(**columns(row, CodeRow, without=("code_challenge_method",)))

    def authenticate_user(self, authorization_code: CodeRow) -> UUID:
        """Return who granted it."""
        return authorization_code.person_id

    def bind(self) -> None:
        """Learn what the token will be bound to; a code may be bound itself (RFC 9449 §10).

        Raises:
            InvalidGrantError: The code is bound to another key.
        """
        super().bind()
        code: CodeRow = self.request.authorization_code
        if code.dpop_jkt is not None and self.binding.jkt != code.dpop_jkt:
            suspect(code.person_id, self.platform.client_id, reason="code_key", by=self.by)
            raise InvalidGrantError("the code is bound to another key")

    def generate_token(self, *, scope: str, **_: Any) -> dict[str, Any]:
        """Make the tokens; nothing is stored before `settle`."""
        code: CodeRow = self.request.authorization_code
        form = self.request.form
        now = self.by.clock.now()
        self.pair = tokens.new_pair(offline=code.offline, jwt=self.jwt)
        access = Access.issued(
            self.pair.access,
            client_id=code.client_id,
            sub=code.sub,
            scope=scope,
            resources=narrowed_resources(form.get("resource"), code.resources, issuer=self.by.issuer),
            details=narrowed_details(
                form.get("authorization_details"), code.details, today=now.astimezone(ZONE).date()
            ),
            binding=self.binding,
            now=now,
            signed_in=SignIn(code.acr, code.amr, code.auth_time),
        )
        return self.said(access, self.pair.refresh)

    def delete_authorization_code(self, authorization_code: CodeRow) -> None:
        """Leave the code to `settle`, which marks it as used."""

    def settle(self) -> None:
        """Mark the code as used and keep the tokens, both or nothing.

        Raises:
            InvalidGrantError: Somebody else used the code at the same moment.
            ReplayedProofError: The DPoP proof was used before.
        """
        code: CodeRow = self.request.authorization_code
        now = self.access.issued_at
        end = refresh_end(now, code.created_at, rotates=self.platform.metadata.rotates_refresh_tokens)
        values = self.access.row(self.by.keyed, grant_id=code.id, refresh=self.pair.refresh, refresh_end=end)
        with self.by.database.write_core() as connection:
            first = rows.use_code(connection, code.id, now, values["expires_at"])
            if first:
                self.spend(connection)
                rows.insert_token(connection, values)
        if not first:
            revoke_family(code.id, code.person_id, reason="code_reuse", by=self.by)
            raise InvalidGrantError("Invalid 'code' in request.")


class Challenge(CodeChallenge):
    """PKCE at the token endpoint (RFC 7636 §4.6)."""

    def validate_code_verifier(self, grant: CodeGrant, result: Any) -> None:
        """Check the verifier; a missing one fits the challenge as little as a wrong one does.

        Raises:
            InvalidGrantError: It is missing or does not fit.
            InvalidRequestError: It is malformed, or there was no challenge.
        """
        if grant.request.authorization_code.code_challenge and not grant.request.form.get("code_verifier"):
            raise InvalidGrantError("code_verifier is missing")
        super().validate_code_verifier(grant, result)
