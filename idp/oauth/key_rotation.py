"""When the provider's keys change: by schedule, by hand, and at once after a compromise (OIDC Core §10.1.1).

Invariants, for every algorithm:

- A key signs only after it was published for longer than anybody may keep the JWKS; the first
  key of an installation and the one that replaces a compromised key are the exceptions.
- A key stays published for as long as anything that it signed is good, and for `KEPT` so that
  an ID token may still be a hint; then its private part is destroyed.
- Two processes that rotate at once make one rotation: the key ring compares under its lock.

A rotation by hand publishes the next key; the schedule lets it sign once its time has come.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from crypto.errors import KeyStateError, UnknownKeyError
from crypto.keyring import ACTIVE, NEXT, OIDC, RETIRED, KeyRecord, KeyRing
from idp.oauth.keys import ALGS, OWNER
from kernel import audit
from kernel.clock import Clock
from kernel.db import Database

SIGNS: Final = timedelta(days=90)
AHEAD: Final = timedelta(hours=24)
"""How long a next key is published before it signs. Far longer than `keys.JWKS_AGE`."""
KEPT: Final = timedelta(days=30)
"""How long a key stays published after its last signature. Longer than anything that it signs lives."""

BY_HAND: Final = "by_hand"


@dataclass(frozen=True, slots=True)
class KeyChange:
    """What was done to a key: `key.publish`, `key.rotate`, `key.retire` or `key.destroy`."""

    action: str
    alg: str
    key_id: str


def run_once(ring: KeyRing, database: Database, clock: Clock) -> int:
    """Do what is due for every algorithm; return how much that was. Safe to repeat, in several processes."""
    now = clock.now()
    return _recorded((change for alg in ALGS for change in _due(ring, alg, now)), database, clock)


def publish_next(ring: KeyRing, algs: Iterable[str], database: Database, clock: Clock) -> int:
    """Publish a next key of each algorithm that has none; the schedule lets it sign `AHEAD` later."""
    return _recorded((change for alg in algs for change in _publish(ring, alg)), database, clock, reason=BY_HAND)


def rotate_now(ring: KeyRing, algs: Iterable[str], database: Database, clock: Clock) -> int:
    """Let a next key sign at once, though platforms may keep the JWKS without it for a while."""

    def changes() -> Iterator[KeyChange]:
        for alg in algs:
            yield KeyChange("key.rotate", alg, ring.rotate(OIDC, OWNER, alg).key_id)

    return _recorded(changes(), database, clock, reason=BY_HAND)


def withdraw(ring: KeyRing, key_id: str, *, compromised: bool, database: Database, clock: Clock) -> int:
    """Stop using a key. A compromised one leaves the JWKS at once: nothing that it signed is believed any more.

    Raises:
        UnknownKeyError: The provider has no such key.
        KeyStateError: It is destroyed already.
    """
    record = next((known for known in ring.records(OIDC, OWNER) if known.key_id == key_id), None)
    if record is None:
        raise UnknownKeyError(f"the provider has no key {key_id}")

    def changes() -> Iterator[KeyChange]:
        if record.state == ACTIVE:  # Its successor first: there is no moment without a key that signs.
            yield KeyChange("key.rotate", record.alg, ring.rotate(OIDC, OWNER, record.alg, seen=record).key_id)
        ring.retire(key_id)
        yield KeyChange("key.retire", record.alg, key_id)
        if compromised:
            ring.destroy(key_id)
            yield KeyChange("key.destroy", record.alg, key_id)

    return _recorded(changes(), database, clock, reason="compromised" if compromised else BY_HAND)


def signs_from(record: KeyRecord) -> datetime:
    """Return when a next key may sign."""
    return record.since + AHEAD


def _due(ring: KeyRing, alg: str, now: datetime) -> Iterator[KeyChange]:
    known = [record for record in ring.records(OIDC, OWNER) if record.alg == alg]
    active, ahead, retired = ([one for one in known if one.state == state] for state in (ACTIVE, NEXT, RETIRED))
    if ahead and now >= signs_from(ahead[0]):
        with suppress(KeyStateError):  # Another process has rotated.
            yield KeyChange("key.rotate", alg, ring.rotate(OIDC, OWNER, alg, seen=ahead[0]).key_id)
    elif active and not ahead and now >= active[-1].since + SIGNS - AHEAD:
        yield from _publish(ring, alg)
    for record in retired:
        if now >= record.since + KEPT:
            ring.destroy(record.key_id)
            yield KeyChange("key.destroy", alg, record.key_id)


def _publish(ring: KeyRing, alg: str) -> Iterator[KeyChange]:
    with suppress(KeyStateError):  # There is one already.
        yield KeyChange("key.publish", alg, ring.generate(OIDC, OWNER, alg, NEXT).key_id)


def _recorded(changes: Iterable[KeyChange], database: Database, clock: Clock, *, reason: str = "schedule") -> int:
    """Go through the changes; each is told in the audit trail, also where a later one fails."""
    count = 0
    for change in changes:
        count += 1
        with database.write() as session:
            audit.record(
                session,
                at=clock.now(),
                action=change.action,
                subject=change.key_id,
                alg=change.alg,
                reason=reason,
            )
    return count
