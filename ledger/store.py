"""The log's statements: short, on an index, in the caller's transaction.

A log here is one shard of the installation's; where none is named, the first log is meant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar, cast

from sqlalchemy import CursorResult, Insert, Select, Table, Update, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from kernel.db import Base
from ledger.errors import OtherLogError
from ledger.formats.merkle import TreeHead
from ledger.formats.shard import FIRST, ShardState
from ledger.models import LogCheckpoint, LogEntry, LogEvidence, LogHead

_Value = TypeVar("_Value")
WAITING = "waiting"
PUBLISHED = "published"
SOME = 500
"""How many values a statement names at most; callers pass any number."""


class Head(NamedTuple):
    """How far a log is: indices given, leaves in the tree with its root, checkpoint published."""

    sequenced_size: int
    integrated: TreeHead
    published_size: int
    state: ShardState = ShardState.OPEN


class CheckpointRow(NamedTuple):
    """A checkpoint as it is stored."""

    tree_size: int
    root_hash: bytes
    note: str
    state: str
    published_at: datetime | None


def head(session: Session, *, origin: str, hash_name: str, shard: int = FIRST) -> Head | None:
    """Return how far the log is; None before its first entry.

    Raises:
        OtherLogError: The database holds a log of another origin or hash.
    """
    row = session.execute(_HEAD, {"shard": shard}).one_or_none()
    if row is None:
        return None
    if (row.origin, row.hash_name) != (origin, hash_name):
        raise OtherLogError(
            f"the database holds the log {row.origin} ({row.hash_name}), not {origin} ({hash_name})",
            found=row.origin,
            expected=origin,
        )
    tree = TreeHead(row.integrated_size, row.integrated_root)
    return Head(row.sequenced_size, tree, row.published_size, ShardState(row.state))


def create_head(session: Session, *, origin: str, hash_name: str, empty_root: bytes) -> None:
    """Begin the first log, unless somebody has."""
    values = {
        "id": FIRST,
        "origin": origin,
        "hash_name": hash_name,
        "state": ShardState.OPEN,
        "opens_at": None,
        "vkeys": None,
        "sequenced_size": 0,
        "integrated_size": 0,
        "integrated_root": empty_root,
        "published_size": 0,
    }
    session.execute(insert_new(session, LogHead), values)


def integrated_sizes(session: Session) -> dict[int, int]:
    """Return how many entries are in the tree of each shard."""
    return {row.id: row.integrated_size for row in session.execute(select(LogHead.id, LogHead.integrated_size))}


def move_sequenced(session: Session, old: int, new: int, *, shard: int = FIRST) -> bool:
    """Move the sequence's end from `old` to `new`; False if it is not at `old`, or the log takes no more entries."""
    return swapped(session, _MOVE_SEQUENCED, {"shard": shard, "old": old, "new": new})


def move_integrated(session: Session, old: int, new: TreeHead, *, shard: int = FIRST) -> bool:
    """Move the tree from `old` to `new`; False if it is not at `old`."""
    values = {"shard": shard, "old": old, "new": new.tree_size, "root": new.root_hash}
    return swapped(session, _MOVE_INTEGRATED, values)


def move_published(session: Session, old: int, new: int, *, shard: int = FIRST) -> bool:
    """Move the published size from `old` to `new`; False if it is not at `old`."""
    return swapped(session, _MOVE_PUBLISHED, {"shard": shard, "old": old, "new": new})


def entries(session: Session, begin: int, end: int, *, shard: int = FIRST) -> list[bytes]:
    """Return the entries [begin, end) in the order of their indices."""
    statement = select(LogEntry.entry).where(
        LogEntry.shard == shard, LogEntry.leaf_index >= begin, LogEntry.leaf_index < end
    )
    return list(session.scalars(statement.order_by(LogEntry.leaf_index)))


def checkpoint(session: Session, tree_size: int, *, shard: int = FIRST) -> CheckpointRow | None:
    """Return the checkpoint of `tree_size`, waiting or published."""
    row = session.execute(_checkpoint(shard).where(LogCheckpoint.tree_size == tree_size)).one_or_none()
    return None if row is None else CheckpointRow(*row)


def published_checkpoints(session: Session, sizes: Sequence[int], *, shard: int = FIRST) -> dict[int, CheckpointRow]:
    """Return the published checkpoints of these sizes."""
    found: dict[int, CheckpointRow] = {}
    for some in in_turn(sizes):
        statement = _checkpoint(shard).where(LogCheckpoint.tree_size.in_(some), LogCheckpoint.state == PUBLISHED)
        found.update((row.tree_size, CheckpointRow(*row)) for row in session.execute(statement))
    return found


def latest_checkpoint(session: Session, *, before: int, shard: int = FIRST) -> CheckpointRow | None:
    """Return the largest checkpoint ever signed of fewer than `before` leaves."""
    statement = _checkpoint(shard).where(LogCheckpoint.tree_size < before).order_by(LogCheckpoint.tree_size.desc())
    row = session.execute(statement.limit(1)).one_or_none()
    return None if row is None else CheckpointRow(*row)


