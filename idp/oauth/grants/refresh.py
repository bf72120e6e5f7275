"""`refresh_token` (RFC 6749 §6): rotation, a grace time with an idempotent answer, an end of the family on reuse.

Tokens of platforms that are bound to a key do not rotate (FAPI 2.0 §5.3.2.1): whoever steals
one lacks the key. The refusal of a reused token comes after the family was revoked in a
transaction of its own.
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
from idp.oauth.grants.narrowing import narrowed_details, narrowed_resources, narrowed_scope
from idp.oauth.stores import tokens as rows
from idp.oauth.tokens import values as tokens
from idp.oauth.tokens.access import Access, SignIn, refresh_end
from idp.oauth.tokens.families import revoke_family, suspect
from kernel.pages import ZONE


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
    granted_resources: list[str] | None
    granted_details: list[dict[str, Any]] | None
    claims: dict[str, Any] | None
    jkt: str | None
    x5t: str | None
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

    pair: tokens.TokenPair

    def authenticate_refresh_token(self, refresh_token: str) -> RefreshRow | None:
        """Return the token, or None where it is unknown, over, revoked, or another platform's."""
        row = self._row(refresh_token)
        if row is None:
            return None
        if row.client_id != self.platform.client_id:
            suspect(row.person_id, self.platform.client_id, reason="foreign_refresh", by=self.by)
            return None
        return RefreshRow(**columns(row, RefreshRow, without=("presented",)), presented=refresh_token)

    def authenticate_user(self, refresh_token: RefreshRow) -> UUID:
        """Return who granted it."""
        return refresh_token.person_id

    def bind(self) -> None:
        """Learn what the token will be bound to; a public client's refresh token is bound itself.

        A confidential one proves who it is by other means, and may change its key (RFC 9449 §5,
        RFC 8705 §4).

        Raises:
            InvalidGrantError: It comes with another key.
        """
        super().bind()
        old: RefreshRow = self.request.refresh_token
        keeps = (old.jkt is None or old.jkt == self.binding.jkt) and (old.x5t is None or old.x5t == self.binding.x5t)
        if self.platform.metadata.public and not keeps:
            suspect(old.person_id, old.client_id, reason="refresh_key", by=self.by)
            raise InvalidGrantError("the refresh token is bound to another key")

    def issue_token(self, user: UUID, refresh_token: RefreshRow) -> dict[str, Any]:  # noqa: ARG002 - Authlib's signature
        """Derive the successor; nothing is stored before `settle`.

        Raises:
            InvalidGrantError: The token was used before and its grace time is over; the family is revoked.
        """
        if refresh_token.rotated_at is None and not self._rotates:
            self.pair = tokens.TokenPair(tokens.new_pair(offline=False, jwt=self.jwt).access, refresh_token.presented)
        else:
            self.pair = tokens.successor(self.by.keyed, refresh_token.presented, jwt=self.jwt)
        if refresh_token.rotated_at is not None:
            return self._repeated(refresh_token)
        form = self.request.form
        now = self.by.clock.now()
        access = Access.issued(
            self.pair.access,
            client_id=refresh_token.client_id,
            sub=refresh_token.sub,
            scope=narrowed_scope(form.get("scope"), refresh_token.granted_scope),
            resources=narrowed_resources(form.get("resource"), refresh_token.granted_resources, issuer=self.by.issuer),
            details=narrowed_details(
                form.get("authorization_details"),
                refresh_token.granted_details,
                today=now.astimezone(ZONE).date(),
            ),
            binding=self.binding,
            now=now,
            until=refresh_token.granted_at + tokens.FAMILY_LIFE,
            signed_in=SignIn(refresh_token.acr, refresh_token.amr, refresh_token.auth_time),
        )
        return self.said(access, self.pair.refresh)

    def revoke_old_credential(self, refresh_token: RefreshRow) -> None:
        """Leave the old token to `settle`, which marks it as used."""

    def settle(self) -> None:
        """Mark the old token as used and keep its successor, both or nothing; a repetition only spends its proof.

        Raises:
            InvalidGrantError: The family ended meanwhile.
            ReplayedProofError: The DPoP proof was used before.
        """
        old: RefreshRow = self.request.refresh_token
        if old.rotated_at is not None:
            self._spend_alone()
            return
        now = self.access.issued_at
        if not self._rotates:
            # The refresh token's own row stays. A family that ends at this moment ends this token too.
            values = self.access.row(self.by.keyed, grant_id=old.grant_id)
            with self.writing() as connection:
                self.spend(connection)
                rows.insert_token(connection, values)
            return
        end = refresh_end(now, old.granted_at, rotates=True)
        values = self.access.row(self.by.keyed, grant_id=old.grant_id, refresh=self.pair.refresh, refresh_end=end)
        with self.by.database.write_core() as connection:
            first = rows.rotate_token(connection, old.id, now)
            if first:
                self.spend(connection)
                rows.insert_token(connection, values)
        if not first:
            # Whoever was first has stored the same successor: say what its row says.
            self.token.update(self._repeated(old))
            self.token.pop("id_token", None)  # Its at_hash is that of what we would have issued.
            self._spend_alone()

    @property
    def _rotates(self) -> bool:
        return self.platform.metadata.rotates_refresh_tokens

    def _spend_alone(self) -> None:
        if self.binding.proof is not None:
            with self.by.database.write_core() as connection:
                self.spend(connection)

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
            return self._again(old, after, now)
        # A request that was under way when the token was rotated is late, and no thief.
        if old.rotated_at is not None:
            revoke_family(old.grant_id, old.person_id, reason="refresh_reuse", by=self.by)
        raise InvalidGrantError

    def _again(self, old: RefreshRow, after: Row[Any], now: datetime) -> dict[str, Any]:
        if (after.jkt, after.x5t) != (self.binding.jkt, self.binding.x5t):
            raise InvalidGrantError("the refresh token was used with another key")
        access = Access(
            self.pair.access,
            client_id=old.client_id,
            sub=old.sub,
            scope=after.scope,
            resources=after.resources,
            details=after.details,
            jkt=after.jkt,
            x5t=after.x5t,
            issued_at=after.issued_at,
            expires_at=after.access_expires_at,
            signed_in=SignIn(old.acr, old.amr, old.auth_time),
        )
        text = access.text(self.platform, issuer=self.by.issuer, keys=self.by.keys)
        return access.answer(text, self.pair.refresh, now=now)
