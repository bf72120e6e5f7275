"""Tiles: their names, and what entry bundles hold (C2SP tlog-tiles).

Pure. A tile of level L holds 256 hashes of perfect subtrees of 256**L leaves, a partial one
fewer; an entry bundle holds the entries whose leaf hashes a tile of level 0 holds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from ledger.errors import EntryNotFoundError, TamperedTilesError

WIDTH: Final = 256
HASH_SIZE: Final = 32
ENTRIES: Final = -1
_LENGTH_SIZE: Final = 2
_PATH: Final = re.compile(
    r"(entries|0|[1-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII
)


class Tile(NamedTuple):
    """A tile of hashes, or of entries where `level` is ENTRIES. `width` is 256 where it is full."""

    level: int
    number: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Its place under `<prefix>/tile/`: `0/x001/067`, `entries/000.p/3`."""
        groups = [f"{self.number % 1000:03}"]
        rest = self.number // 1000
        while rest:
            groups.insert(0, f"x{rest % 1000:03}")
            rest //= 1000
        level = "entries" if self.level == ENTRIES else str(self.level)
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"{level}/{'/'.join(groups)}{partial}"


def parse_tile(path: str) -> Tile:
    """Read a tile's place under `<prefix>/tile/`. Each tile has one name only.

    Raises:
        EntryNotFoundError: No tile is called that.
    """
    match = _PATH.fullmatch(path)
    if match is None:
        raise EntryNotFoundError("there is no such tile")
    level, groups, width = match.groups()
    number = int(groups.replace("x", "").replace("/", ""))
    tile = Tile(ENTRIES if level == "entries" else int(level), number, int(width or WIDTH))
    if tile.width > WIDTH or tile.path != path:
        raise EntryNotFoundError("there is no such tile")
    return tile


def tile_at(level: int, number: int, tree_size: int) -> Tile:
    """Return the tile `number` of `level` as a tree of `tree_size` has it; its width may be 0 or less."""
    nodes = tree_size if level == ENTRIES else tree_size >> 8 * level
    return Tile(level, number, min(WIDTH, nodes - WIDTH * number))


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Return the entries, each after its length in two bytes."""
    return b"".join(len(entry).to_bytes(_LENGTH_SIZE, "big") + entry for entry in entries)


def decode_bundle(data: bytes) -> list[bytes]:
    """Return the entries of a bundle.

    Raises:
        TamperedTilesError: It ends in the middle of an entry.
    """
    entries: list[bytes] = []
    at = 0
    while at < len(data):
        begin = at + _LENGTH_SIZE
        at = begin + int.from_bytes(data[at:begin], "big")
        if begin > len(data) or at > len(data):
            raise TamperedTilesError("an entry bundle ends in the middle of an entry")
        entries.append(data[begin:at])
    return entries


def split_hashes(data: bytes) -> list[bytes]:
    """Return the hashes of a tile.

    Raises:
        TamperedTilesError: Its size is no multiple of a hash's.
    """
    if len(data) % HASH_SIZE:
        raise TamperedTilesError("a tile ends in the middle of a hash")
    return [data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)]
