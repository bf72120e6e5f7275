"""Check a whole log: entries, tiles and checkpoints against each other, from the first leaf on.

Reads everything once and changes nothing. A log with findings must not be served or extended
before somebody has restored it from its mirror.
"""

from __future__ import annotations

from collections.abc import Iterator

from ledger import store
from ledger.continuity import current_head
from ledger.errors import LedgerError
from ledger.log import LogServices
from ledger.merkle import CompactRange, Hash, Nodes, leaf_hash, root
from ledger.tile import ENTRIES, WIDTH, tile_at
from ledger.tiles import Tiles


def findings(log: LogServices) -> Iterator[str]:
    """Give one English sentence for everything that does not fit; nothing for a log that is whole."""
    try:
        head = current_head(log)
        with log.database.read() as session:
            roots = store.signed_roots(session)
        yield from _walk(
            log, head.integrated.tree_size, {**roots, head.integrated.tree_size: head.integrated.root_hash}
        )
    except LedgerError as error:  # A file that cannot be read ends the walk: the rest hangs on it.
        yield str(error)


def _walk(log: LogServices, end: int, roots: dict[int, bytes]) -> Iterator[str]:
    tiles = log.tiles
    compact = CompactRange(tiles.hash)
    rows = _Rows(tiles.hash, tiles.nodes(end))
    for begin in range(0, end, WIDTH):
        stop = min(begin + WIDTH, end)
        with log.database.read() as session:
            entries = store.entries(session, begin, stop)
        if len(entries) != stop - begin:
            yield f"the database lacks entries between {begin} and {stop}"
            return
        yield from _bundle(tiles, begin, stop, end, entries)
        for size, entry in enumerate(entries, start=begin + 1):
            leaf = leaf_hash(tiles.hash, entry)
            yield from rows.add(0, leaf)
            compact.append(leaf)
            if size in roots and roots[size] != compact.root():
                yield f"the checkpoint of {size} entries has another root"


def _bundle(tiles: Tiles, begin: int, stop: int, end: int, entries: list[bytes]) -> Iterator[str]:
    if list(tiles.entries(begin, stop)) != entries:
        yield f"the bundle {tile_at(ENTRIES, begin // WIDTH, end).path} holds other entries than the database"


class _Rows:
    """Rebuilds the tiles' rows from the leaves, one row of each level at a time."""

    def __init__(self, h: Hash, nodes: Nodes) -> None:
        self._h = h
        self._nodes = nodes
        self._rows: list[list[bytes]] = []
        self._counts: list[int] = []

    def add(self, level: int, node: bytes) -> Iterator[str]:
        """Put the next node of `level` into its row; a full row gives a node of the level above."""
        if level == len(self._rows):
            self._rows.append([])
            self._counts.append(0)
        if self._nodes(8 * level, self._counts[level]) != node:
            yield f"the tiles of level {level} hold another hash at {self._counts[level]}"
        self._rows[level].append(node)
        self._counts[level] += 1
        if len(self._rows[level]) == WIDTH:
            full, self._rows[level] = self._rows[level], []
            yield from self.add(level + 1, root(self._h, full))
