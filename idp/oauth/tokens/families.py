"""Families of tokens: what one authorization gave, and their common end."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from idp.keyed import Keyed
from idp.oauth.clients.key_sets import KeySets
from idp.oauth.fetching import Fetcher
from idp.oauth.stores import tokens as rows
from kernel import audit
from kernel.clock import Clock
from kernel.db import Database


@dataclass(frozen=True, slots=True)
class Issuing:
    """What issuing tokens needs. Built once, at start-up."""

    database: Database
    keyed: Keyed
    clock: Clock
    issuer: str
    fetcher: Fetcher
    key_sets: KeySets


def revoke_family(grant_id: UUID, person_id: UUID, *, reason: str, by: Issuing) -> None:
    """End a family of tokens in a transaction of its own: the refusal that follows cannot roll it back."""
    now = by.clock.now()
    with by.database.write() as session:
        if rows.revoke_grant(session, grant_id, now):
            audit.record(session, at=now, action="grant.revoke", subject=person_id, result="revoked", reason=reason)
