"""Consent: what a person allows a platform to read. Recorded when given, ended when withdrawn.

A later request of the same scopes, or fewer, does not ask again; a wider one does. A
withdrawal ends every token that the platform holds for the person.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from idp import consent_store
from idp.models import Consent
from idp.oauth.stores import tokens
from kernel import audit
from kernel.errors import NotFoundError

TEXT_VERSION: Final = "consent/1"


@dataclass(frozen=True, slots=True)
class AllowedPlatform:
    """A platform, and all that the person allows it."""

    client_id: str
    name: str
    name_en: str
    owner: str
    scopes: tuple[str, ...]
    since: datetime


def platforms_of(session: Session, person_id: UUID) -> list[AllowedPlatform]:
    """Return the platforms that the person allows something, the latest first."""
    platforms: dict[str, AllowedPlatform] = {}
    for given, client in consent_store.consents_of(session, person_id):
        known = platforms.get(client.client_id)
        platforms[client.client_id] = AllowedPlatform(
            client.client_id,
            client.name,
            client.name_en,
            client.owner,
            tuple(dict.fromkeys([*(known.scopes if known else ()), *given.scope.split()])),
            given.given_at,
        )
    return list(platforms.values())


def covers(session: Session, person_id: UUID, client_id: str, scopes: Collection[str]) -> bool:
    """Whether what the person allowed the platform before includes all of `scopes`."""
    allowed = {
        scope for row in consent_store.live_consents(session, person_id, client_id) for scope in row.scope.split()
    }
    return set(scopes) <= allowed


def give_consent(
    session: Session, person_id: UUID, client_id: str, scopes: Sequence[str], *, fields: Sequence[str], now: datetime
) -> None:
    """Record that the person allows the platform `scopes`, whose claims are `fields`."""
    session.add(
        Consent(
            person_id=person_id,
            client_id=client_id,
            scope=" ".join(scopes),
            fields={"claims": list(fields)},
            text_version=TEXT_VERSION,
            given_at=now,
        )
    )
    audit.record(session, at=now, action="consent.give", actor=person_id, subject=client_id, scope=" ".join(scopes))


def refuse_consent(session: Session, person_id: UUID, client_id: str, now: datetime) -> None:
    """Record that the person refused."""
    audit.record(session, at=now, action="consent.refuse", actor=person_id, subject=client_id, result="refused")


def withdraw_consent(session: Session, person_id: UUID, client_id: str, now: datetime) -> None:
    """End all that the person allows the platform, and its tokens.

    Raises:
        NotFoundError: Nothing is allowed.
    """
    if not consent_store.withdraw_consents(session, person_id, client_id, now):
        raise NotFoundError("this platform has no consent")
    tokens.revoke_grants(session, person_id, client_id, now)
    audit.record(session, at=now, action="consent.withdraw", actor=person_id, subject=client_id)
