"""Anchors a second on the embedded chain (one node, no consensus): `anchors_embedded FOLDER COUNT`.

Each goes the whole way of `ledger.anchors.anchoring`: written down, signed, sent, mined, final, written
down again; one at a time, as the anchorer works.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from benchmarks.ledger.process import peak_megabytes, tell
from benchmarks.ledger.stage import open_database
from crypto.hashes import sm3
from kernel.clock import SystemClock
from kernel.db import Base, Database
from ledger import store
from ledger.anchors.anchoring import Anchoring, run_once
from ledger.anchors.models import LogAnchor
from ledger.anchors.transactions import TransactionState
from ledger.chain.base import TreeAlg, log_id_of
from ledger.chain.embedded import EmbeddedChain
from ledger.formats.merkle import TreeHead

ORIGIN = "localhost:8000/log"


def main(folder: Path, count: int) -> None:
    """Measure and tell."""
    database = open_database(f"sqlite:///{folder / 'anchors.sqlite3'}")
    Base.metadata.create_all(database.engine)
    with _chain(folder, database) as by:
        _anchor(by, 1)  # The first one costs more.
    before = _bytes(folder / "chain")
    with _chain(folder, database) as by:
        seconds = sum(_anchor(by, size) for size in range(2, count + 2))
    with database.read() as session:
        rows = session.scalars(select(LogAnchor).where(LogAnchor.state == TransactionState.FINAL)).all()
    tell(
        {
            "anchors": len(rows),
            "a_second": count / seconds,
            "transaction_bytes": max(len(row.raw_tx) for row in rows),
            "disk_bytes": (_bytes(folder / "chain") - before) / count,
            "megabytes": peak_megabytes(),
        }
    )
    database.dispose()


@contextmanager
def _chain(folder: Path, database: Database) -> Iterator[Anchoring]:
    clock = SystemClock()
    chain = EmbeddedChain(folder / "chain", bytes(range(32)), clock=clock)
    chain.deploy(log_id_of(ORIGIN), TreeAlg.SM3)
    yield Anchoring(database, chain, clock, ORIGIN, timedelta(0))
    chain.close()


def _anchor(by: Anchoring, size: int) -> float:
    """Let a checkpoint of `size` be published, and anchor it; return the seconds of the latter."""
    with by.database.write() as session:
        store.add_checkpoint(session, TreeHead(size, sm3(size.to_bytes(8, "big"))), "", by.clock.now())
        store.publish_checkpoint(session, size, "", by.clock.now())
    began = time.perf_counter()
    while run_once(by):
        pass
    return time.perf_counter() - began


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
