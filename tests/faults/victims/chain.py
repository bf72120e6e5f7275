"""What writes to the chain: the anchorer and the workers that tell the registry and of status lists."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from kernel.clock import SystemClock
from kernel.db import Database
from ledger.anchors import anchoring, transacting, transaction_store
from ledger.anchors.anchoring import Anchoring
from ledger.chain.base import TreeAlg, log_id_of
from ledger.chain.embedded import EmbeddedChain
from ledger.records import recording
from ledger.records.books import AccreditationBook, StatusBook
from ledger.records.recording import Recording
from tests.faults.stages import Board
from tests.integration.ledger.world import ORIGIN

CODE = "0000410000"


def main(board: Board, *, url: str, folder: str, digest: str) -> None:
    """Open the chain, or make it with a province of these keys, and write to it until killed."""
    show_chain(board)
    board.watch(Session, "commit", "committing")
    chain = EmbeddedChain(Path(folder) / "chain", bytes(32), clock=SystemClock())
    with board.at("deploying"):
        chain.deploy(log_id_of(ORIGIN), TreeAlg.SM3)
        chain.admit_province(CODE, bytes.fromhex(digest))
    by = anchoring_of(Database(url, busy_timeout_ms=5_000), chain)
    registry = Recording(by.transacting, AccreditationBook())
    lists = Recording(by.transacting, StatusBook())
    board.tell_ready()
    while True:
        if not anchoring.run_once(by) + recording.run_once(registry) + recording.run_once(lists):
            time.sleep(0.002)


def anchoring_of(database: Database, chain: EmbeddedChain) -> Anchoring:
    """Anchor as often as there is something new."""
    return Anchoring(database, chain, SystemClock(), ORIGIN, timedelta(0))


def show_chain(board: Board) -> None:
    """Show the stages of writing to the chain."""
    board.watch(anchoring, "_is_next", "beginning an anchor")
    board.watch(anchoring, "advance", "anchoring")
    board.watch(recording, "advance", "telling an entry")
    board.watch(anchoring, "sign", "signing a transaction")
    board.watch(recording, "sign", "signing a transaction")
    board.watch(transaction_store, "change", "writing a step of a transaction")
    board.watch(transacting, "_fail", "writing a step of a transaction")
    board.watch(EmbeddedChain, "_send", "mining a block")
