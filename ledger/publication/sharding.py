"""From one year's shard to the next: announce it, switch to it, freeze the old one. ADR 0014.

Each step is one transaction by compare-and-swap, and safe to repeat: ended anywhere, or done by
two processes at once, it comes to the same end. Refuses to know the trust file and the keys'
custody, which lie around these steps (`server.shards`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from ledger import queue_store, shard_store
from ledger.errors import LostRaceError, ShardStepError
from ledger.formats.entry import Entry, EntryType
from ledger.formats.shard import YEARS, ShardState, origin_of
from ledger.log import LogServices, create_keys, verifier_keys
from ledger.registry import store as registry_store
from ledger.shard_store import Shard

AT_WORK: Final = (ShardState.CLOSING, ShardState.OPEN)


def at_work(log: LogServices) -> list[LogServices]:
    """Return the shards that have something to publish yet, the oldest first, given the first log.

    Before its first entry that is the first log itself.
    """
    with log.database.read() as session:
        known = shard_store.shards(session)
    busy = [one for one in known if one.state in AT_WORK]
    return [log.of(one.number) for one in busy] if known else [log]


def announce(log: LogServices, year: int, *, opens_at: datetime) -> Shard:
    """Make the keys of the year's shard and write it down; return it as it stands. Nothing is logged there yet.

    Repeated, it changes nothing: not the keys, nor the time from which the shard may open.

    Raises:
        ShardStepError: The log has published nothing, another shard is announced, or the year is not ahead.
    """
    with log.database.read() as session:
        known = shard_store.shards(session)
    _refuse_announcing(known, year)
    origin = origin_of(log.origin, year)
    create_keys(log.signer, origin)
    with log.database.write() as session:
        empty = log.tiles.hash(b"")
        shard_store.announce(session, year, origin, log.tiles.hash_name, opens_at=opens_at, root=empty)
        return shard_of(shard_store.shards(session), year)


def switch(log: LogServices, year: int, *, early: bool = False) -> int:
    """Close the open shard and open the year's, in one transaction; return how many statements stand in it first.

    All statements that have not expired, superseded ones too, are logged again: what is issued
    from now on is proved together with what accredits it, under one checkpoint. What was said of
    them comes along.

    Raises:
        ShardStepError: It is not announced, or, unless `early`, its time has not come.
        LostRaceError: Another process has switched.
    """
    now = log.clock.now()
    with log.database.write() as session:
        known = shard_store.shards(session)
        new, old = shard_of(known, year), next(one for one in known if one.state is ShardState.OPEN)
        if new.state is not ShardState.ANNOUNCED or new.opens_at is None:
            raise LostRaceError(f"the shard {new.origin} is {new.state} already")
        if now < new.opens_at and not early:
            raise ShardStepError(f"the shard {new.origin} opens on {new.opens_at:%Y-%m-%d}, not before")
        if not shard_store.switch(session, old.number, year):
            raise LostRaceError("another process has switched to the next shard")
        again = [
            Entry(EntryType.ACCREDITATION, code, commitment).encode()
            for code, commitment in registry_store.unexpired(session, now)
        ]
        if not queue_store.append(session, 0, again, shard=year):
            raise AssertionError("a shard that opens is empty")
    return len(again)


def freeze(log: LogServices, shard: int) -> Shard:
    """End a closing shard whose last entry is published, and keep its verifier keys; return it as it stands.

    Raises:
        ShardStepError: Something of it is not published yet.
    """
    with log.database.read() as session:
        found = shard_of(shard_store.shards(session), shard)
    if found.state is ShardState.CLOSING:
        vkeys = [str(key) for key in verifier_keys(log.signer, found.origin)]
        with log.database.write() as session:
            shard_store.freeze(session, shard, vkeys)
            found = shard_of(shard_store.shards(session), shard)
    if found.state is not ShardState.FROZEN:
        raise ShardStepError(
            f"the log {found.origin} has published {found.published_size} of its {found.sequenced_size} entries: "
            "its final checkpoint waits for them and for its quorum"
        )
    return found


def shard_of(known: list[Shard], number: int) -> Shard:
    """Return the shard of that number.

    Raises:
        ShardStepError: There is none.
    """
    for one in known:
        if one.number == number:
            return one
    raise ShardStepError(f"there is no shard {number}")


def _refuse_announcing(known: list[Shard], year: int) -> None:
    if year not in YEARS or any(one.number > year for one in known):
        raise ShardStepError(f"there is a shard after {year} already, or that is no year")
    if any(one.number == year for one in known):
        return
    if not any(one.state is ShardState.OPEN and one.published_size for one in known):
        raise ShardStepError("the log has published nothing yet: there is nothing to close")
    for one in known:
        if one.state in (ShardState.ANNOUNCED, ShardState.CLOSING):
            raise ShardStepError(f"the shard {one.origin} is {one.state}: finish with it first")
