"""Give queued entries their indices, shuffled, in short transactions.

Any number of sequencers may run: the head moves by compare-and-swap, so an index is given
once, and who loses the race gives nothing. An entry leaves the queue in the transaction that
gives it its index; ending the process anywhere loses nothing and doubles nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from secrets import SystemRandom
from typing import Final

from sqlalchemy.orm import Session

from ledger import store
from ledger.continuity import current_head
from ledger.entry import EntryType
from ledger.errors import LostRaceError
from ledger.log import LogServices

CHUNK: Final = 200
"""Entries a transaction: keeps SQLite's write lock below 20 ms."""


def run_once(log: LogServices) -> int:
    """Sequence all that waits once the oldest has waited for its window; return how many.

    Raises:
        LogRolledBackError: The database is older than the published log.
    """
    current_head(log)
    with log.database.read() as session:
        due = store.queued_since(session, until=log.clock.now() - log.window)
        if not set(due) - _held(log, session, due):
            return 0
        ids = store.queued_ids(session, but=_held(log, session, store.queued_since(session)))
    # Everything that waits is one window: an index tells nothing about who came when within it.
    SystemRandom().shuffle(ids)
    count = 0
    try:
        for at in range(0, len(ids), CHUNK):
            count += _sequence(log, ids[at : at + CHUNK])
    except LostRaceError:  # Another sequencer is at work, and takes these too.
        pass
    return count


def _held(log: LogServices, session: Session, waiting: Mapping[bytes, datetime]) -> set[bytes]:
    """Return whose credentials wait on: issuers with few holders, until their oldest has waited for their window.

    All of them together: when that window ends, they are shuffled with each other and with all that waits.
    """
    if log.few is None:
        return set()
    codes = {prefix[1:].decode("ascii"): prefix for prefix in waiting if prefix[0] == EntryType.CREDENTIAL}
    few = {codes[code] for code in log.few(session, codes)}
    if any(waiting[prefix] + log.window_of_few <= log.clock.now() for prefix in few):
        return set()
    return few


def _sequence(log: LogServices, ids: Sequence[int]) -> int:
    names = {"origin": log.origin, "hash_name": log.tiles.hash_name}
    with log.database.read() as session:
        # The head before the rows: if anybody sequences between the two, the swap below fails.
        head = store.head(session, **names)
        rows = store.queued(session, ids)
        known = store.sequenced_among(session, [row.commitment for row in rows])
    fresh = [row for row in rows if row.commitment not in known]
    begin = 0 if head is None else head.sequenced_size
    with log.database.write() as session:
        if head is None:
            store.create_head(session, **names, empty_root=log.tiles.hash(b""))
        if not store.move_sequenced(session, begin, begin + len(fresh)):
            raise LostRaceError("the sequence has moved on")
        if fresh:
            store.append(session, begin, fresh)
        store.dequeue(session, [row.id for row in rows])
    return len(fresh)
