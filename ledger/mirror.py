"""A copy of a log in another organisation's hands: the same files, believed in nothing.

Before a byte is kept, the checkpoint is signed by the log (and cosigned, where a policy asks
for it), its tree extends the tree that is here, and every leaf leads to its root. A source
that shows another history is refused, and both signed checkpoints are kept: they are the
proof. Ended anywhere, the next run goes on from what is here.

Works for any log in the layout of C2SP tlog-tiles. Holds 32 bytes for each 256 entries.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Protocol

import httpx

from crypto.hashes import sha256
from ledger.checkpoint import Signed, WitnessPolicy, open_checkpoint
from ledger.errors import ForkedLogError, InvalidNoteError, MirrorSourceError, TamperedTilesError
from ledger.merkle import CompactRange, TreeHead, leaf_hash, root, root_from
from ledger.note import MAX_SIZE
from ledger.tile import ENTRIES, WIDTH, Tile, decode_bundle, encode_bundle, split_hashes, tile_at
from ledger.tiles import CHECKPOINT, Tiles, name_of
from ledger.vkey import VerifierKey

FORKS: Final = "forks"
MAX_FILE: Final = WIDTH * (2 + 0xFFFF)
"""The longest entry bundle that there can be, in bytes."""
BATCH: Final = 64
"""Bundles that are fetched at once, and kept together."""
CONNECTIONS: Final = 8
TIMEOUT_SECONDS: Final = 20.0
_ROW: Final = 8  # A tile of level 1 holds the roots of 2**8 leaves.


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


@dataclass(frozen=True, slots=True)
class Mirror:
    """One log's mirror: where it comes from, where it is kept, whose signatures count."""

    source: Source
    tiles: Tiles
    origin: str
    keys: tuple[VerifierKey, ...]
    policy: WitnessPolicy | None = None


def run_once(mirror: Mirror) -> int:
    """Take over what the log has published since; return how many entries came.

    Raises:
        ForkedLogError: The log signed a history that does not extend the one that is here.
        InvalidNoteError: The checkpoint is not signed, or not by the policy's quorum.
        MirrorSourceError: The source does not answer, or lacks a file.
        TamperedTilesError: The source's files do not lead to the signed root.
    """
    kept = mirror.tiles.read_checkpoint()
    old_note = None if kept is None else _opened(mirror, kept.encode())
    old = old_note.checkpoint.head if old_note else TreeHead(0, mirror.tiles.hash(b""))
    new_note = _opened(mirror, _wanted(mirror.source, CHECKPOINT, MAX_SIZE))
    new = new_note.checkpoint.head
    if new.tree_size <= old.tree_size:  # The same again, or a cache that lags: a prefix, or another history.
        if root_from(mirror.tiles.hash, mirror.tiles.nodes(old.tree_size), new.tree_size) != new.root_hash:
            raise _forked(mirror, old_note, new_note)
        return 0
    fetch = _Fetch(mirror, old, new)
    if not fetch.leads_to_root():
        # Either the source is damaged, or it holds another history than the one that is here.
        again = _Fetch(mirror, TreeHead(0, b""), new)
        if old_note is None or not again.leads_to_root():
            raise TamperedTilesError(f"the source's tiles do not lead to the signed root of {new.tree_size} entries")
        raise _forked(mirror, old_note, new_note)
    if fetch.old_root() != old.root_hash:
        raise _forked(mirror, old_note, new_note)
    fetch.keep()
    mirror.tiles.write_checkpoint(str(new_note.note))
    mirror.tiles.prune(old.tree_size, new.tree_size)
    return new.tree_size - old.tree_size


