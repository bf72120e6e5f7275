"""One run: each part in a process of its own, one table. Light itself: what is measured is elsewhere."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.ledger.process import ROOT, found
from benchmarks.ledger.rows import Row, beside_peer, beside_tessera, of_anchors, of_log, whole_way
from benchmarks.oidc.postgresql import binaries, running_postgresql

PEER: Final = Path(__file__).parent / "peer"
GROWTH: Final = (100_000, 1_000_000)
"""Sizes on the way to the whole log, for memory that must not grow with it."""


class Sizes(NamedTuple):
    """How much of everything."""

    entries: int
    rounds: int
    log: int
    peer: int
    anchors: int


def run(chosen: Sequence[str], sizes: Sizes) -> None:
    """Measure and print."""
    began, load = time.perf_counter(), os.getloadavg()
    rows: list[Row] = []
    for name in chosen:
        with tempfile.TemporaryDirectory(prefix="xinji-bench-") as folder:
            rows += PARTS[name](Path(folder), sizes)
    after = os.getloadavg()
    print(
        f"\n{datetime.now(UTC):%Y-%m-%d}, {len(os.sched_getaffinity(0))} cores ({platform.machine()}), "
        f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB, "
        f"Python {platform.python_version()}, {ssl.OPENSSL_VERSION}, SQLite {sqlite3.sqlite_version}, "
        f"SQLAlchemy {importlib.metadata.version('sqlalchemy')}; load average {load[0]:.2f} before "
        f"({load[1]:.2f} over five minutes), {after[0]:.2f} after; {time.perf_counter() - began:.0f} s\n"
    )
    print("| What | Measured | How |\n|---|---|---|")
    for row in rows:
        print(f"| {' | '.join(row)} |")


def _throughput(folder: Path, sizes: Sizes) -> list[Row]:
    rows: list[Row] = []
    best = 0.0
    for name, opened in (("SQLite", _sqlite), ("PostgreSQL", _postgresql)):
        rounds = []
        for number in range(sizes.rounds):
            place = folder / f"{name}-{number}"
            place.mkdir()
            with opened(place) as url:
                rounds.append(found("throughput", url, sizes.entries, place))
        rows += whole_way(name, sizes.entries, rounds)
        best = max([best, *(each["a_second"] for each in rounds)])
    return rows + beside_tessera(best)


@contextmanager
def _sqlite(folder: Path) -> Iterator[str]:
    yield f"sqlite:///{folder / 'log.sqlite3'}"


@contextmanager
def _postgresql(folder: Path) -> Iterator[str]:  # noqa: ARG001 - it has one of its own
    if binaries() is None:
        raise LookupError("PostgreSQL is missing: apt-get install postgresql")
    with running_postgresql(synchronous_commit="on") as url:
        yield url


def _tiles(folder: Path, sizes: Sizes) -> list[Row]:
    steps = [size for size in GROWTH if size < sizes.log]
    return [of_log(got) for got in found("tiles", folder / "tiles", *steps, sizes.log)["sizes"]]


def _anchors(folder: Path, sizes: Sizes) -> list[Row]:
    contracts = (ROOT / "docs" / "contracts.md").read_text("utf-8").splitlines()  # A test holds it to the truth.
    line = next(line for line in contracts if line.startswith("| `CheckpointAnchor.anchor`"))
    rows = of_anchors(found("anchors_embedded", folder, sizes.anchors), int(re.sub(r"\D", "", line)))
    if importlib.util.find_spec("benchmarks.ledger.anchors") is None:
        return rows
    command = [sys.executable, "-m", "benchmarks.ledger.anchors"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=180)
    said = done.stdout.strip().splitlines() or ["failed"]
    return [*rows, Row("anchors, network of four validators", said[-1], "`python -m benchmarks.ledger.anchors`")]


def _peer(folder: Path, sizes: Sizes) -> list[Row]:
    packages = PEER / "site-packages"  # What checkers and git leave alone.
    if not packages.exists():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps", "--target"]
        subprocess.run([*command, str(packages), "-r", str(PEER / "requirements.txt")], check=True, timeout=120)
    return beside_peer(found("peer_pymerkle", folder, sizes.peer, path=packages), sizes.peer)


PARTS: Final[dict[str, Callable[[Path, Sizes], list[Row]]]] = {
    "throughput": _throughput,
    "tiles": _tiles,
    "anchors": _anchors,
    "peer": _peer,
}
