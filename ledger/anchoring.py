"""Anchor published checkpoints on the chain: a state machine that any crash may interrupt.

prepared → sent → mined → final, one anchor at a time, each state durable before the next step
begins. What is sent was written down first and is resent unchanged; a transaction is signed
anew only when the chain has shown that the one before is dead. So no size is anchored twice
and no anchor overtakes another, however often this starts again.

The chain is asked, not believed: if it knows another history than the database does, nothing
is anchored until a person has looked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy.exc import IntegrityError

from kernel.clock import Clock
from kernel.db import Database
from kernel.ids import new_id
from ledger import anchor_store
from ledger.anchor_models import LogAnchor
from ledger.anchor_store import AnchorState, Contract, PublishedHead, anchor_of
from ledger.chain.base import AnchorCall, AnchoredHead, Chain, Receipt, SignedTransaction, log_id_of
from ledger.chain.errors import AnchorConflictError, NonceConflictError

__all__ = ["Anchoring", "anchor_of", "run_once"]

MAX_GROWTH: Final = 2**24
"""The most entries that the contract lets a log grow by in one anchor."""
MOST_DOUBLINGS: Final = 6

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Anchoring:
    """What anchoring needs. `interval`: the least time between two anchors, and the first wait after a failure."""

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
        """What the contract calls the log."""
        return log_id_of(self.origin)


def run_once(by: Anchoring) -> int:
    """Take the anchor that is on its way as far as it goes, or begin one; return the steps made.

    Raises:
        AnchorConflictError: The chain holds another history than the database.
        ChainEngineError: The chain cannot be reached, or refuses; the next turn goes on from here.
    """
    with by.database.read() as session:
        anchor = anchor_store.unfinished(session, by.contract)
    if anchor is None:
        anchor = _begin(by)
        return 0 if anchor is None else 1 + _advance(by, anchor)
    if anchor.state == AnchorState.FAILED:
        wait = by.interval * 2 ** min(anchor.attempts, MOST_DOUBLINGS)
        return _sign_again(by, anchor) if by.clock.now() - anchor.changed_at >= wait else 0
    return _advance(by, anchor)


def _begin(by: Anchoring) -> LogAnchor | None:
    """Sign an anchor of the newest published checkpoint and write it down, if it is time for one."""
    now = by.clock.now()
    with by.database.read() as session:
        last = anchor_store.last_final(session, by.contract)
        done = 0 if last is None else last.tree_size
        newest = anchor_store.newest_published(session, above=done, at_most=done + MAX_GROWTH)
    if newest is None or (last is not None and now - last.created_at < by.interval):
        return None
    previous = by.chain.latest_anchor(by.log_id)
    if not _is_next(by, last, previous, newest):
        return None
    transaction = _sign(by, newest, previous)
    anchor = LogAnchor(
        id=new_id(),
        mode=by.chain.mode,
        label=by.chain.label,
        chain_id=by.chain.chain_id,
        contract=by.chain.contract,
        tree_size=newest.tree_size,
        root_hash=newest.root_hash,
        previous_size=previous.size,
        previous_root=previous.root,
        nonce=transaction.nonce,
        raw_tx=transaction.raw,
        tx_hash=transaction.tx_hash,
        state=AnchorState.PREPARED,
        attempts=0,
        created_at=now,
        changed_at=now,
    )
    try:
        with by.database.write() as session:
            session.add(anchor)
    except IntegrityError:  # Another anchorer was first: its anchor is the one to go on with.
        return None
    return anchor


def _is_next(by: Anchoring, last: LogAnchor | None, previous: AnchoredHead, newest: PublishedHead) -> bool:
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
        ours = anchor_store.published_root(session, previous.size) if previous.size else previous.root
    if ours not in (None, previous.root):
        raise AnchorConflictError("the chain holds another root for this size", tree_size=previous.size)
    # Equal: anchored before the database was restored from a backup; the next one will be recorded again.
    return previous.size < newest.tree_size


def _sign(by: Anchoring, head: PublishedHead, previous: AnchoredHead) -> SignedTransaction:
    call = AnchorCall(by.log_id, head.tree_size, head.root_hash, previous.size, previous.root)
    return by.chain.sign(call.call, nonce=by.chain.next_nonce())


def _advance(by: Anchoring, anchor: LogAnchor) -> int:
    """Send the anchor if need be, and follow it into its block and to its finality."""
    steps = 0
    receipt = by.chain.receipt(anchor.tx_hash)
    if receipt is None:
        # Never sent, or sent and not seen in a block: the same bytes once more can do no harm.
        try:
            by.chain.send(SignedTransaction(anchor.nonce, anchor.raw_tx, anchor.tx_hash))
        except NonceConflictError as error:
            return _fail(by, anchor, f"another transaction took its nonce: {error}")
        steps += _step(by, anchor, AnchorState.SENT) if anchor.state == AnchorState.PREPARED else 0
        receipt = by.chain.receipt(anchor.tx_hash)
    if receipt is None:
        return steps
    if not receipt.succeeded:
        return steps + _fail(by, anchor, "the contract refused it")
    if anchor.state != AnchorState.MINED or anchor.block_hash != receipt.block_hash:
        steps += _step(by, anchor, AnchorState.MINED, receipt)
    if by.chain.is_final(receipt):
        steps += _step(by, anchor, AnchorState.FINAL, receipt)
    return steps


def _step(by: Anchoring, anchor: LogAnchor, to: AnchorState, receipt: Receipt | None = None) -> int:
    """Make the next state durable; 0 if another anchorer has moved it."""
    now = by.clock.now()
    block = {} if receipt is None else {"block_number": receipt.block_number, "block_hash": receipt.block_hash}
    with by.database.write() as session:
        if not anchor_store.change(session, anchor, to, at=now, **block):
            return 0
    anchor.state, anchor.changed_at = to, now
    if receipt is not None:
        anchor.block_number, anchor.block_hash = receipt.block_number, receipt.block_hash
    return 1


def _fail(by: Anchoring, anchor: LogAnchor, why: str) -> int:
    log.error("anchor_failed", tree_size=anchor.tree_size, attempts=anchor.attempts, why=why)
    with by.database.write() as session:
        anchor_store.change(session, anchor, AnchorState.FAILED, at=by.clock.now(), error=why[:200])
    return 0


def _sign_again(by: Anchoring, anchor: LogAnchor) -> int:
    """Sign a failed anchor again: its transaction is dead, so its size is free.

    Raises:
        AnchorConflictError: The chain meanwhile holds this size or a larger one.
    """
    previous = by.chain.latest_anchor(by.log_id)
    if previous.size >= anchor.tree_size:
        raise AnchorConflictError("somebody else has anchored this log", tree_size=previous.size)
    transaction = _sign(by, PublishedHead(anchor.tree_size, anchor.root_hash), previous)
    with by.database.write() as session:
        return int(
            anchor_store.change(
                session,
                anchor,
                AnchorState.PREPARED,
                at=by.clock.now(),
                attempts=anchor.attempts + 1,
                previous_size=previous.size,
                previous_root=previous.root,
                nonce=transaction.nonce,
                raw_tx=transaction.raw,
                tx_hash=transaction.tx_hash,
            )
        )
