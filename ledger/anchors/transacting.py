"""Take a transaction to its finality: a state machine that any crash may interrupt.

prepared → sent → mined → final, each state durable before the next step begins. What is sent
was written down first and is resent unchanged; it is signed anew only when the chain has shown
that the transaction before is dead. So nothing is written to the chain twice, however often
this starts again. What is written, and when it may be, is decided by the callers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from kernel.clock import Clock
from kernel.db import Database
from kernel.ids import new_id
from ledger.anchors import transaction_store
from ledger.anchors.transactions import Transacted, TransactionState
from ledger.chain.base import Call, Chain, Receipt, SignedTransaction
from ledger.chain.errors import NonceConflictError

MOST_DOUBLINGS: Final = 6

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Transacting:
    """What it needs. `patience`: the first wait after a failure, doubled with each."""

    database: Database
    chain: Chain
    clock: Clock
    patience: timedelta


def sign(by: Transacting, call: Call) -> SignedTransaction:
    """Sign a call with the next nonce of its contract's writer: nothing of that writer may be on its way."""
    return by.chain.sign(call, nonce=by.chain.next_nonce(call.contract))


def prepared(by: Transacting, contract: str, transaction: SignedTransaction) -> dict[str, Any]:
    """Return the columns of a new row for a transaction that is about to be sent to the contract's address."""
    return {**_new(by, contract), **_signed(transaction), "state": TransactionState.PREPARED, "attempts": 0}


def found(by: Transacting, contract: str, receipt_hash: bytes) -> dict[str, Any]:
    """Return the columns of a new row for what the chain holds already; nothing will be sent."""
    unsent = {"nonce": None, "raw_tx": b"", "tx_hash": receipt_hash}
    return {**_new(by, contract), **unsent, "state": TransactionState.FINAL, "attempts": 0}


def advance(by: Transacting, row: Transacted) -> int:
    """Send the transaction if need be, and follow it into its block and to its finality; return the steps made.

    Raises:
        ChainEngineError: The chain cannot be reached, or refuses; the next turn goes on from here.
    """
    steps = 0
    receipt = by.chain.receipt(row.tx_hash)
    if receipt is None:
        # Never sent, or sent and not seen in a block: the same bytes once more can do no harm.
        if row.nonce is None:
            raise AssertionError("what was never signed is final")
        try:
            by.chain.send(SignedTransaction(row.nonce, row.raw_tx, row.tx_hash))
        except NonceConflictError as error:
            return _fail(by, row, f"another transaction took its nonce: {error}")
        steps += _step(by, row, TransactionState.SENT) if row.state == TransactionState.PREPARED else 0
        receipt = by.chain.receipt(row.tx_hash)
    if receipt is None:
        return steps
    if not receipt.succeeded:
        # A block that may still go, or one node's word, kills nothing: the next transaction would be a second one.
        return steps + (_fail(by, row, "the contract refused it") if by.chain.is_final(receipt) else 0)
    if row.state != TransactionState.MINED or row.block_hash != receipt.block_hash:
        steps += _step(by, row, TransactionState.MINED, receipt)
    if by.chain.is_final(receipt):
        steps += _step(by, row, TransactionState.FINAL, receipt)
    return steps


def may_try_again(by: Transacting, row: Transacted) -> bool:
    """Whether a failed transaction has waited long enough."""
    wait: timedelta = by.patience * 2 ** min(row.attempts, MOST_DOUBLINGS)
    return by.clock.now() - row.changed_at >= wait


def came_through(by: Transacting, row: Transacted) -> bool:
    """Whether a transaction that was taken for dead is in a block after all: a node was behind, or did not say so."""
    receipt = by.chain.receipt(row.tx_hash)
    return receipt is not None and receipt.succeeded


def sign_again(by: Transacting, row: Transacted, call: Call, **values: object) -> int:
    """Sign a failed transaction anew: it is dead. `values` are columns that change with it."""
    changes = {**_signed(sign(by, call)), **values, "attempts": row.attempts + 1}
    with by.database.write() as session:
        return int(
            transaction_store.change(session, row, TransactionState.PREPARED, at=by.clock.now(), **changes),
        )


def _new(by: Transacting, contract: str) -> dict[str, Any]:
    now: datetime = by.clock.now()
    return {
        "id": new_id(),
        "mode": by.chain.mode,
        "label": by.chain.label,
        "chain_id": by.chain.chain_id,
        "contract": contract,
        "created_at": now,
        "changed_at": now,
    }


def _signed(transaction: SignedTransaction) -> dict[str, Any]:
    return {"nonce": transaction.nonce, "raw_tx": transaction.raw, "tx_hash": transaction.tx_hash}


def _step(by: Transacting, row: Transacted, to: TransactionState, receipt: Receipt | None = None) -> int:
    """Make the next state durable; 0 if another process has moved it."""
    now = by.clock.now()
    block = {} if receipt is None else {"block_number": receipt.block_number, "block_hash": receipt.block_hash}
    with by.database.write() as session:
        if not transaction_store.change(session, row, to, at=now, **block):
            return 0
    row.state, row.changed_at = to, now
    if receipt is not None:
        row.block_number, row.block_hash = receipt.block_number, receipt.block_hash
    return 1


def _fail(by: Transacting, row: Transacted, why: str) -> int:
    log.error("transaction_failed", table=row.__tablename__, id=str(row.id), attempts=row.attempts, why=why)
    with by.database.write() as session:
        transaction_store.change(session, row, TransactionState.FAILED, at=by.clock.now(), error=why[:200])
    return 0
