"""A log of ten million entries as files, its proofs and what they need: `tiles FOLDER SIZE [SIZE …]`.

The tiles are made by the integrating code itself, `Tiles.extend`, run after run, without the
database and without waiting for the disk: that is measured elsewhere (`throughput`), and would
take the better part of an hour for so many.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.ledger.process import peak_megabytes, tell
from benchmarks.ledger.stage import folder_bytes
from crypto.hashes import sha256
from ledger.formats.merkle import TreeHead, leaf_hash, prove_inclusion_from, verify_inclusion
from ledger.publication.integration import LIMIT
from ledger.storage.folder import Folder
from ledger.storage.tiles import Tiles

PROOFS = 300
PREFIX = b"\x014141010459"


class Unsynced(Folder):
    """A folder that writes and does not wait."""

    def write_new(self, files: Mapping[str, bytes]) -> None:
        """Write files as they are."""
        for name, content in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def main(folder: Path, sizes: list[int]) -> None:
    """Grow one log through `sizes` and tell of each."""
    tiles = Tiles(Unsynced(folder), "sm3")
    head = TreeHead(0, tiles.hash(b""))
    found: list[dict[str, Any]] = []
    for size in sizes:
        began, cpu, before = time.perf_counter(), time.process_time(), head.tree_size
        while head.tree_size < size:
            old = head.tree_size
            head = tiles.extend(old, entries_of(old, min(size, old + LIMIT)))
            tiles.prune(old, head.tree_size)
        added = size - before
        built = {"a_second": added / (time.perf_counter() - began), "cpu_us": (time.process_time() - cpu) / added * 1e6}
        whole, on_disk = folder_bytes(folder)
        proofs = _prove(tiles, head)
        found.append(
            {"size": size, "megabytes": peak_megabytes(), "bytes": whole, "on_disk": on_disk, **built, **proofs}
        )
    tell({"sizes": found})


def entries_of(begin: int, end: int) -> list[bytes]:
    """Return entries [begin, end), the same for each index."""
    return [PREFIX + sha256(index.to_bytes(8, "big")) for index in range(begin, end)]


def _prove(tiles: Tiles, head: TreeHead) -> dict[str, float]:
    """Prove entries anywhere in the tree, each from files that nothing of is in our memory yet."""
    pick = random.Random(head.tree_size)  # noqa: S311 - the same places each time
    took = []
    cpu = 0.0
    for _ in range(PROOFS):
        index = pick.randrange(head.tree_size)
        began, before = time.perf_counter(), time.process_time()
        proof = prove_inclusion_from(tiles.hash, tiles.nodes(head.tree_size), index, head.tree_size)
        took.append(time.perf_counter() - began)
        cpu += time.process_time() - before
        (entry,) = entries_of(index, index + 1)
        verify_inclusion(tiles.hash, leaf=leaf_hash(tiles.hash, entry), proof=proof, head=head)
    took.sort()
    return {
        "proof_ms": statistics.median(took) * 1e3,
        "late_ms": took[len(took) * 99 // 100] * 1e3,
        "cpu_ms": cpu / PROOFS * 1e3,
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]), list(map(int, sys.argv[2:])))
