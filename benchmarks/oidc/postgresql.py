"""Debian's PostgreSQL in a folder of its own, with its own defaults but for what a commit waits for."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.oidc.ours import free_port

START: Final = 20.0


def binaries() -> Path | None:
    """Return the folder of the newest PostgreSQL that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return found[-1] if found else None


@contextmanager
def running_postgresql(*, synchronous_commit: str) -> Iterator[str]:
    """Run a cluster meanwhile and give its address; with `off` a commit does not wait for the disk."""
    bin_ = binaries()
    if bin_ is None:
        raise LookupError("PostgreSQL is missing: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="xinji-pg-"))
    as_postgres: list[str] = []
    if os.getuid() == 0:  # initdb refuses root.
        shutil.chown(folder, "postgres")
        as_postgres = ["runuser", "-u", "postgres", "--"]
    port = free_port()
    initdb = [str(bin_ / "initdb"), "-D", str(folder / "data"), "-U", "xinji", "-A", "trust", "--no-sync"]
    subprocess.run([*as_postgres, *initdb], check=True, capture_output=True)
    server = subprocess.Popen(
        [
            *(*as_postgres, str(bin_ / "postgres"), "-D", str(folder / "data"), "-p", str(port), "-k", str(folder)),
            *("-c", "listen_addresses=127.0.0.1", "-c", f"synchronous_commit={synchronous_commit}"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port)
        yield f"postgresql+psycopg://xinji@127.0.0.1:{port}/postgres"
    finally:
        stop = [str(bin_ / "pg_ctl"), "-D", str(folder / "data"), "-m", "immediate", "-w", "stop"]
        subprocess.run([*as_postgres, *stop], check=False, capture_output=True)
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(port: int) -> None:
    end = time.monotonic() + START
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                time.sleep(0.3)
                return
        time.sleep(0.05)
    raise RuntimeError("PostgreSQL did not start")
