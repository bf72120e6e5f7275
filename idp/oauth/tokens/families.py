"""Families of tokens: what one authorization gave, and their common end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from idp.keyed import Keyed
from idp.oauth.claims import Subject
from idp.oauth.clients.key_sets import KeySets
from idp.oauth.fetching import Fetcher
from idp.oauth.keys import SigningKeys
from idp.oauth.stores import tokens as rows
from idp.oauth.tokens.remembered import Remembered
from kernel import audit
from kernel.clock import Clock
from kernel.db import Database
from kernel.store import Executor

SubjectOf = Callable[[Executor, UUID], Subject | None]
"""How a person's facts are read, with one connection."""


@dataclass(frozen=True, slots=True)
class Issuing:
    """What issuing tokens needs. Built once, at start-up."""

    database: Database
    keyed: Keyed
    clock: Clock
    issuer: str
    fetcher: Fetcher
    key_sets: KeySets
    keys: SigningKeys
    pairwise_key: bytes
    subject_of: SubjectOf
    proofs: Remembered = field(default_factory=Remembered)
    """DPoP proofs that this process has seen at endpoints that write nothing."""


def revoke_family(grant_id: UUID, person_id: UUID, *, reason: str, by: Issuing) -> None:
    """End a family of tokens in a transaction of its own: the refusal that follows cannot roll it back."""
    now = by.clock.now()
    with by.database.write() as session:
        if rows.revoke_grant(session, grant_id, now):
            audit.record(session, at=now, action="grant.revoke", subject=person_id, result="revoked", reason=reason)


def suspect(person_id: UUID | None, client_id: str, *, reason: str, by: Issuing) -> None:
    """Record, in a transaction of its own, a refusal that looks like theft; the caller refuses."""
    with by.database.write() as session:
        audit.record(
            session,
            at=by.clock.now(),
            action="token.refuse",
            subject=person_id or client_id,
            result="refused",
            reason=reason,
            client=client_id,
        )
