"""Two sequencers in processes of their own never fork a log, and a full disk only makes it wait."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kernel.clock import ManualClock, SystemClock
from kernel.db import Database
from ledger import queue_store, store
from ledger.upkeep.fsck import findings
from tests.integration.ledger.test_interrupted import ROOT, check_whole
from tests.integration.ledger.world import World, credential, make_world


def _begin(url: str, folder: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.ledger.sequencing", url, str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.wait(30)
    assert process.stdout is not None
    process.stdout.close()


@pytest.mark.kill
def test_processes_that_sequence_at_once_never_fork_the_log(database: Database, tmp_path: Path) -> None:
    """Three at work; now and then one is killed and another begins."""
    pick = random.Random(5)  # noqa: S311 - a seed that a failure can be repeated with
    world = make_world(database, tmp_path, ManualClock(SystemClock().now()), organisations=(), quorum=0)
    url = database.engine.url.render_as_string(hide_password=False)
    running = [_begin(url, tmp_path) for _ in range(3)]
    total = 0
    try:
        for turn in range(40):
            with database.write() as session:
                rows = [credential(number) for number in range(total, total + 15)]
                queue_store.enqueue(session, [(row.commitment, row.encode()) for row in rows], SystemClock().now())
            total += 15
            time.sleep(pick.uniform(0, 0.05))
            if turn % 10 == 9:
                _end(running.pop(pick.randrange(len(running))))
                running.append(_begin(url, tmp_path))
            assert all(process.poll() is None for process in running)  # None has refused or failed.
        _wait_until_published(world, total)
        assert all(process.poll() is None for process in running)
    finally:
        for process in running:
            _end(process)
    check_whole(world, total)
    assert list(findings(world.log)) == []


def _wait_until_published(world: World, total: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with world.log.database.read() as session:
            latest = store.latest_published(session, 1)
        if latest and latest[0].tree_size == total:
            return
        time.sleep(0.05)
    pytest.fail(f"not all of {total} entries were published in a minute")


@pytest.mark.kill
def test_a_full_disk_only_makes_the_log_wait(sqlite_database: Database, tmp_path: Path) -> None:
    """A real ENOSPC, on a disk of 128 KiB in a mount namespace of the child's own."""
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-rm", "true"], check=False, capture_output=True).returncode:
        pytest.skip("this system gives no mount namespaces")
    url = sqlite_database.engine.url.render_as_string(hide_password=False)
    command = [unshare, "-rm", sys.executable, "-m", "tests.integration.ledger.full_disk", url, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stderr
    assert "full 5 times" in done.stdout
