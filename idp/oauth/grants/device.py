"""`urn:ietf:params:oauth:grant-type:device_code` (RFC 8628 §3.4, §3.5).

Until a person has decided, a poll is answered with an error and notes when it came; one that
comes too early makes the interval longer for good. What was allowed is a grant whose code is
the device code: from there on it is redeemed as a code is, once.
"""

from __future__ import annotations

from typing import Any, NoReturn

from authlib.oauth2.rfc6749.errors import (
    AccessDeniedError,
    InvalidGrantError,
    InvalidRequestError,
    UnauthorizedClientError,
)
from authlib.oauth2.rfc8628.errors import AuthorizationPendingError, ExpiredTokenError, SlowDownError
from sqlalchemy import Row

from idp.oauth.clients.metadata import DEVICE
from idp.oauth.clients.registered import RegisteredClient
from idp.oauth.device.hashes import device_hash
from idp.oauth.grants.base import columns
from idp.oauth.grants.code import CodeGrant, CodeRow
from idp.oauth.stores import devices
from idp.oauth.stores import tokens as rows
from idp.oauth.tokens.families import revoke_family

SLOWER = 5


class DeviceGrant(CodeGrant):
    """The device code grant; everything after the person's decision is `CodeGrant`'s."""

    GRANT_TYPE = DEVICE

    def validate_token_request(self) -> None:
        """Answer a poll.

        Raises:
            InvalidRequestError: There is no device code.
            UnauthorizedClientError: The platform did not register this grant.
            InvalidGrantError: The device code is unknown, another platform's, or was used.
            AuthorizationPendingError: Nobody has decided yet.
            SlowDownError: Nor is it time to ask again.
            AccessDeniedError: The person refused.
            ExpiredTokenError: The code's time is over.
        """
        client: RegisteredClient = self.authenticate_token_endpoint_client()
        if not client.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError("the device grant is not registered")
        device_code = self.request.form.get("device_code")
        if device_code is None:
            raise InvalidRequestError("device_code is missing")
        self.request.client = client
        self.request.authorization_code = self._decided(device_code, client)

    def _decided(self, device_code: str, client: RegisteredClient) -> CodeRow:
        now = self.by.clock.now()
        hashed = device_hash(self.by.keyed, device_code)
        with self.by.database.read_core() as connection:
            waiting = devices.device(connection, hashed)
            grant = rows.grant_by_code(connection, hashed)
        if grant is not None and grant.client_id == client.client_id and grant.code_used_at is not None:
            revoke_family(grant.id, grant.person_id, reason="code_reuse", by=self.by)
            raise InvalidGrantError("the device code was used")
        if waiting is None or waiting.client_id != client.client_id:
            raise InvalidGrantError("the device code is unknown")
        if now >= waiting.expires_at:
            raise ExpiredTokenError
        if waiting.state == devices.REFUSED:
            raise AccessDeniedError("the person refused")
        if waiting.state == devices.PENDING:
            self._not_yet(waiting)
        if grant is None or grant.revoked_at is not None:
            raise InvalidGrantError("what was allowed has ended")
        return CodeRow(**columns(grant, CodeRow, without=("code_challenge_method",)))

    def _not_yet(self, waiting: Row[Any]) -> NoReturn:
        """Say that nobody has decided yet, and remember the poll."""
        now = self.by.clock.now()
        early = waiting.polled_at is not None and (now - waiting.polled_at).total_seconds() < waiting.interval
        interval = waiting.interval + SLOWER if early else waiting.interval
        with self.by.database.write_core() as connection:
            alone = devices.note_poll(
                connection, waiting.device_hash, seen=waiting.polled_at, interval=interval, now=now
            )
        if early or not alone:
            raise SlowDownError
        raise AuthorizationPendingError
