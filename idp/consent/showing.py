"""What is allowed now, by platform, for the pages that show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from idp.consent import store
from idp.oauth.authorization.details import ShownDetail, shown
from idp.oauth.scopes import OFFLINE, asked_claims


@dataclass(frozen=True, slots=True)
class AllowedPlatform:
    """A platform, and all that it is allowed now. `by_guardian`: a guardian gave it."""

    client_id: str
    name: str
    name_en: str
    owner: str
    purpose: str
    claims: tuple[str, ...]
    details: tuple[ShownDetail, ...]
    offline: bool
    since: datetime
    until: datetime
    by_guardian: bool


def platforms_of(session: Session, person_id: UUID, *, child: bool, now: datetime) -> list[AllowedPlatform]:
    """Return the platforms that are allowed something of the person now, the latest first.

    From the 14th birthday on what guardians gave counts no more and is not among them.
    """
    platforms: dict[str, AllowedPlatform] = {}
    for row in store.live_consents_of(session, person_id, now):
        if (row.guardianship_id is not None) is not child:
            continue
        known = platforms.get(row.client_id)
        platforms[row.client_id] = AllowedPlatform(
            client_id=row.client_id,
            name=known.name if known else row.name,
            name_en=known.name_en if known else row.name_en,
            owner=known.owner if known else row.owner,
            purpose=known.purpose if known else row.purpose,
            claims=asked_claims((), (*(known.claims if known else ()), *row.fields["claims"])),
            details=(*(known.details if known else ()), *details_of(row.fields)),
            offline=OFFLINE in row.scope.split() or (known is not None and known.offline),
            since=known.since if known else row.given_at,
            until=max(row.until, known.until) if known else row.until,
            by_guardian=child,
        )
    return list(platforms.values())


def details_of(fields: Mapping[str, Any]) -> tuple[ShownDetail, ...]:
    """Return the authorization details of a receipt for display."""
    return tuple(shown(fields["details"]))
