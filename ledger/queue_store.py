"""The queue's statements: an entry's way in, and from there to its index. In the caller's transaction.

All of them take many entries at once, packed (`ledger.packed_store`): this is what the log's speed hangs on.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import BigInteger, CursorResult, SmallInteger, Table, bindparam, delete, func, insert, select
from sqlalchemy.orm import Session

from kernel.db import UtcDateTime
from ledger.formats.entry import COMMITMENT_SIZE, ENTRY_SIZE, ISSUER_SIZE
from ledger.formats.shard import FIRST
from ledger.models import LogEntry, LogQueue
from ledger.packed_store import PLACE, SOME, cut, pack
from ledger.store import insert_new, move_sequenced

QUEUE: Final = cast(Table, LogQueue.__table__)
ENTRIES: Final = cast(Table, LogEntry.__table__)


def enqueue(session: Session, rows: Sequence[tuple[bytes, bytes]], at: datetime) -> None:
    """Queue (commitment, entry) pairs; those whose commitment is queued already stay as they are."""
    if rows:
        statement = insert_new(session, QUEUE).from_select(["commitment", "issuer", "submitted_at"], _SUBMITTED)
        session.execute(statement, pack([entry for _, entry in rows], ENTRY_SIZE) | {"at": at})


def is_due(session: Session, until: datetime) -> bool:
    """Tell whether anything waits that was submitted by `until`."""
    return session.scalar(select(QUEUE.c.commitment).where(QUEUE.c.submitted_at <= until).limit(1)) is not None


def queued_since(session: Session) -> dict[bytes, datetime]:
    """Return whose entries wait (the first bytes of an entry: type and issuer), each with the oldest's time."""
    statement = select(QUEUE.c.issuer, func.min(QUEUE.c.submitted_at)).group_by(QUEUE.c.issuer)
    return {bytes(issuer): oldest for issuer, oldest in session.execute(statement)}


def queued(session: Session, *, until: datetime, after: bytes, limit: int, but: Collection[bytes] = ()) -> list[bytes]:
    """Return entries that were submitted by `until`, in the order of their commitments, from the first one `after`.

    `but` for those of these issuers, as `queued_since` has them.
    """
    statement = select(QUEUE.c.issuer, QUEUE.c.commitment)
    statement = statement.where(QUEUE.c.commitment > after, QUEUE.c.submitted_at <= until)
    if but:
        statement = statement.where(QUEUE.c.issuer.not_in(but))
    rows = session.execute(statement.order_by(QUEUE.c.commitment).limit(limit))
    return [issuer + commitment for issuer, commitment in rows.all()]


def queued_among(session: Session, commitments: Sequence[bytes]) -> set[bytes]:
    """Return which of `commitments` wait in the queue."""
    return set(session.scalars(_QUEUED_AMONG, pack(commitments, COMMITMENT_SIZE)))


def sequenced_among(session: Session, commitments: Sequence[bytes]) -> set[bytes]:
    """Return which of `commitments` have an index, in any shard."""
    return set(session.scalars(_SEQUENCED_AMONG, pack(commitments, COMMITMENT_SIZE)))


def known_entries(session: Session, commitments: Sequence[bytes]) -> dict[bytes, bytes]:
    """Return the entries of those of `commitments` that are queued or have an index."""
    found = session.execute(_KNOWN, pack(commitments, COMMITMENT_SIZE))
    return {commitment: entry or issuer + commitment for commitment, issuer, entry in found}


def append(session: Session, begin: int, entries: Sequence[bytes], *, shard: int = FIRST) -> bool:
    """Give `entries` the indices from `begin` on, in their order, and move the sequence's end behind them.

    False if it is not at `begin`, or the shard takes no more entries: then nothing is done.
    """
    if not move_sequenced(session, begin, begin + len(entries), shard=shard):
        return False
    session.execute(_APPEND, pack(entries, ENTRY_SIZE) | {"shard": shard, "begin": begin})
    return True


def dequeue(session: Session, commitments: Sequence[bytes]) -> int:
    """Take `commitments` from the queue; return how many were there."""
    if not commitments:
        return 0
    # The bounds keep PostgreSQL at the index, whatever its plan for the rest is.
    bounds = {"first": min(commitments), "last": max(commitments)}
    return cast("CursorResult[Any]", session.execute(_DEQUEUE, pack(commitments, COMMITMENT_SIZE) | bounds)).rowcount


_COMMITMENT = cut(COMMITMENT_SIZE)
_queued_as = select(QUEUE.c.issuer).where(QUEUE.c.commitment == _COMMITMENT).scalar_subquery()
_sequenced_as = select(ENTRIES.c.entry).where(ENTRIES.c.commitment == _COMMITMENT).limit(1).scalar_subquery()
_looked_up = (
    select(_COMMITMENT.label("commitment"), _queued_as.label("issuer"), _sequenced_as.label("entry"))
    .where(SOME)
    .subquery()
)
_KNOWN = select(_looked_up).where(_looked_up.c.issuer.is_not(None) | _looked_up.c.entry.is_not(None))
_QUEUED_AMONG = select(_looked_up.c.commitment).where(_looked_up.c.issuer.is_not(None))
_SEQUENCED_AMONG = select(_looked_up.c.commitment).where(_looked_up.c.entry.is_not(None))
_SUBMITTED = select(
    cut(ENTRY_SIZE, ISSUER_SIZE), cut(ENTRY_SIZE, 0, ISSUER_SIZE), bindparam("at", type_=UtcDateTime())
).where(SOME)
_APPEND = insert(ENTRIES).from_select(
    ["shard", "leaf_index", "commitment", "entry"],
    select(
        bindparam("shard", type_=SmallInteger()),
        bindparam("begin", type_=BigInteger()) + PLACE,
        cut(ENTRY_SIZE, ISSUER_SIZE),
        cut(ENTRY_SIZE),
    ).where(SOME),
)
_DEQUEUE = delete(QUEUE).where(
    QUEUE.c.commitment.between(bindparam("first"), bindparam("last")),
    QUEUE.c.commitment.in_(select(_COMMITMENT).where(SOME)),
)
