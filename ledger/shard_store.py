"""The shards' heads: all of them, and the three steps from one shard to the next, each a compare-and-swap."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ledger.formats.merkle import TreeHead
from ledger.formats.shard import FIRST, ShardState
from ledger.models import LogHead
from ledger.store import insert_new, swapped


class Shard(NamedTuple):
    """A shard as it stands. `sequenced_size`, the tree and `published_size` are equal once it is frozen."""

    number: int
    origin: str
    hash_name: str
    state: ShardState
    opens_at: datetime | None
    vkeys: tuple[str, ...]
    sequenced_size: int
    tree: TreeHead
    published_size: int

    @property
    def is_published(self) -> bool:
        """Whether all that has an index is under its latest published checkpoint."""
        return self.published_size == self.sequenced_size


def shards(session: Session) -> list[Shard]:
    """Return all shards, the oldest first; none before the first log's first entry."""
    rows = session.scalars(select(LogHead).order_by(LogHead.id))
    return [
        Shard(
            row.id,
            row.origin,
            row.hash_name,
            ShardState(row.state),
            row.opens_at,
            tuple(row.vkeys or ()),
            row.sequenced_size,
            TreeHead(row.integrated_size, row.integrated_root),
            row.published_size,
        )
        for row in rows
    ]


def open_shard(session: Session) -> int:
    """Return the number of the shard that gives indices; the first one's before its first entry."""
    return session.scalar(select(LogHead.id).where(LogHead.state == ShardState.OPEN.value)) or FIRST


def announce(session: Session, shard: int, origin: str, hash_name: str, *, opens_at: datetime, root: bytes) -> None:
    """Write a shard down that is to open, unless it is there already: then nothing of it changes."""
    values = {
        "id": shard,
        "origin": origin,
        "hash_name": hash_name,
        "state": ShardState.ANNOUNCED,
        "opens_at": opens_at,
        "vkeys": None,
        "sequenced_size": 0,
        "integrated_size": 0,
        "integrated_root": root,
        "published_size": 0,
    }
    session.execute(insert_new(session, LogHead), values)


def switch(session: Session, old: int, new: int) -> bool:
    """Let the open shard close and the announced one open; False if they are not as they should be."""
    return _to(session, old, ShardState.OPEN, ShardState.CLOSING) and _to(
        session, new, ShardState.ANNOUNCED, ShardState.OPEN
    )


def freeze(session: Session, shard: int, vkeys: Sequence[str]) -> bool:
    """End a closing shard all of which is published; False if it is not, or no longer closing."""
    statement = (
        update(LogHead)
        .where(
            LogHead.id == shard,
            LogHead.state == ShardState.CLOSING.value,
            LogHead.published_size == LogHead.sequenced_size,
        )
        .values(state=ShardState.FROZEN.value, vkeys=list(vkeys))
    )
    return swapped(session, statement, {})


def _to(session: Session, shard: int, before: ShardState, after: ShardState) -> bool:
    statement = update(LogHead).where(LogHead.id == shard, LogHead.state == before.value).values(state=after.value)
    return swapped(session, statement, {})
