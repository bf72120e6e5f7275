"""A campus whose operator changes years. `python -m … URL FOLDER PLACE`: do it, and be killed at a place."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crypto.keyring import KeyRing
from kernel.clock import ManualClock
from kernel.db import Database
from ledger.formats.vkey import parse_vkey
from ledger.log import LogServices
from ledger.publication import cycle as publication_cycle
from ledger.publication import sharding
from ledger.registry import store as registry_store
from ledger.witness.cosigning import TrustedLog
from server.shards import YearChange, known_shards, new_year, trusted_logs
from tests.integration.credentials.campus import Campus, make_campus

YEAR = 2027
ORIGIN = "localhost:8000/log"
NEW = f"{ORIGIN}/{YEAR}"
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)
JANUARY = datetime(2027, 1, 2, tzinfo=UTC)
PLACES = ("announced", "told", "switching", "switched", "published", "frozen", "told the end", "retired")
"""Behind each of these steps, in their order; `switching` is in the middle of its transaction."""


@dataclass
class December:
    """What an operator has, and what they were told."""

    campus: Campus
    said: list[str] = field(default_factory=list)

    @property
    def log(self) -> LogServices:
        return self.campus.world.log

    @property
    def ring(self) -> KeyRing:
        return KeyRing(self.campus.folder / "keys", bytes(32), self.campus.clock)

    def by(self) -> YearChange:
        return YearChange(self.log, self.ring, self.campus.trust, self.said.append)

    def step(self, *, early: bool = False, destroy: bool = True) -> bool:
        """Give the command once; the witnesses know by now of every log in the trust file."""
        self.tell_witnesses()
        return new_year(self.by(), YEAR, early=early, destroy_keys=lambda _: destroy)

    def tell_witnesses(self) -> None:
        logs = trusted_logs(self.log)
        self.campus.world.restart_witnesses(
            [TrustedLog(log["origin"], log["hash"], tuple(map(parse_vkey, log["vkeys"]))) for log in logs]
        )

    def states(self) -> dict[int, str]:
        return {one.number: one.state.value for one in known_shards(self.log)}

    def publish(self) -> None:
        self.campus.publish()

    def to_the_end(self) -> None:
        """Announce in December, and change in January."""
        assert not self.step()
        self.campus.clock.move(JANUARY - self.campus.clock.now())
        assert self.step()


def _dying(real: Callable[..., Any]) -> Callable[..., Any]:
    def do(*args: Any, **more: Any) -> Any:
        real(*args, **more)
        os.kill(os.getpid(), signal.SIGKILL)

    return do


def main(url: str, folder: Path, place: str) -> None:
    clock = ManualClock(DECEMBER if place in PLACES[:2] else JANUARY)
    december = December(make_campus(Database(url, busy_timeout_ms=5_000), folder, clock, publish=False))
    december.tell_witnesses()
    by = december.by()
    if place == "announced":
        sharding.announce = _dying(sharding.announce)
    elif place == "told":
        by = replace(by, publish=_dying(by.publish))
    elif place == "switching":
        registry_store.unexpired = _dying(registry_store.unexpired)
    elif place == "switched":
        sharding.switch = _dying(sharding.switch)
    elif place == "published":
        publication_cycle.run_once = _dying(publication_cycle.run_once)
    elif place == "frozen":
        sharding.freeze = _dying(sharding.freeze)
    elif place == "retired":
        by.ring.retire = _dying(by.ring.retire)  # type: ignore[method-assign]
    new_year(by, YEAR, early=False, destroy_keys=lambda _: _die() if place == "told the end" else True)


def _die() -> bool:
    os.kill(os.getpid(), signal.SIGKILL)
    return False


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
