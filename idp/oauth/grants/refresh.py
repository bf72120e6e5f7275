"""`refresh_token` (RFC 6749 §6): rotation, a grace time with an idempotent answer, an end of the family on reuse.

The refusal of a reused token comes after the family was revoked in a transaction of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from authlib.oauth2.rfc6749 import TokenMixin, grants
from authlib.oauth2.rfc6749.errors import InvalidGrantError
from sqlalchemy import Row

from idp.oauth.clients.registered import RegisteredClient
from idp.oauth.grants.base import Settling, columns
from idp.oauth.scopes import scope_text
from idp.oauth.stores import tokens as rows
from idp.oauth.tokens import values as tokens
from idp.oauth.tokens.families import revoke_family


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


class RefreshGrant(Settling, grants.RefreshTokenGrant):
    """`refresh_token` (RFC 6749 §6) with rotation, a grace time, and an end of the family on reuse (RFC 9700 §4.14)."""

    def authenticate_refresh_token(self, refresh_token: str) -> RefreshRow | None:
        """Return the token, or None where it is unknown, over or revoked."""
        row = self._row(refresh_token)
        if row is None:
            return None
        return RefreshRow(**columns(row, RefreshRow, without=("presented",)), presented=refresh_token)

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
        with self.by.database.write_core() as connection:
            first = rows.rotate_token(connection, old.id, old.grant_id, now, values["expires_at"])
            if first:
                rows.insert_token(connection, values)
        if not first:
            # Whoever was first has stored the same successor: say what its row says.
            self.token.update(self._repeated(old))

    def _row(self, refresh_token: str) -> Row[Any] | None:
        now = self.by.clock.now()
        with self.by.database.read_core() as connection:
            row = rows.token_by_refresh(connection, tokens.refresh_hash(self.by.keyed, refresh_token))
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
