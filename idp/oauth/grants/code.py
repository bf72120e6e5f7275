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

from idp.oauth.clients.registered import RegisteredClient
from idp.oauth.grants.base import Settling, columns
from idp.oauth.stores import tokens as rows
from idp.oauth.tokens import values as tokens
from idp.oauth.tokens.families import revoke_family


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

    def query_authorization_code(self, code: str, client: RegisteredClient) -> CodeRow | None:
        """Return the grant of this code; a code that was used revokes what it gave (RFC 6749 §4.1.2)."""
        now = self.by.clock.now()
        with self.by.database.read_core() as connection:
            row = rows.grant_by_code(connection, tokens.code_hash(self.by.keyed, code))
        if row is None or row.client_id != client.client_id:
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

    def generate_token(self, *, scope: str, **_: Any) -> dict[str, Any]:
        """Make the tokens; nothing is stored before `settle`."""
        self.pair = tokens.new_pair(offline=self.request.authorization_code.offline)
        return tokens.answer(self.pair, scope=scope, lifetime=tokens.ACCESS_LIFE)

    def delete_authorization_code(self, authorization_code: CodeRow) -> None:
        """Leave the code to `settle`, which marks it as used."""

    def settle(self) -> None:
        """Mark the code as used and keep the tokens, both or nothing.

        Raises:
            InvalidGrantError: Somebody else used the code at the same moment.
        """
        code: CodeRow = self.request.authorization_code
        now = self.by.clock.now()
        values = tokens.token_values(
            self.by.keyed,
            self.pair,
            grant_id=code.id,
            scope=self.token["scope"],
            now=now,
            family_end=code.created_at + tokens.FAMILY_LIFE,
        )
        with self.by.database.write_core() as connection:
            first = rows.use_code(connection, code.id, now, values["expires_at"])
            if first:
                rows.insert_token(connection, values)
        if not first:
            revoke_family(code.id, code.person_id, reason="code_reuse", by=self.by)
            raise InvalidGrantError("Invalid 'code' in request.")
