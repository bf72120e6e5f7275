"""A process that publishes a log until it is killed: `python -m tests.integration.ledger.killed URL FOLDER`.

Its witness lives in the same process, with its own folder: both end together, in the middle of anything.
"""

from __future__ import annotations

import sys
from pathlib import Path

from kernel.clock import SystemClock
from kernel.db import Database
from tests.integration.ledger.world import make_world


def main(url: str, folder: Path) -> None:
    world = make_world(Database(url, busy_timeout_ms=5_000), folder, SystemClock())
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        world.cycle()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
