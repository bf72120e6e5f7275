"""The peer: PyPI's pymerkle, and our tiles beside it on the same entries: `peer_pymerkle FOLDER COUNT`.

Both with SHA-256 (the peer knows no SM3), both on the disk after each batch. The peer keeps
leaves in SQLite and hashes the tree above them anew when it is asked for a root; ours keeps the
tree. Neither removes duplicates here, and neither signs: that is in `throughput`.
"""

from __future__ import annotations

import importlib
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.ledger.process import tell
from benchmarks.ledger.tiles import entries_of
from ledger.formats.merkle import leaf_hash, prove_inclusion_from, verify_inclusion
from ledger.publication.integration import LIMIT
from ledger.storage.tiles import TileFolder

PROOFS = 20
pymerkle: Any = importlib.import_module("pymerkle")  # Installed beside the benchmark, not with us.


def main(folder: Path, count: int) -> None:
    """Measure both and tell."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = entries_of(0, count)
    tell({"version": pymerkle.__version__, "peer": _peer(folder, entries), "ours": _ours(folder, entries)})


def _peer(folder: Path, entries: list[bytes]) -> dict[str, Any]:
    tree = pymerkle.SqliteTree(str(folder / "peer.sqlite3"))

    def append() -> None:
        for at in range(0, len(entries), LIMIT):
            tree.append_entries(entries[at : at + LIMIT])

    found = _timed("append", append, len(entries)) | _timed("root", tree.get_root)
    return found | _proofs(lambda index: tree.prove_inclusion(index + 1, len(entries)), len(entries))


def _ours(folder: Path, entries: list[bytes]) -> dict[str, Any]:
    tiles = TileFolder(folder / "ours", "sha-256")

    def append() -> None:
        for at in range(0, len(entries), LIMIT):
            tiles.extend(at, entries[at : at + LIMIT])

    found = _timed("append", append, len(entries)) | _timed("root", lambda: tiles.head(len(entries)))
    head = tiles.head(len(entries))

    def prove(index: int) -> None:
        proof = prove_inclusion_from(tiles.hash, tiles.nodes(head.tree_size), index, head.tree_size)
        verify_inclusion(tiles.hash, leaf=leaf_hash(tiles.hash, entries[index]), proof=proof, head=head)

    return found | _proofs(prove, len(entries))


def _timed(name: str, step: Callable[[], object], count: int = 0) -> dict[str, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    step()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if count:
        return {f"{name}_a_second": count / wall, f"{name}_cpu_us": cpu / count * 1e6}
    return {f"{name}_ms": wall * 1e3}


def _proofs(prove: Callable[[int], object], size: int) -> dict[str, float]:
    pick, took = random.Random(1), []  # noqa: S311 - the same places each time
    for _ in range(PROOFS):
        index = pick.randrange(size)
        began = time.perf_counter()
        prove(index)
        took.append(time.perf_counter() - began)
    return {"first_proof_ms": took[0] * 1e3, "proof_ms": statistics.median(took) * 1e3}


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
