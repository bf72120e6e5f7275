"""A log's files as proofs: hashes of subtrees from C2SP tlog-tiles, fetched when they are needed.

What is fetched is not believed: a proof made of it leads to the roots that somebody signed, or it does not.
"""

from __future__ import annotations

from collections.abc import Callable

from xinji_client.errors import FormatError, UnreachableError
from xinji_client.hashes import Hash
from xinji_client.http import fetch
from xinji_client.merkle import prove_consistency

WIDTH = 256
_HEIGHT = 8
_HASH_BYTES = 32
Read = Callable[[str], bytes]
"""Returns a file of the log by its path under the log's address; raises UnreachableError."""


def over_http(address: str) -> Read:
    """Read the files under `address`, such as https://henan.example/log."""
    base = address.rstrip("/")
    return lambda path: fetch(f"{base}/{path}", limit=WIDTH * _HASH_BYTES)


def consistency(read: Read, h: Hash, *, old_size: int, new_size: int) -> tuple[bytes, ...]:
    """Make the proof that the log of `new_size` entries extends that of `old_size`.

    Raises:
        UnreachableError: A file is not there.
        FormatError: A file has not as many hashes as its name says.
    """
    tiles: dict[tuple[int, int], bytes] = {}

    def perfect(level: int, index: int) -> bytes:
        if level % _HEIGHT:
            return h(b"\x01" + perfect(level - 1, 2 * index) + perfect(level - 1, 2 * index + 1))
        place = level // _HEIGHT, index // WIDTH
        if place not in tiles:
            tiles[place] = _tile(read, *place, new_size)
        at = index % WIDTH * _HASH_BYTES
        return tiles[place][at : at + _HASH_BYTES]

    def nodes(begin: int, end: int) -> bytes:
        level = (end - begin - 1).bit_length()
        if end - begin == 1 << level:
            return perfect(level, begin >> level)
        middle = begin + (1 << level - 1)
        return h(b"\x01" + nodes(begin, middle) + nodes(middle, end))

    return prove_consistency(nodes, old_size=old_size, new_size=new_size)


def _tile(read: Read, level: int, index: int, size: int) -> bytes:
    """Read a tile of the tree of `size`; a partial one that is gone begins the full one (C2SP tlog-tiles)."""
    width = min((size >> _HEIGHT * level) - index * WIDTH, WIDTH)
    name = f"tile/{level}/{path_of(index)}"
    try:
        data = read(name if width == WIDTH else f"{name}.p/{width}")
    except UnreachableError:
        if width == WIDTH:
            raise
        data = read(name)
    if len(data) < width * _HASH_BYTES:
        raise FormatError(f"the tile {name} is too short")
    return data


def path_of(index: int) -> str:
    """Write a tile's number in groups of three digits, all but the last behind an x: x001/x234/067."""
    digits = f"{index:03}"
    digits = digits.rjust(-(-len(digits) // 3) * 3, "0")
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    return "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