class _Fetch:
    """The way from one tree to a larger one: the roots of its full bundles, and the leaves at its end."""

    def __init__(self, mirror: Mirror, old: TreeHead, new: TreeHead) -> None:
        self._mirror = mirror
        self._h = mirror.tiles.hash
        self._old, self._new = old, new
        self._roots = self._bundle_roots()
        rest = tile_at(ENTRIES, new.tree_size // WIDTH, new.tree_size)
        self._rest = self._entries(rest) if rest.width else []

    def leads_to_root(self) -> bool:
        return self._root(self._roots, self._rest) == self._new.root_hash

    def old_root(self) -> bytes:
        """Return the root that the old tree has in the new one."""
        full, part = divmod(self._old.tree_size, WIDTH)
        entries = self._bundle(full)[:part] if part else []
        return self._root(self._roots[:full], entries)

    def keep(self) -> None:
        """Bring everything over, each bundle checked against its root, what is lower before what is higher."""
        files = self._mirror.tiles.files
        numbers = range(self._old.tree_size // WIDTH, len(self._roots))
        for begin in range(numbers.start, numbers.stop, BATCH):
            some = range(begin, min(begin + BATCH, numbers.stop))
            with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="mirror") as pool:
                bundles = list(pool.map(self._bundle, some))
            batch: dict[str, bytes] = {}
            for number, entries in zip(some, bundles, strict=True):
                batch.update(self._bottom(number, entries))
            files.write_new(batch)
        top = dict(self._bottom(len(self._roots), self._rest)) if self._rest else {}
        top.update(self._above())
        files.write_new(top)

    def _bundle(self, number: int) -> list[bytes]:
        """Return a bundle's entries, from here if they are here already."""
        if number == len(self._roots):
            return self._rest
        here = self._mirror.tiles.files.read(name_of(Tile(ENTRIES, number)))
        entries = decode_bundle(here) if here is not None else self._entries(Tile(ENTRIES, number))
        if root(self._h, [leaf_hash(self._h, entry) for entry in entries]) != self._roots[number]:
            raise TamperedTilesError(f"the bundle {Tile(ENTRIES, number).path} does not lead to the signed root")
        return entries

    def _bottom(self, number: int, entries: Sequence[bytes]) -> Iterator[tuple[str, bytes]]:
        leaves = b"".join(leaf_hash(self._h, entry) for entry in entries)
        yield name_of(Tile(ENTRIES, number, len(entries))), encode_bundle(entries)
        yield name_of(Tile(0, number, len(entries))), leaves

    def _above(self) -> Iterator[tuple[str, bytes]]:
        """Give the tiles of level 1 and above that the new tree has and the old one had not."""
        level, row = 1, self._roots
        while row:
            first = self._old.tree_size >> _ROW * (level + 1)
            for at in range(first * WIDTH, len(row), WIDTH):
                part = row[at : at + WIDTH]
                yield name_of(Tile(level, at // WIDTH, len(part))), b"".join(part)
            row = [root(self._h, row[at : at + WIDTH]) for at in range(0, len(row) - len(row) % WIDTH, WIDTH)]
            level += 1

    def _bundle_roots(self) -> list[bytes]:
        """Return the roots of all full bundles: from here as far as the old tree reaches, then the source's."""
        roots: list[bytes] = []
        for number in range(-(-(self._new.tree_size >> _ROW) // WIDTH)):
            tile = tile_at(1, number, self._new.tree_size)
            if (number + 1) * WIDTH <= self._old.tree_size >> _ROW:
                data = self._mirror.tiles.read(tile)
            else:
                data = self._file(tile)
            hashes = split_hashes(data)
            if len(hashes) != tile.width:
                raise TamperedTilesError(f"the tile {tile.path} does not hold {tile.width} hashes")
            roots += hashes
        return roots

    def _root(self, roots: Sequence[bytes], rest: Sequence[bytes]) -> bytes:
        """Return the root over full bundles and the entries after them."""
        bundles = CompactRange(self._h)
        for bundle in roots:
            bundles.append(bundle)
        if not rest:
            return bundles.root()
        end = root(self._h, [leaf_hash(self._h, entry) for entry in rest])
        return bundles.root_before(end)

    def _entries(self, tile: Tile) -> list[bytes]:
        entries = decode_bundle(self._file(tile))
        if len(entries) != tile.width:
            raise TamperedTilesError(f"the bundle {tile.path} does not hold {tile.width} entries")
        return entries

    def _file(self, tile: Tile) -> bytes:
        """Read a tile; where it became full meanwhile, the full one begins with it."""
        data = self._mirror.source.read(name_of(tile), MAX_FILE)
        if data is None and tile.width < WIDTH:
            full = _wanted(self._mirror.source, name_of(tile._replace(width=WIDTH)), MAX_FILE)
            if tile.level == ENTRIES:
                return encode_bundle(decode_bundle(full)[: tile.width])
            return b"".join(split_hashes(full)[: tile.width])
        if data is None:
            raise MirrorSourceError(f"{name_of(tile)}: the source lacks it")
        return data


def _opened(mirror: Mirror, data: bytes) -> Signed:
    signed = open_checkpoint(data, origin=mirror.origin, keys=mirror.keys)
    if mirror.policy is not None and len(mirror.policy.times(signed.note)) < mirror.policy.quorum:
        raise InvalidNoteError("the checkpoint is not cosigned by the policy's quorum")
    return signed


def _wanted(source: Source, name: str, limit: int) -> bytes:
    data = source.read(name, limit)
    if data is None:
        raise MirrorSourceError(f"{name}: the source lacks it")
    return data


def _forked(mirror: Mirror, old: Signed | None, new: Signed) -> ForkedLogError:
    """Keep both checkpoints, each signed by the log: together they prove that it has two histories."""
    notes = [str(one.note) for one in (old, new) if one is not None]
    names = {f"{FORKS}/{sha256(note.encode()).hex()[:16]}": note.encode() for note in notes}
    mirror.tiles.files.write_new(names)
    sizes = [one.checkpoint.head.tree_size for one in (old, new) if one is not None]
    return ForkedLogError(
        f"FORK: {mirror.origin} has signed two histories, of {' and of '.join(map(str, sizes))} entries. Nothing was "
        f"taken over. Both signed checkpoints are kept as {' and '.join(names)}: publish them, and tell the witnesses",
        origin=mirror.origin,
    )
