"""All tiles of a log, made again from its entries, and the roots on the way (C2SP tlog-tiles).

Pure. A log's check, its repair and a mirror of it each compare what they find with this.
Holds one row of 256 hashes a level, whatever the log's size.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from ledger.formats.merkle import CompactRange, Hash, leaf_hash, root
from ledger.formats.tile import ENTRIES, HASH_SIZE, WIDTH, Tile, decode_bundle, encode_bundle


class Rebuild:
    """Takes a log's entries from the first on; gives its tiles, and its roots at the `sizes` asked for."""

    def __init__(self, h: Hash, sizes: Collection[int]) -> None:
        """Hash with `h`; keep the roots of the trees of `sizes`."""
        self.roots: dict[int, bytes] = {}
        self.tree_size = 0
        self._h = h
        self._sizes = sizes
        self._compact = CompactRange(h)
        self._rows: list[list[bytes]] = []
        self._counts: list[int] = []
        if 0 in sizes:
            self.roots[0] = self._compact.root()

    def add(self, entries: Sequence[bytes]) -> Iterator[tuple[Tile, bytes]]:
        """Add one bundle's entries: 256, or fewer as the last; give its tile and all that it fills."""
        yield Tile(ENTRIES, self.tree_size // WIDTH, len(entries)), encode_bundle(entries)
        for entry in entries:
            leaf = leaf_hash(self._h, entry)
            self._compact.append(leaf)
            self.tree_size += 1
            if self.tree_size in self._sizes:
                self.roots[self.tree_size] = self._compact.root()
            yield from self._put(0, leaf)

    def end(self) -> Iterator[tuple[Tile, bytes]]:
        """Give the partial tiles at the log's end, but the bundle, which `add` gave."""
        for level, row in enumerate(self._rows):
            if row:
                yield Tile(level, self._counts[level], len(row)), b"".join(row)

    def _put(self, level: int, node: bytes) -> Iterator[tuple[Tile, bytes]]:
        if level == len(self._rows):
            self._rows.append([])
            self._counts.append(0)
        self._rows[level].append(node)
        if len(self._rows[level]) == WIDTH:
            full, self._rows[level] = self._rows[level], []
            yield Tile(level, self._counts[level]), b"".join(full)
            self._counts[level] += 1
            yield from self._put(level + 1, root(self._h, full))


def narrowed(tile: Tile, data: bytes, width: int) -> bytes:
    """Return the first `width` hashes or entries of a tile, as its narrower file holds them."""
    if tile.level == ENTRIES:
        return encode_bundle(decode_bundle(data)[:width])
    return data[: width * HASH_SIZE]
