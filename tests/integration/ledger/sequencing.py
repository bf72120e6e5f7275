"""A process that sequences, integrates and publishes: `python -m tests.integration.ledger.sequencing URL FOLDER`.

Any number of them may share a database and a folder.
"""

from __future__ import annotations

import sys
from pathlib import Path

from kernel.clock import SystemClock
from kernel.db import Database
from kernel.errors import BusyError
from tests.integration.ledger.world import make_world


def main(url: str, folder: Path) -> None:
    world = make_world(Database(url, busy_timeout_ms=5_000), folder, SystemClock(), organisations=(), quorum=0)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        try:
            world.cycle()
        except BusyError:  # SQLite has one writer; the other is at it.
            continue


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
