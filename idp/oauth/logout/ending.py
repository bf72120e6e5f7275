"""The end of signed-in browsers, as platforms learn of it: queued in the transaction that ends them.

A browser whose time is over tells nobody: whoever works on a platform and did not come by here
for half an hour would be thrown out in the middle (Back-Channel Logout §2.5 asks for notices
of a logout). What the platforms may do alone, by offline access, goes on (§2.7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from idp.oauth.clients.metadata import ClientMetadata
from idp.oauth.clients.registered import ACTIVE
from idp.oauth.stores import logout as rows
from idp.oauth.stores import tokens
from idp.oauth.uris import with_query

KEPT: Final = timedelta(days=1)
"""How long a platform that does not answer is tried again."""


@dataclass(frozen=True, slots=True)
class LeftPlatform:
    """A platform in which a person was signed in by the browser that was signed out."""

    session_id: UUID
    client_id: str
    name: str
    name_en: str
    frontchannel_logout_uri: str | None
    told: bool
    """Whether it will get a logout token."""

    @property
    def hears(self) -> bool:
        """Whether it learns of the sign-out at all."""
        return self.told or self.frontchannel_logout_uri is not None

    def frame(self, issuer: str) -> str | None:
        """Return the address that tells it in a frame, with `iss` and `sid` (Front-Channel Logout §2, §3)."""
        uri = self.frontchannel_logout_uri
        return with_query(uri, [("iss", issuer), ("sid", str(self.session_id))]) if uri else None


def end_online(session: Session, session_ids: Sequence[UUID], now: datetime) -> list[LeftPlatform]:
    """End what lives only as long as these browsers: tokens without offline access, and sign-ins at platforms.

    Queues a logout token for each platform that takes them, in the caller's transaction: either
    the browser is signed out and they will be told, or neither. Returns the platforms left.
    """
    tokens.revoke_online_grants(session, session_ids, now)
    left, deliveries = [], []
    for part, client in rows.participants(session, session_ids):
        metadata = ClientMetadata.model_validate(client.registered)
        told = client.state == ACTIVE and metadata.backchannel_logout_uri is not None
        uri = metadata.frontchannel_logout_uri if client.state == ACTIVE else None
        left.append(LeftPlatform(part.session_id, client.client_id, client.name, client.name_en, uri, told))
        if told:
            deliveries.append(
                {
                    "client_id": part.client_id,
                    "session_id": part.session_id,
                    "sub": part.sub,
                    "created_at": now,
                    "next_at": now,
                    "expires_at": now + KEPT,
                }
            )
    rows.queue(session, deliveries)
    rows.delete_participants(session, session_ids)
    return left
