"""The log as files: immutable tiles of hashes and entries, and the published checkpoint.

A folder that any web server can serve as it is (C2SP tlog-tiles). Tiles are derived: from
the entries they can be made again, byte for byte. So writing one twice is harmless, and one
that exists with other bytes is never overwritten: it means that history was changed.

Knows no database. Every file is on the disk before anything that refers to it.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from crypto.hashes import HASHES
from ledger.checkpoint import parse_checkpoint
from ledger.errors import EntryNotFoundError, TamperedTilesError
from ledger.merkle import Nodes, TreeHead, leaf_hash, node_hash, root_from
from ledger.note import parse_note
from ledger.tile import ENTRIES, WIDTH, Tile, decode_bundle, encode_bundle, split_hashes, tile_at

CHECKPOINT = "checkpoint"


class TileFolder:
    """The folder of one log. `hash_name`, a name of `crypto.hashes.HASHES`, is chosen once."""

    def __init__(self, folder: Path, hash_name: str = "sm3") -> None:
        """Use `folder`, which is made at the first write."""
        self.folder = folder
        self.hash_name = hash_name
        self.hash = HASHES[hash_name]

    def read(self, tile: Tile) -> bytes:
        """Return a tile's bytes.

        Raises:
            EntryNotFoundError: There is none.
        """
        try:
            return self._path(tile).read_bytes()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise EntryNotFoundError("there is no such tile") from error

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
        """Append `entries` to the tree of `old_size`; return the new head once all is on the disk.

        Raises:
            TamperedTilesError: A tile of the old tree is missing, or one to be written exists
                with other bytes.
        """
        folders: set[Path] = set()
        start = old_size - old_size % WIDTH
        self._write_row(ENTRIES, start, [*self.entries(start, old_size), *entries], folders)
        begin, fresh, level = old_size, [leaf_hash(self.hash, entry) for entry in entries], 0
        while fresh:
            start = begin - begin % WIDTH
            row = fresh if start == begin else self._hashes(Tile(level, start // WIDTH, begin - start)) + fresh
            self._write_row(level, start, row, folders)
            full = len(row) - len(row) % WIDTH
            fresh = [self._parent(row[at : at + WIDTH]) for at in range(0, full, WIDTH)]
            begin, level = start // WIDTH, level + 1
        for folder in folders:
            _sync(folder)
        return self.head(old_size + len(entries))

    def prune(self, old_size: int, new_size: int) -> int:
        """Delete the partial tiles that became full between two published sizes; return how many.

        The full tile answers for them (C2SP tlog-tiles, Partial Tiles).
        """
        count = 0
        for level in (ENTRIES, *range(8)):
            shift = 8 * max(level, 0) + 8
            for index in range(old_size >> shift, new_size >> shift):
                folder = self._path(Tile(level, index, 1)).parent
                for file in folder.glob("*"):
                    file.unlink(missing_ok=True)
                    count += 1
                with suppress(OSError):  # Never there, or another process was faster.
                    folder.rmdir()
        return count

    def read_checkpoint(self) -> str | None:
        """Return the published checkpoint's note, if there is one."""
        try:
            return (self.folder / CHECKPOINT).read_text("utf-8")
        except FileNotFoundError:
            return None

    def write_checkpoint(self, note: str) -> bool:
        """Publish `note` unless a larger checkpoint is there already; return whether it was written."""
        with self._lock():
            current = self.read_checkpoint()
            if current is not None and _size_of(current) >= _size_of(note):
                return False
            _write(self.folder / CHECKPOINT, note.encode())
            _sync(self.folder)
        return True

    def _hashes(self, tile: Tile) -> list[bytes]:
        hashes = split_hashes(self._widest(tile))[: tile.width]
        if len(hashes) < tile.width:
            raise TamperedTilesError(f"the tile {tile.path} is too short")
        return hashes

    def _widest(self, tile: Tile) -> bytes:
        """Read a tile, or a wider one that begins with it: partial tiles go when they are full."""
        for width in (tile.width, WIDTH):
            try:
                return self.read(tile._replace(width=width))
            except EntryNotFoundError:
                continue
        raise TamperedTilesError(f"the tile {tile.path} is missing")

    def _parent(self, row: Sequence[bytes]) -> bytes:
        while len(row) > 1:
            row = [node_hash(self.hash, row[at], row[at + 1]) for at in range(0, len(row), 2)]
        return row[0]

    def _write_row(self, level: int, start: int, row: Sequence[bytes], folders: set[Path]) -> None:
        for at in range(0, len(row), WIDTH):
            part = row[at : at + WIDTH]
            data = encode_bundle(part) if level == ENTRIES else b"".join(part)
            path = self._path(Tile(level, (start + at) // WIDTH, len(part)))
            # Folders are synced even where the file stands: who wrote it may have ended before that.
            folders.update(path.parents[: len(path.relative_to(self.folder).parts) + 1])
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                _write(path, data)
            elif path.read_bytes() != data:
                raise TamperedTilesError(f"{path.relative_to(self.folder)} exists with other bytes: not overwritten")

    def _path(self, tile: Tile) -> Path:
        return self.folder / "tile" / tile.path

    @contextmanager
    def _lock(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _size_of(note: str) -> int:
    return parse_checkpoint(parse_note(note).text).head.tree_size


def _write(path: Path, data: bytes) -> None:
    """Write a whole file or none: under another name, onto the disk, then into place."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
