"""For tests: a log with published checkpoints, and its anchorer, on a database of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from kernel.clock import SystemClock
from kernel.db import Database
from ledger.anchors import store as anchor_store
from ledger.anchors.anchoring import Anchoring, run_once
from ledger.chain.base import Chain
from ledger.chain.errors import ChainEngineError
from tests.integration.ledger.test_anchoring import publish, root_of

PATIENCE = 60.0


class Run:
    """Publishes checkpoints and anchors them, turn by turn, as the worker does."""

    def __init__(self, database: Database, chain: Chain, origin: str) -> None:
        self.by = Anchoring(database, chain, SystemClock(), origin, timedelta(0))
        self.refused: list[ChainEngineError] = []

    def publish(self, *sizes: int) -> None:
        publish(self.by.database, *sizes)

    def turn(self) -> None:
        """Take one turn; a failure waits for the next, as in the worker's loop."""
        try:
            run_once(self.by)
        except ChainEngineError as error:
            self.refused.append(error)

    def turn_until(self, done: Callable[[], bool], seconds: float = PATIENCE) -> None:
        end = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < end, (self.states(), self.refused[-3:])
            self.turn()
            time.sleep(0.05)

    def turn_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.turn()
            time.sleep(0.05)

    def states(self) -> list[tuple[int, str]]:
        with self.by.database.read() as session:
            return [(row.tree_size, row.state) for row in anchor_store.history(session, self.by.contract)]

    def is_final(self, size: int) -> bool:
        return (size, "final") in self.states()

    def anchor(self, *sizes: int) -> None:
        """Publish and anchor one size after the other."""
        for size in sizes:
            self.publish(size)
            self.turn_until(lambda size=size: self.is_final(size))  # type: ignore[misc]

    def check(self, *sizes: int) -> None:
        """The chain holds these sizes, in this order, each once, and so does the database."""
        assert sorted(self.states()) == [(size, "final") for size in sizes]
        chain, log_id = self.by.chain, self.by.log_id
        assert chain.latest_anchor(log_id) == (sizes[-1], root_of(sizes[-1]), len(sizes))
        blocks = []
        for previous, size in zip((0, *sizes), sizes, strict=False):
            found = chain.ask("CheckpointAnchor", "anchorAt", log_id, size)
            assert tuple(found[:2]) == (root_of(size), previous)
            blocks.append(found[2])
        assert blocks == sorted(set(blocks))
