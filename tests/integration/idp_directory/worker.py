"""A worker of roster imports as a process of its own, to be killed: `python -m …worker DATABASE_URL MOMENT`."""

from __future__ import annotations

import sys
from datetime import datetime

from idp.directory.roster import work
from kernel.clock import ManualClock
from kernel.db import Database
from tests.integration.idp_directory.conftest import services


def main() -> None:
    """Work until nothing is left."""
    url, moment = sys.argv[1:]
    database = Database(url, busy_timeout_ms=5_000)
    by = services(ManualClock(datetime.fromisoformat(moment)))
    while work.run_once(database, by):
        pass


if __name__ == "__main__":
    main()
