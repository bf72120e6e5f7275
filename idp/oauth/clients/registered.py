"""A platform as the endpoints see it: plain values, no database behind; and the cache that brings it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from authlib.oauth2.rfc6749 import ClientMixin

from crypto.hashes import equal
from idp.keyed import Keyed
from idp.oauth.clients.metadata import ClientMetadata
from idp.oauth.scopes import parse_scope, scope_text
from idp.oauth.stores import clients
from kernel.clock import Clock
from kernel.db import Database

ACTIVE: Final = "active"
RESOURCE: Final = "urn:xinji:client:"
FRESH: Final = timedelta(seconds=10)
CACHED: Final = 1_000


@dataclass(frozen=True, slots=True)
class RegisteredClient(ClientMixin):
    """A platform: who it is, and what it registered."""

    client_id: str
    kind: str
    secret_hash: bytes | None
    name: str
    name_en: str
    owner: str
    purpose: str
    home: str | None
    sector: str
    expires_at: datetime | None
    metadata: ClientMetadata
    keyed: Keyed = field(repr=False, compare=False)
    registered_by: UUID | None = None

    @classmethod
    def of(cls, row: Any, keyed: Keyed) -> RegisteredClient:
        """Return the platform of a row."""
        return cls(
            client_id=row.client_id,
            kind=row.kind,
            secret_hash=row.secret_hash,
            name=row.name,
            name_en=row.name_en,
            owner=row.owner,
            purpose=row.purpose,
            home=row.home,
            sector=row.sector,
            expires_at=row.expires_at,
            metadata=ClientMetadata.model_validate(row.registered),
            keyed=keyed,
            registered_by=row.registered_by,
        )

    @property
    def resource(self) -> str:
        """The resource (RFC 8707) that the platform itself is: who wants tokens for it registers this one."""
        return f"{RESOURCE}{self.client_id}"

    def get_client_id(self) -> str:
        """Return the client_id."""
        return self.client_id

    def get_allowed_scope(self, scope: str | None) -> str:
        """Return the part of `scope` that the platform registered."""
        allowed = set(self.metadata.scope.split())
        return scope_text(name for name in parse_scope(scope) if name in allowed)

    def check_client_secret(self, client_secret: str) -> bool:
        """Whether this is the platform's secret."""
        given = secret_hash(self.keyed, self.client_id, client_secret)
        return self.secret_hash is not None and equal(given, self.secret_hash)

    def check_grant_type(self, grant_type: str) -> bool:
        """Whether the platform registered this grant."""
        return grant_type in self.metadata.grant_types


def secret_hash(keyed: Keyed, client_id: str, secret: str) -> bytes:
    """Return the keyed hash under which a platform's secret is kept."""
    return keyed.of("client-secret", f"{client_id}|{secret}")


class ClientCache:
    """Platforms by client_id, kept for ten seconds: a block or a change counts after that at the latest."""

    def __init__(self, database: Database, keyed: Keyed, clock: Clock) -> None:
        """Read from `database`."""
        self._database = database
        self._keyed = keyed
        self._clock = clock
        self._kept: dict[str, tuple[datetime, RegisteredClient]] = {}

    def get(self, client_id: str) -> RegisteredClient | None:
        """Return the platform, or None where there is none that is active: not reviewed yet, blocked, expired."""
        now = self._clock.now()
        kept = self._kept.get(client_id)
        if kept is not None and now - kept[0] < FRESH:
            return None if _is_over(kept[1], now) else kept[1]
        self._kept.pop(client_id, None)
        with self._database.read_core() as connection:
            row = clients.row(connection, client_id)
        if row is None or row.state != ACTIVE:
            return None
        if len(self._kept) >= CACHED:
            self._kept.clear()
        client = RegisteredClient.of(row, self._keyed)
        self._kept[client_id] = (now, client)
        return None if _is_over(client, now) else client

    def forget(self, client_id: str) -> None:
        """Read the platform anew at the next look, in this process: after a change."""
        self._kept.pop(client_id, None)


def _is_over(client: RegisteredClient, now: datetime) -> bool:
    return client.expires_at is not None and now >= client.expires_at
