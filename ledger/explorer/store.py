"""What only the explorer asks of the log's tables: bounded reads, each on an index."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, LargeBinary, func, literal, select
from sqlalchemy.orm import Session

from ledger.formats.shard import FIRST
from ledger.models import LogCheckpoint, LogEntry, LogHead, LogQueue
from ledger.queue_store import known_entries
from ledger.store import PUBLISHED, WAITING


class WaitingCheckpoint(NamedTuple):
    """A checkpoint that is signed and has not its quorum yet."""

    tree_size: int
    note: str
    signed_at: datetime


class Sizes(NamedTuple):
    """How many entries wait, have their index, and are in the tree."""

    queued: int
    sequenced: int
    integrated: int


class NamedEntry(NamedTuple):
    """An entry at its index."""

    leaf_index: int
    entry: bytes


def waiting_checkpoint(session: Session, *, above: int, shard: int = FIRST) -> WaitingCheckpoint | None:
    """Return the largest checkpoint of a shard that waits for its quorum, of more than `above` entries."""
    statement = select(LogCheckpoint.tree_size, LogCheckpoint.note, LogCheckpoint.signed_at)
    statement = statement.where(
        LogCheckpoint.shard == shard, LogCheckpoint.state == WAITING, LogCheckpoint.tree_size > above
    )
    row = session.execute(statement.order_by(LogCheckpoint.tree_size.desc()).limit(1)).one_or_none()
    return None if row is None else WaitingCheckpoint(*row)


def sizes(session: Session, *, shard: int = FIRST) -> Sizes:
    """Return how far a shard is. What waits belongs to none yet."""
    statement = select(LogHead.sequenced_size, LogHead.integrated_size).where(LogHead.id == shard)
    row = session.execute(statement).one_or_none()
    queued = session.scalar(select(func.count()).select_from(LogQueue)) or 0
    return Sizes(queued, *(row or (0, 0)))


def published_before(session: Session, at: datetime, *, shard: int = FIRST) -> tuple[int, datetime] | None:
    """Return size and time of the last checkpoint that was published by `at`; of the first one if none was.

    Sizes grow with time, so the index on sizes leads there: from the newest back to `at`.
    """
    statement = select(LogCheckpoint.tree_size, LogCheckpoint.published_at).where(
        LogCheckpoint.shard == shard, LogCheckpoint.state == PUBLISHED
    )
    newest_first = statement.where(LogCheckpoint.published_at <= at).order_by(LogCheckpoint.tree_size.desc())
    row = session.execute(newest_first.limit(1)).one_or_none()
    if row is None:
        row = session.execute(statement.order_by(LogCheckpoint.tree_size).limit(1)).one_or_none()
    return None if row is None or row.published_at is None else (row.tree_size, row.published_at)


def commitment_at(session: Session, leaf_index: int, *, shard: int = FIRST) -> bytes | None:
    """Return the commitment of the entry at this index of a shard."""
    statement = select(LogEntry.commitment).where(LogEntry.shard == shard, LogEntry.leaf_index == leaf_index)
    return session.scalar(statement)


def entries_named(
    session: Session, issuer_code: str, *, begin: int, end: int, limit: int, shard: int = FIRST
) -> list[NamedEntry]:
    """Return entries in this issuer's name among [begin, end) of a shard, the last first.

    The code stands in the entry's bytes 2 to 11 and has no index of its own: who asks bounds the range.
    """
    statement = select(LogEntry.leaf_index, LogEntry.entry).where(*_named(issuer_code, shard, begin, end))
    rows = session.execute(statement.order_by(LogEntry.leaf_index.desc()).limit(limit))
    return [NamedEntry(*row) for row in rows]


def counts_named(session: Session, issuer_code: str, *, begin: int, end: int, shard: int = FIRST) -> dict[int, int]:
    """Return how many entries of each type stand in this issuer's name among [begin, end) of a shard."""
    kind = func.substr(LogEntry.entry, 1, 1, type_=LargeBinary)
    statement = select(kind, func.count()).where(*_named(issuer_code, shard, begin, end))
    return {row[0][0]: row[1] for row in session.execute(statement.group_by(kind))}


def is_submitted(session: Session, commitment: bytes) -> bool:
    """Whether the log has an entry with this commitment, in its queue or at an index."""
    return bool(known_entries(session, [commitment]))


def _named(issuer_code: str, shard: int, begin: int, end: int) -> tuple[ColumnElement[bool], ...]:
    code = literal(issuer_code.encode("ascii"), LargeBinary)
    return (
        LogEntry.shard == shard,
        LogEntry.leaf_index >= begin,
        LogEntry.leaf_index < end,
        func.substr(LogEntry.entry, 2, 10) == code,
    )
