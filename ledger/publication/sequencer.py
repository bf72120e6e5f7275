"""Give queued entries their indices, shuffled, in short transactions.

Any number of sequencers may run: the head moves by compare-and-swap, so an index is given
once, and who loses the race gives nothing. An entry leaves the queue in the transaction that
gives it its index; ending the process anywhere loses nothing and doubles nothing.

A window is worked through in the order of commitments, piece by piece. They are hashes over
random bits, so an index tells nothing about who came when; and neighbours in that order are
neighbours in the database's indices too, so that the more waits, the less each entry costs.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from secrets import token_bytes
from typing import Final

from sqlalchemy.orm import Session

from ledger import queue_store, store
from ledger.errors import LostRaceError
from ledger.formats.entry import ISSUER_SIZE, EntryType
from ledger.formats.shard import ShardState
from ledger.log import LogServices
from ledger.publication.continuity import current_head

TURN_S: Final = 0.01
"""Processor time of a transaction: with the disk's share, SQLite's write lock is held for 20 ms on an idle machine.

Not the time on the clock: where others keep the processor busy, smaller transactions make it only busier.
"""
FEWEST: Final = 200
MOST: Final = 4_000
"""Entries a transaction: as many as fit into a turn here and now, within these bounds."""
KEY_SIZE: Final = 16
"""Bytes of the random keys that a shuffle sorts by: no two are the same."""


def run_once(log: LogServices) -> int:
    """Sequence all that waits once the oldest has waited for its window; return how many. Only into an open shard.

    Raises:
        LogRolledBackError: The database is older than the published log.
    """
    if current_head(log).state is not ShardState.OPEN:
        return 0
    now = log.clock.now()
    with log.database.read() as session:
        if not queue_store.is_due(session, now - log.window):
            return 0
        held = _held(log, session)
        if held is None:
            return 0
    # Everything that waits by now is one window: an index tells nothing about who came when within it.
    count, after, size = 0, b"", FEWEST
    while True:
        with log.database.read() as session:
            # The head before the rows: if anybody sequences between the two, the swap fails.
            head = store.head(session, origin=log.origin, hash_name=log.tiles.hash_name, shard=log.shard)
            entries = queue_store.queued(session, until=now, after=after, limit=size, but=held)
            commitments = [entry[ISSUER_SIZE:] for entry in entries]
            known = queue_store.sequenced_among(session, commitments)
        if not entries:
            return count
        after = commitments[-1]
        began = time.thread_time()
        try:
            count += _sequence(log, head, dict(zip(commitments, entries, strict=True)), known)
        except LostRaceError:  # Another sequencer is at work, and takes these too.
            return count
        size = _next_size(size, time.thread_time() - began)


def _held(log: LogServices, session: Session) -> set[bytes] | None:
    """Return whose credentials wait on: issuers with few holders, until their oldest has waited for their window.

    All of them together: when that window ends, they are shuffled with each other and with all that
    waits. None where nothing but theirs is due.
    """
    if log.few is None:
        return set()
    now = log.clock.now()
    waiting = queue_store.queued_since(session)
    codes = {prefix[1:].decode("ascii"): prefix for prefix in waiting if prefix[0] == EntryType.CREDENTIAL}
    few = {codes[code] for code in log.few(session, codes)}
    if any(waiting[prefix] + log.window_of_few <= now for prefix in few):
        return set()
    return few if any(waiting[prefix] + log.window <= now for prefix in waiting.keys() - few) else None


def _sequence(
    log: LogServices, head: store.Head | None, entries: Mapping[bytes, bytes], known: Collection[bytes]
) -> int:
    """Give indices to those of `entries`, by commitment, that are not `known`; take all from the queue."""
    fresh = _shuffled([entry for commitment, entry in entries.items() if commitment not in known])
    begin = 0 if head is None else head.sequenced_size
    with log.database.write() as session:
        if head is None:
            store.create_head(session, origin=log.origin, hash_name=log.tiles.hash_name, empty_root=log.tiles.hash(b""))
        if not queue_store.append(session, begin, fresh, shard=log.shard):
            raise LostRaceError("the sequence has moved on, or into the next shard")
        if queue_store.dequeue(session, list(entries)) != len(entries):
            raise LostRaceError("some of these were taken from the queue meanwhile")
    return len(fresh)


def _next_size(size: int, seconds: float) -> int:
    """Return how many entries to take after a turn of `size` took `seconds` of the processor."""
    if seconds > TURN_S:
        return max(FEWEST, size // 2)
    return min(MOST, size * 2) if seconds < TURN_S / 2 else size


def _shuffled(entries: Sequence[bytes]) -> list[bytes]:
    """Return `entries` in an order that nobody can guess: each gets a random key, all from one call."""
    keys = token_bytes(KEY_SIZE * len(entries))
    order = sorted(range(len(entries)), key=lambda at: keys[KEY_SIZE * at : KEY_SIZE * (at + 1)])
    return [entries[at] for at in order]
