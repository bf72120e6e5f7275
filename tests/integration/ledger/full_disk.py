"""A log whose disk becomes full: `unshare -rm python -m tests.integration.ledger.full_disk URL FOLDER`.

Mounts a small disk of its own where the log's files go, in a namespace that ends with the process.
"""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

from kernel.clock import SystemClock
from kernel.db import Database
from ledger.upkeep.fsck import findings
from tests.integration.ledger.test_interrupted import check_whole
from tests.integration.ledger.world import make_world


def main(url: str, folder: Path) -> None:
    world = make_world(Database(url, busy_timeout_ms=5_000), folder, SystemClock())
    disk = folder / "log"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)], check=True)
    total = full = 0
    while full < 5:
        world.submit(range(total, total + 150))
        total += 150
        try:
            world.cycle()
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            full += 1
            # What is published is whole, and what was begun takes no room.
            published = len(world.proofs(range(total)))
            assert published >= 450
            assert [path.name for path in disk.rglob(".*") if path.is_file()] == [".lock"]
            assert [str(finding) for finding in findings(world.log) if "is missing" not in finding.what] == []
    subprocess.run(["mount", "-o", "remount,size=16m", str(disk)], check=True)
    while world.cycle():
        pass
    check_whole(world, total)
    assert list(findings(world.log)) == []
    sys.stdout.write(f"{total} entries, full {full} times\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
