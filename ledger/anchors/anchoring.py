"""Anchor published checkpoints on the chain, one at a time, by the state machine of `transacting`.

No size of a shard is anchored twice and no anchor overtakes another, however often this starts again.
Each shard is a log of its own there, under the SHA-256 of its origin.

The chain is asked, not believed: if it knows another history than the database does, nothing
is anchored until a person has looked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy.exc import IntegrityError

from kernel.clock import Clock
from kernel.db import Database
from ledger import shard_store
from ledger.anchors import store as anchor_store
from ledger.anchors.models import LogAnchor
from ledger.anchors.store import Contract, PublishedHead, anchor_of
from ledger.anchors.transacting import Transacting, advance, came_through, may_try_again, prepared, sign, sign_again
from ledger.anchors.transactions import TransactionState
from ledger.chain.base import AnchorCall, AnchoredHead, Call, Chain, log_id_of
from ledger.chain.errors import AnchorConflictError
from ledger.formats.shard import FIRST, origin_of

__all__ = ["Anchoring", "anchor_of", "run_once"]

MAX_GROWTH: Final = 2**24
"""The most entries that the contract lets a log grow by in one anchor."""


@dataclass(frozen=True, slots=True)
class Anchoring:
    """What anchoring needs. `origin` is the first log's.

    `interval`: the least time between two anchors of a shard, and the first wait after a failure.
    """

    database: Database
    chain: Chain
    clock: Clock
    origin: str
    interval: timedelta

    @property
    def contract(self) -> Contract:
        """Where it anchors."""
        return Contract(self.chain.chain_id, self.chain.contract)

    @property
    def log_id(self) -> bytes:
        """What the contract calls the first log."""
        return self.id_of(FIRST)

    def id_of(self, shard: int) -> bytes:
        """Return what the contract calls a shard."""
        return log_id_of(origin_of(self.origin, shard))

    @property
    def transacting(self) -> Transacting:
        """What the state machine needs."""
        return Transacting(self.database, self.chain, self.clock, self.interval)


def run_once(by: Anchoring) -> int:
    """Take the anchor that is on its way as far as it goes, or begin one; return the steps made.

    Raises:
        AnchorConflictError: The chain holds another history than the database.
        ChainEngineError: The chain cannot be reached, or refuses; the next turn goes on from here.
    """
    with by.database.read() as session:
        anchor = anchor_store.unfinished(session, by.contract)
        shards = [shard.number for shard in shard_store.shards(session)] or [FIRST]
    if anchor is None:
        # One writer signs for all shards: one anchor at a time. The oldest first, it has least to come.
        anchor = next(filter(None, (_begin(by, shard) for shard in shards)), None)
        return 0 if anchor is None else 1 + advance(by.transacting, anchor)
    if anchor.state == TransactionState.FAILED:
        if not may_try_again(by.transacting, anchor):
            return 0
        if not came_through(by.transacting, anchor):
            return _sign_again(by, anchor)
    return advance(by.transacting, anchor)


def _begin(by: Anchoring, shard: int) -> LogAnchor | None:
    """Sign an anchor of a shard's newest published checkpoint and write it down, if it is time for one."""
    now = by.clock.now()
    with by.database.read() as session:
        last = anchor_store.last_final(session, by.contract, shard=shard)
        done = 0 if last is None else last.tree_size
        newest = anchor_store.newest_published(session, above=done, at_most=done + MAX_GROWTH, shard=shard)
    if newest is None or (last is not None and now - last.created_at < by.interval):
        return None
    previous = by.chain.latest_anchor(by.id_of(shard))
    if not _is_next(by, shard, last, previous, newest):
        return None
    transaction = sign(by.transacting, _call(by, shard, newest, previous))
    anchor = LogAnchor(
        **prepared(by.transacting, by.chain.contract, transaction),
        shard=shard,
        tree_size=newest.tree_size,
        root_hash=newest.root_hash,
        previous_size=previous.size,
        previous_root=previous.root,
    )
    try:
        with by.database.write() as session:
            session.add(anchor)
    except IntegrityError:  # Another anchorer was first: its anchor is the one to go on with.
        return None
    return anchor


def _is_next(by: Anchoring, shard: int, last: LogAnchor | None, previous: AnchoredHead, newest: PublishedHead) -> bool:
    """Whether `newest` can follow what the chain holds.

    Raises:
        AnchorConflictError: The chain has lost an anchor, or holds one that is not of this log.
    """
    if last is not None:
        receipt = by.chain.receipt(last.tx_hash)
        if receipt is None or receipt.block_hash != last.block_hash or previous.size < last.tree_size:
            raise AnchorConflictError("the chain has lost a final anchor", tree_size=last.tree_size)
    if previous.size > newest.tree_size:
        raise AnchorConflictError("the chain holds a larger tree than was published", tree_size=previous.size)
    with by.database.read() as session:
        ours = anchor_store.published_root(session, previous.size, shard=shard) if previous.size else previous.root
    if ours not in (None, previous.root):
        raise AnchorConflictError("the chain holds another root for this size", tree_size=previous.size)
    # Equal: anchored before the database was restored from a backup; the next one will be recorded again.
    return previous.size < newest.tree_size


def _call(by: Anchoring, shard: int, head: PublishedHead, previous: AnchoredHead) -> Call:
    return AnchorCall(by.id_of(shard), head.tree_size, head.root_hash, previous.size, previous.root).call


def _sign_again(by: Anchoring, anchor: LogAnchor) -> int:
    """Sign a failed anchor again: its transaction is dead, so its size is free.

    Raises:
        AnchorConflictError: The chain meanwhile holds this size or a larger one.
    """
    previous = by.chain.latest_anchor(by.id_of(anchor.shard))
    if previous.size >= anchor.tree_size:
        raise AnchorConflictError("somebody else has anchored this log", tree_size=previous.size)
    call = _call(by, anchor.shard, PublishedHead(anchor.tree_size, anchor.root_hash), previous)
    return sign_again(by.transacting, anchor, call, previous_size=previous.size, previous_root=previous.root)