def latest_published(
    session: Session, limit: int, *, below: int | None = None, shard: int = FIRST
) -> list[CheckpointRow]:
    """Return the latest published checkpoints, the newest first; `below`: of smaller trees only."""
    statement = _checkpoint(shard).where(LogCheckpoint.state == PUBLISHED)
    if below is not None:
        statement = statement.where(LogCheckpoint.tree_size < below)
    rows = session.execute(statement.order_by(LogCheckpoint.tree_size.desc()).limit(limit))
    return [CheckpointRow(*row) for row in rows]


def checkpoints(session: Session, *, shard: int = FIRST) -> list[CheckpointRow]:
    """Return all checkpoints ever signed, by size: for a check of the whole log."""
    return [CheckpointRow(*row) for row in session.execute(_checkpoint(shard).order_by(LogCheckpoint.tree_size))]


def add_checkpoint(session: Session, signed: TreeHead, note: str, at: datetime, *, shard: int = FIRST) -> None:
    """Store a signed checkpoint as waiting, unless one of its size is there: the first one stays."""
    values = {
        "shard": shard,
        "tree_size": signed.tree_size,
        "root_hash": signed.root_hash,
        "note": note,
        "state": WAITING,
        "signed_at": at,
        "published_at": None,
    }
    session.execute(insert_new(session, LogCheckpoint), values)


def update_waiting(session: Session, tree_size: int, note: str, *, shard: int = FIRST) -> None:
    """Keep the cosignatures that have come in so far."""
    statement = update(LogCheckpoint).where(
        LogCheckpoint.shard == shard, LogCheckpoint.tree_size == tree_size, LogCheckpoint.state == WAITING
    )
    session.execute(statement.values(note=note))


def publish_checkpoint(session: Session, tree_size: int, note: str, at: datetime, *, shard: int = FIRST) -> bool:
    """Turn a waiting checkpoint into a published one; False if it is not waiting any more."""
    return swapped(session, _PUBLISH, {"in_shard": shard, "size": tree_size, "new_note": note, "at": at})


def delete_superseded(session: Session) -> int:
    """Delete the checkpoints that never got their quorum and have a published one after them."""
    published = select(LogHead.published_size).where(LogHead.id == LogCheckpoint.shard).scalar_subquery()
    statement = delete(LogCheckpoint).where(LogCheckpoint.state == WAITING, LogCheckpoint.tree_size < published)
    return _count(session.execute(statement))


def add_evidence(session: Session, evidence: Mapping[bytes, Mapping[str, Any]]) -> None:
    """Store preimages by commitment; those that are there stay as they are."""
    if evidence:
        values = [{"commitment": key.hex(), "content": dict(content)} for key, content in evidence.items()]
        session.execute(insert_new(session, LogEvidence), values)


def evidence(session: Session, commitment: bytes) -> dict[str, Any] | None:
    """Return the public preimage of `commitment`."""
    return session.scalar(select(LogEvidence.content).where(LogEvidence.commitment == commitment.hex()))


def insert_new(session: Session, into: type[Base] | Table) -> Insert:
    """Insert unless a unique value is taken: the database decides who is first."""
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(into).on_conflict_do_nothing()
    return sqlite.insert(into).on_conflict_do_nothing()


_HEAD = select(
    LogHead.origin,
    LogHead.hash_name,
    LogHead.state,
    LogHead.sequenced_size,
    LogHead.integrated_size,
    LogHead.integrated_root,
    LogHead.published_size,
).where(LogHead.id == bindparam("shard"))
_MOVE_SEQUENCED = (
    update(LogHead)
    .where(
        LogHead.id == bindparam("shard"),
        LogHead.sequenced_size == bindparam("old"),
        LogHead.state == ShardState.OPEN.value,
    )
    .values(sequenced_size=bindparam("new"))
)
_MOVE_INTEGRATED = (
    update(LogHead)
    .where(LogHead.id == bindparam("shard"), LogHead.integrated_size == bindparam("old"))
    .values(integrated_size=bindparam("new"), integrated_root=bindparam("root"))
)
_MOVE_PUBLISHED = (
    update(LogHead)
    .where(LogHead.id == bindparam("shard"), LogHead.published_size == bindparam("old"))
    .values(published_size=bindparam("new"))
)
_PUBLISH = (
    update(LogCheckpoint)
    .where(
        LogCheckpoint.shard == bindparam("in_shard"),
        LogCheckpoint.tree_size == bindparam("size"),
        LogCheckpoint.state == WAITING,
    )
    .values(note=bindparam("new_note"), state=PUBLISHED, published_at=bindparam("at"))
)
_CHECKPOINT = select(
    LogCheckpoint.tree_size,
    LogCheckpoint.root_hash,
    LogCheckpoint.note,
    LogCheckpoint.state,
    LogCheckpoint.published_at,
)


def _checkpoint(shard: int) -> Select[int, bytes, str, str, datetime | None]:
    return _CHECKPOINT.where(LogCheckpoint.shard == shard)


def in_turn(values: Sequence[_Value]) -> list[Sequence[_Value]]:
    """Return `values` in parts that a statement may name."""
    return [values[at : at + SOME] for at in range(0, len(values), SOME)]


def swapped(session: Session, statement: Update, values: Mapping[str, Any]) -> bool:
    """Execute a statement that changes one row or none; return whether it did."""
    return _count(session.execute(statement, dict(values))) == 1


def _count(result: Any) -> int:
    return int(cast("CursorResult[Any]", result).rowcount)
