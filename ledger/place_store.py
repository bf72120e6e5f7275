"""Where entries stand: their shards, their indices, and the first published checkpoint that holds each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from ledger.models import LogCheckpoint, LogEntry
from ledger.store import PUBLISHED, in_turn


class Placed(NamedTuple):
    """An entry at its index in a shard, and the first published checkpoint that holds it, if there is one."""

    shard: int
    leaf_index: int
    entry: bytes
    tree_size: int | None


def places(session: Session, commitments: Sequence[bytes]) -> dict[bytes, list[Placed]]:
    """Return where `commitments` stand, the oldest shard first: statements may stand in several."""
    found: dict[bytes, list[Placed]] = {}
    for some in in_turn(commitments):
        for row in session.execute(_PLACED, {"some": some}):
            found.setdefault(row.commitment, []).append(Placed(row.shard, row.leaf_index, row.entry, row.tree_size))
    for standing in found.values():
        standing.sort(key=lambda at: at.shard)
    return found


def placed(session: Session, commitments: Sequence[bytes], *, shard: int | None = None) -> dict[bytes, Placed]:
    """Return one place of each of `commitments`: in `shard`, or else in the first that has it."""
    return {
        commitment: chosen[0]
        for commitment, standing in places(session, commitments).items()
        if (chosen := [at for at in standing if shard in (None, at.shard)])
    }


_PLACED = select(
    LogEntry.commitment,
    LogEntry.shard,
    LogEntry.leaf_index,
    LogEntry.entry,
    select(func.min(LogCheckpoint.tree_size))
    .where(
        LogCheckpoint.shard == LogEntry.shard,
        LogCheckpoint.state == PUBLISHED,
        LogCheckpoint.tree_size > LogEntry.leaf_index,
    )
    .correlate(LogEntry)
    .scalar_subquery()
    .label("tree_size"),
).where(LogEntry.commitment.in_(bindparam("some", expanding=True)))
