"""Somebody else's log, read over HTTP or from a folder, and believed in nothing.

A tree that a log has signed is read as the roots of its full bundles and the entries after
them: 32 bytes for each 256 entries. Every bundle that is given out leads to the signed root.
Knows neither signatures nor where anything is kept; mirrors and monitors do.

Works for any log in the layout of C2SP tlog-tiles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Final, Protocol

import httpx

from ledger.errors import MirrorSourceError, TamperedTilesError
from ledger.formats.merkle import CompactRange, Hash, TreeHead, leaf_hash, root
from ledger.formats.tile import ENTRIES, WIDTH, Tile, decode_bundle, encode_bundle, split_hashes, tile_at
from ledger.storage.tiles import name_of

MAX_FILE: Final = WIDTH * (2 + 0xFFFF)
"""The longest entry bundle that there can be, in bytes."""
BATCH: Final = 64
"""Bundles that are fetched at once."""
CONNECTIONS: Final = 8
TIMEOUT_SECONDS: Final = 20.0
ROW: Final = 8
"""A tile of level 1 holds the roots of 2**8 leaves."""


class Source(Protocol):
    """Where a log's files can be read."""

    def read(self, name: str, limit: int) -> bytes | None:
        """Return a file of at most `limit` bytes, or None if there is none.

        Raises:
            MirrorSourceError: There is no answer, or it is too long.
        """
        ...


class HttpSource:
    """A log behind an address, with bounded waits and answers; redirects are not followed."""

    def __init__(self, url: str, *, client: httpx.Client | None = None) -> None:
        """Read below `url`."""
        self._url = url.rstrip("/")
        self._client = client or httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False)

    def read(self, name: str, limit: int) -> bytes | None:
        """See `Source.read`."""
        body = bytearray()
        try:
            with self._client.stream("GET", f"{self._url}/{name}") as response:
                if response.status_code == HTTPStatus.NOT_FOUND:
                    return None
                if response.status_code != HTTPStatus.OK:
                    raise MirrorSourceError(f"{name}: the source answered {response.status_code}")
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > limit:
                        raise MirrorSourceError(f"{name}: the source's answer is too long")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise MirrorSourceError(f"{name}: the source does not answer: {type(error).__name__}") from error
        return bytes(body)

    def close(self) -> None:
        """Let the connections go."""
        self._client.close()


Here = Callable[[Tile], bytes | None]
"""Returns a tile that is here already and need not be fetched."""


def nothing_here(_tile: Tile) -> None:
    """Have nothing: all is fetched."""


class Reading:
    """A tree of `tree_size` entries as `source` gives it, after the roots of the full bundles that are `known`."""

    def __init__(
        self, source: Source, h: Hash, tree_size: int, known: Sequence[bytes] = (), here: Here = nothing_here
    ) -> None:
        """Read the roots of the full bundles that are not known, and the entries after them.

        Raises:
            MirrorSourceError: The source does not answer, or lacks a file.
            TamperedTilesError: A tile has another size than its tree says.
        """
        self.tree_size = tree_size
        self._source, self._h, self._here = source, h, here
        self.roots = self._bundle_roots(known)
        rest = tile_at(ENTRIES, tree_size // WIDTH, tree_size)
        self.rest = self._entries(rest) if rest.width else []

    def root(self) -> bytes:
        """Return the root that all of it leads to."""
        return self._root(self.roots, self.rest)

    def root_at(self, tree_size: int) -> bytes:
        """Return the root of the first `tree_size` entries.

        Raises:
            TamperedTilesError: A bundle does not lead to its root.
        """
        full, part = divmod(tree_size, WIDTH)
        return self._root(self.roots[:full], self.bundle(full)[:part] if part else [])

    def bundle(self, number: int) -> list[bytes]:
        """Return the entries of a bundle, which lead to its root.

        Raises:
            TamperedTilesError: They do not.
        """
        if number == len(self.roots):
            return self.rest
        tile = Tile(ENTRIES, number)
        here = self._here(tile)
        entries = self._entries(tile) if here is None else decode_bundle(here)
        if root(self._h, [leaf_hash(self._h, entry) for entry in entries]) != self.roots[number]:
            raise TamperedTilesError(f"the bundle {tile.path} does not lead to the signed root")
        return entries

    def bundles(self, begin: int) -> Iterator[list[tuple[int, list[bytes]]]]:
        """Give the full bundles from number `begin` on, some at once, each with its number."""
        for at in range(begin, len(self.roots), BATCH):
            some = range(at, min(at + BATCH, len(self.roots)))
            with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="reading") as pool:
                yield list(zip(some, pool.map(self.bundle, some), strict=True))

    def _bundle_roots(self, known: Sequence[bytes]) -> list[bytes]:
        """Return the roots of all full bundles: those that are known, then the source's."""
        roots = list(known)
        for number in range(len(roots) // WIDTH, -(-(self.tree_size >> ROW) // WIDTH)):
            tile = tile_at(1, number, self.tree_size)
            hashes = split_hashes(self._file(tile))
            if len(hashes) != tile.width:
                raise TamperedTilesError(f"the tile {tile.path} does not hold {tile.width} hashes")
            roots += hashes[len(roots) - number * WIDTH :]
        return roots

    def _root(self, roots: Sequence[bytes], rest: Sequence[bytes]) -> bytes:
        """Return the root over full bundles and the entries after them."""
        bundles = CompactRange(self._h)
        for bundle in roots:
            bundles.append(bundle)
        if not rest:
            return bundles.root()
        return bundles.root_before(root(self._h, [leaf_hash(self._h, entry) for entry in rest]))

    def _entries(self, tile: Tile) -> list[bytes]:
        entries = decode_bundle(self._file(tile))
        if len(entries) != tile.width:
            raise TamperedTilesError(f"the bundle {tile.path} does not hold {tile.width} entries")
        return entries

    def _file(self, tile: Tile) -> bytes:
        """Read a tile; where it became full meanwhile, the full one begins with it."""
        data = self._source.read(name_of(tile), MAX_FILE)
        if data is None and tile.width < WIDTH:
            full = wanted(self._source, name_of(tile._replace(width=WIDTH)), MAX_FILE)
            if tile.level == ENTRIES:
                return encode_bundle(decode_bundle(full)[: tile.width])
            return b"".join(split_hashes(full)[: tile.width])
        if data is None:
            raise MirrorSourceError(f"{name_of(tile)}: the source lacks it")
        return data


def extension(
    source: Source, h: Hash, *, old: TreeHead, known: Sequence[bytes], new: TreeHead, here: Here = nothing_here
) -> Reading | None:
    """Return the tree `new`, or None if the source proves that it does not extend `old`.

    `known`: roots of full bundles of `old`, from the first on.

    Raises:
        MirrorSourceError: The source does not answer, or lacks a file.
        TamperedTilesError: The source's files do not lead to the signed root of `new`.
    """
    reading = Reading(source, h, new.tree_size, known, here)
    if reading.root() == new.root_hash:
        return reading if reading.root_at(old.tree_size) == old.root_hash else None
    # Either the source is damaged, or it holds another history than the one that is known.
    if old.tree_size and Reading(source, h, new.tree_size).root() == new.root_hash:
        return None
    raise TamperedTilesError(f"the source's tiles do not lead to the signed root of {new.tree_size} entries")


def wanted(source: Source, name: str, limit: int) -> bytes:
    """Return a file that must be there.

    Raises:
        MirrorSourceError: It is not, or the source does not answer.
    """
    data = source.read(name, limit)
    if data is None:
        raise MirrorSourceError(f"{name}: the source lacks it")
    return data
