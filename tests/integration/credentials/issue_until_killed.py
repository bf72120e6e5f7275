"""A process that issues what is approved until somebody ends it. Run by test_issuing_kill.py."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from credentials.issuing import run_once
from kernel.clock import ManualClock
from kernel.db import Database
from tests.integration.credentials.campus import make_campus


def main(folder: Path, url: str) -> None:
    database = Database(url, busy_timeout_ms=5_000)
    campus = make_campus(database, folder, ManualClock(datetime(2026, 6, 30, 4, 0, tzinfo=UTC)), publish=False)
    print("ready", flush=True)  # noqa: T201 - the parent waits for it
    while run_once(campus.by):
        pass


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
