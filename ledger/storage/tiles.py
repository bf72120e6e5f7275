"""The log as files: immutable tiles of hashes and entries, and the published checkpoint.

C2SP tlog-tiles. Tiles are derived: from the entries they can be made again, byte for byte.
So writing one twice is harmless, and one that exists with other bytes is never overwritten:
it means that history was changed.

Knows no database, and not where the files lie (`ledger.storage.files`). Every file is kept before
anything that refers to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from crypto.hashes import HASHES
from ledger.errors import EntryNotFoundError, TamperedTilesError
from ledger.formats.checkpoint import parse_checkpoint
from ledger.formats.merkle import Nodes, TreeHead, leaf_hash, node_hash, root_from
from ledger.formats.note import parse_note
from ledger.formats.shard import FIRST
from ledger.formats.shard import name_of as name_of_shard
from ledger.formats.tile import ENTRIES, WIDTH, Tile, decode_bundle, encode_bundle, split_hashes, tile_at
from ledger.storage.files import Files
from ledger.storage.folder import Folder

CHECKPOINT = "checkpoint"


class Tiles:
    """The files of one log. `hash_name`, a name of `crypto.hashes.HASHES`, is chosen once."""

    def __init__(self, files: Files, hash_name: str = "sm3") -> None:
        """Keep the log in `files`."""
        self.files = files
        self.hash_name = hash_name
        self.hash = HASHES[hash_name]

    def of(self, shard: int) -> Tiles:
        """Return the files of a shard, given those of the first log: a later one lies in a folder of these."""
        return self if shard == FIRST else Tiles(self.files.below(name_of_shard(shard)), self.hash_name)

    def read(self, tile: Tile) -> bytes:
        """Return a tile's bytes.

        Raises:
            EntryNotFoundError: There is none.
        """
        data = self.files.read(name_of(tile))
        if data is None:
            raise EntryNotFoundError("there is no such tile")
        return data

    def nodes(self, tree_size: int) -> Nodes:
        """Give the hashes of the perfect subtrees of the tree of `tree_size`, each read or hashed once.

        What it returns may raise `TamperedTilesError`: a tile is missing or too short.
        """
        tiles: dict[tuple[int, int], list[bytes]] = {}
        known: dict[tuple[int, int], bytes] = {}

        def node(level: int, index: int) -> bytes:
            found = known.get((level, index))
            if found is None:
                found = known[level, index] = make(level, index)
            return found

        def make(level: int, index: int) -> bytes:
            if level % 8:
                return node_hash(self.hash, node(level - 1, 2 * index), node(level - 1, 2 * index + 1))
            at = level // 8, index // WIDTH
            if at not in tiles:
                tiles[at] = self._hashes(tile_at(*at, tree_size))
            return tiles[at][index % WIDTH]

        return node

    def head(self, tree_size: int) -> TreeHead:
        """Return the head of the tree of `tree_size`, as the stored hashes give it.

        Raises:
            TamperedTilesError: A tile is missing or too short.
        """
        return TreeHead(tree_size, root_from(self.hash, self.nodes(tree_size), tree_size))

    def entries(self, begin: int, end: int) -> Iterator[bytes]:
        """Give the entries [begin, end) of a log of `end` entries or more.

        Raises:
            TamperedTilesError: A bundle is missing or too short.
        """
        for index in range(begin // WIDTH, -(-end // WIDTH)):
            bundle = tile_at(ENTRIES, index, end)
            entries = decode_bundle(self._widest(bundle))[: bundle.width]
            if len(entries) < bundle.width:
                raise TamperedTilesError(f"the bundle {bundle.path} is too short")
            yield from entries[max(0, begin - index * WIDTH) :]

    def extend(self, old_size: int, entries: Sequence[bytes]) -> TreeHead:
        """Append `entries` to the tree of `old_size`; return the new head once all is kept.

        Raises:
            TamperedTilesError: A tile of the old tree is missing, or one to be written exists
                with other bytes.
        """
        files: dict[str, bytes] = {}
        start = old_size - old_size % WIDTH
        _add_row(ENTRIES, start, [*self.entries(start, old_size), *entries], files)
        begin, fresh, level = old_size, [leaf_hash(self.hash, entry) for entry in entries], 0
        while fresh:
            start = begin - begin % WIDTH
            row = fresh if start == begin else self._hashes(Tile(level, start // WIDTH, begin - start)) + fresh
            _add_row(level, start, row, files)
            full = len(row) - len(row) % WIDTH
            fresh = [self._parent(row[at : at + WIDTH]) for at in range(0, full, WIDTH)]
            begin, level = start // WIDTH, level + 1
        self.files.write_new(files)
        return self.head(old_size + len(entries))

    def prune(self, old_size: int, new_size: int) -> int:
        """Delete the partial tiles that became full between two published sizes; return how many.

        The full tile answers for them (C2SP tlog-tiles, Partial Tiles).
        """
        count = 0
        for level in (ENTRIES, *range(8)):
            shift = 8 * max(level, 0) + 8
            for index in range(old_size >> shift, new_size >> shift):
                count += self.files.remove(name_of(Tile(level, index)) + ".p")
        return count

    def read_checkpoint(self) -> str | None:
        """Return the published checkpoint's note, if there is one.

        Raises:
            TamperedTilesError: It is no text.
        """
        data = self.files.read(CHECKPOINT)
        try:
            return None if data is None else data.decode()
        except UnicodeDecodeError as error:
            raise TamperedTilesError("the published checkpoint is no text") from error

    def write_checkpoint(self, note: str) -> bool:
        """Publish `note` unless a larger checkpoint is there already; return whether it was written."""

        def change(current: bytes | None) -> bytes | None:
            if current is not None and _size_of(current.decode()) >= _size_of(note):
                return None
            return note.encode()

        return self.files.update(CHECKPOINT, change)

    def _hashes(self, tile: Tile) -> list[bytes]:
        hashes = split_hashes(self._widest(tile))[: tile.width]
        if len(hashes) < tile.width:
            raise TamperedTilesError(f"the tile {tile.path} is too short")
        return hashes

    def _widest(self, tile: Tile) -> bytes:
        """Read a tile, or a wider one that begins with it: partial tiles go when they are full."""
        for width in self._widths(tile):
            data = self.files.read(name_of(tile._replace(width=width)))
            if data is not None:
                return data
        raise TamperedTilesError(f"the tile {tile.path} is missing")

    def _widths(self, tile: Tile) -> Iterator[int]:
        yield tile.width
        yield WIDTH
        # Where lost files were made again, only the widest partial tiles are there.
        names = self.files.names(name_of(tile._replace(width=WIDTH)) + ".p")
        widths = [int(name) for name in (name.rpartition("/")[2] for name in names) if name.isdecimal()]
        yield from (width for width in widths if width > tile.width)

    def _parent(self, row: Sequence[bytes]) -> bytes:
        while len(row) > 1:
            row = [node_hash(self.hash, row[at], row[at + 1]) for at in range(0, len(row), 2)]
        return row[0]


class TileFolder(Tiles):
    """The files of one log in a folder."""

    def __init__(self, folder: Path, hash_name: str = "sm3") -> None:
        """Use `folder`, which is made at the first write."""
        super().__init__(Folder(folder), hash_name)
        self.folder = folder


def name_of(tile: Tile) -> str:
    """Return the name of a tile's file."""
    return f"tile/{tile.path}"


def _add_row(level: int, start: int, row: Sequence[bytes], files: dict[str, bytes]) -> None:
    for at in range(0, len(row), WIDTH):
        part = row[at : at + WIDTH]
        name = name_of(Tile(level, (start + at) // WIDTH, len(part)))
        files[name] = encode_bundle(part) if level == ENTRIES else b"".join(part)


def _size_of(note: str) -> int:
    return parse_checkpoint(parse_note(note).text).head.tree_size
