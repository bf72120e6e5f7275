"""Who submits, as a process of its own: `submitting URL COUNT`. Says "ready", waits for a line, submits."""

from __future__ import annotations

import resource
import sys

from benchmarks.ledger.stage import BATCH, make_entries, open_database
from kernel.clock import SystemClock
from ledger.submission import DatabaseLog


def main(url: str, count: int) -> None:
    """Submit, and tell the processor time that it took."""
    database, writer, entries = open_database(url), DatabaseLog(SystemClock()), make_entries(0, count)
    print("ready", flush=True)
    sys.stdin.readline()
    before = resource.getrusage(resource.RUSAGE_SELF)
    for at in range(0, count, BATCH):
        with database.write() as session:
            writer.submit_many(session, entries[at : at + BATCH])
    after = resource.getrusage(resource.RUSAGE_SELF)
    print(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, flush=True)
    database.dispose()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
