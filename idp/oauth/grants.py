"""The grants of the token endpoint, on Authlib's seams: authorization code and refresh token.

Each grant validates and prepares first, with reading sessions only; `settle` then writes in
one short transaction. The database decides who is first: the loser of a race, or whoever
comes with a used code or an old refresh token, is answered after the family was revoked in
a transaction of its own, so that the refusal cannot roll that back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, TokenMixin, grants
from authlib.oauth2.rfc6749.errors import InvalidGrantError
from sqlalchemy import Row

from idp import store
from idp.oauth import tokens
from idp.oauth.clients import RegisteredClient
from idp.oauth.families import Issuing, revoke_family
from idp.oauth.scopes import scope_text


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


@dataclass(frozen=True, slots=True)
class RefreshRow(TokenMixin):
    """A refresh token that was presented, with what its grant says."""

    id: UUID
    grant_id: UUID
    client_id: str
    person_id: UUID
    session_id: UUID
    sub: str
    granted_scope: str
    acr: str
    amr: str
    auth_time: datetime
    granted_at: datetime
    rotated_at: datetime | None
    presented: str

    def check_client(self, client: RegisteredClient) -> bool:
        """Whether it was issued to this client."""
        return self.client_id == client.client_id

    def get_scope(self) -> str:
        """Return what was granted in the beginning; a refresh may ask for less."""
        return self.granted_scope


class CodeGrant(grants.AuthorizationCodeGrant):
    """`authorization_code` (RFC 6749 §4.1.3), the code used once."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post", "none")
    pair: tokens.TokenPair
    token: dict[str, Any]

    @property
    def by(self) -> Issuing:
        """What issuing needs."""
        by: Issuing = self.server.by
        return by

    def query_authorization_code(self, code: str, client: RegisteredClient) -> CodeRow | None:
        """Return the grant of this code; a code that was used revokes what it gave (RFC 6749 §4.1.2)."""
        now = self.by.clock.now()
        with self.by.database.read() as session:
            row = store.grant_by_code(session, tokens.code_hash(self.by.keyed, code))
        if row is None or row.client_id != client.client_id:
            return None
        if row.code_used_at is not None:
            revoke_family(row.id, row.person_id, reason="code_reuse", by=self.by)
            return None
        if row.revoked_at is not None or now >= row.code_expires_at:
            return None
        return CodeRow(**_columns(row, CodeRow, without=("code_challenge_method",)))

    def authenticate_user(self, authorization_code: CodeRow) -> UUID:
        """Return who granted it."""
        return authorization_code.person_id

    def generate_token(self, *, scope: str, **_: Any) -> dict[str, Any]:
        """Make the tokens; nothing is stored before `settle`."""
        self.pair = tokens.new_pair(offline=self.request.authorization_code.offline)
        return tokens.answer(self.pair, scope=scope, lifetime=tokens.ACCESS_LIFE)

    def save_token(self, token: dict[str, Any]) -> None:
        """Keep the answer until `settle`."""
        self.token = token

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
        with self.by.database.write() as session:
            first = store.use_code(session, code.id, now, values["expires_at"])
            if first:
                store.insert_token(session, values)
        if not first:
            revoke_family(code.id, code.person_id, reason="code_reuse", by=self.by)
            raise InvalidGrantError("Invalid 'code' in request.")


class RefreshGrant(grants.RefreshTokenGrant):
    """`refresh_token` (RFC 6749 §6) with rotation, a grace time, and an end of the family on reuse (RFC 9700 §4.14)."""

    TOKEN_ENDPOINT_AUTH_METHODS = CodeGrant.TOKEN_ENDPOINT_AUTH_METHODS
    pair: tokens.TokenPair
    token: dict[str, Any]

    @property
    def by(self) -> Issuing:
        """What issuing needs."""
        by: Issuing = self.server.by
        return by

    def authenticate_refresh_token(self, refresh_token: str) -> RefreshRow | None:
        """Return the token, or None where it is unknown, over or revoked."""
        row = self._row(refresh_token)
        if row is None:
            return None
        return RefreshRow(**_columns(row, RefreshRow, without=("presented",)), presented=refresh_token)

    def authenticate_user(self, refresh_token: RefreshRow) -> UUID:
        """Return who granted it."""
        return refresh_token.person_id

    def issue_token(self, user: UUID, refresh_token: RefreshRow) -> dict[str, Any]:  # noqa: ARG002 - Authlib's signature
        """Derive the successor; nothing is stored before `settle`.

        Raises:
            InvalidGrantError: The token was used before and its grace time is over; the family is revoked.
        """
        self.pair = tokens.successor(self.by.keyed, refresh_token.presented)
        if refresh_token.rotated_at is not None:
            return self._repeated(refresh_token)
        scope = scope_text((self.request.payload.scope or refresh_token.granted_scope).split())
        return tokens.answer(self.pair, scope=scope, lifetime=tokens.ACCESS_LIFE)

    def save_token(self, token: dict[str, Any]) -> None:
        """Keep the answer until `settle`."""
        self.token = token

    def revoke_old_credential(self, refresh_token: RefreshRow) -> None:
        """Leave the old token to `settle`, which marks it as used."""

    def settle(self) -> None:
        """Mark the old token as used and keep its successor, both or nothing; a repetition writes nothing.

        Raises:
            InvalidGrantError: The family ended meanwhile.
        """
        old: RefreshRow = self.request.refresh_token
        if old.rotated_at is not None:
            return
        now = self.by.clock.now()
        values = tokens.token_values(
            self.by.keyed,
            self.pair,
            grant_id=old.grant_id,
            scope=self.token["scope"],
            now=now,
            family_end=old.granted_at + tokens.FAMILY_LIFE,
        )
        with self.by.database.write() as session:
            first = store.rotate_token(session, old.id, old.grant_id, now, values["expires_at"])
            if first:
                store.insert_token(session, values)
        if not first:
            # Whoever was first has stored the same successor: say what its row says.
            self.token.update(self._repeated(old))

    def _row(self, refresh_token: str) -> Row[Any] | None:
        now = self.by.clock.now()
        with self.by.database.read() as session:
            row = store.token_by_refresh(session, tokens.refresh_hash(self.by.keyed, refresh_token))
        if row is None or row.grant_revoked_at is not None or now >= row.refresh_expires_at:
            return None
        return row

    def _repeated(self, old: RefreshRow) -> dict[str, Any]:
        """Say again what the first use of the token was answered, within the grace time."""
        now = self.by.clock.now()
        assert self.pair.refresh is not None  # noqa: S101 - a successor always has both
        after = self._row(self.pair.refresh)
        if after is not None and after.rotated_at is None and now - after.issued_at < tokens.GRACE:
            return tokens.answer(self.pair, scope=after.scope, lifetime=after.access_expires_at - now)
        # A request that was under way when the token was rotated is late, and no thief.
        if old.rotated_at is not None:
            revoke_family(old.grant_id, old.person_id, reason="refresh_reuse", by=self.by)
        raise InvalidGrantError


def _columns(row: Row[Any], target: type[Any], *, without: tuple[str, ...]) -> dict[str, Any]:
    names = [name for name in target.__dataclass_fields__ if name not in without]
    return {name: getattr(row, name) for name in names}
