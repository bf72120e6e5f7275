"""A copy of a log in another organisation's hands: the same files, believed in nothing.

Before a byte is kept, the checkpoint is signed by the log (and cosigned, where a policy asks
for it), its tree extends the tree that is here, and every leaf leads to its root. A source
that shows another history is refused, and both signed checkpoints are kept: they are the
proof. Ended anywhere, the next run goes on from what is here.

Works for any log in the layout of C2SP tlog-tiles. Holds 32 bytes for each 256 entries.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from crypto.hashes import sha256
from ledger.errors import ForkedLogError, InvalidNoteError
from ledger.formats.checkpoint import Signed, WitnessPolicy, open_checkpoint
from ledger.formats.merkle import Hash, TreeHead, leaf_hash, root, root_from
from ledger.formats.note import MAX_SIZE
from ledger.formats.tile import ENTRIES, WIDTH, Tile, encode_bundle, split_hashes
from ledger.formats.vkey import VerifierKey
from ledger.storage.tiles import CHECKPOINT, Tiles, name_of
from ledger.upkeep.reading import ROW, Here, Reading, Source, extension, wanted

FORKS: Final = "forks"


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
    new_note = _opened(mirror, wanted(mirror.source, CHECKPOINT, MAX_SIZE))
    new = new_note.checkpoint.head
    if new.tree_size <= old.tree_size:  # The same again, or a cache that lags: a prefix, or another history.
        if root_from(mirror.tiles.hash, mirror.tiles.nodes(old.tree_size), new.tree_size) != new.root_hash:
            raise _forked(mirror, old_note, new_note)
        return 0
    reading = extension(
        mirror.source, mirror.tiles.hash, old=old, known=_known(mirror, old), new=new, here=_here(mirror)
    )
    if reading is None:
        raise _forked(mirror, old_note, new_note)
    _keep(mirror, reading, old.tree_size)
    mirror.tiles.write_checkpoint(str(new_note.note))
    mirror.tiles.prune(old.tree_size, new.tree_size)
    return new.tree_size - old.tree_size


def _keep(mirror: Mirror, reading: Reading, old_size: int) -> None:
    """Bring everything over, each bundle checked against its root, what is lower before what is higher."""
    files, h = mirror.tiles.files, mirror.tiles.hash
    for bundles in reading.bundles(old_size // WIDTH):
        batch: dict[str, bytes] = {}
        for number, entries in bundles:
            batch.update(_bottom(h, number, entries))
        files.write_new(batch)
    top = dict(_bottom(h, len(reading.roots), reading.rest)) if reading.rest else {}
    top.update(_above(h, reading.roots, old_size))
    files.write_new(top)


def _bottom(h: Hash, number: int, entries: Sequence[bytes]) -> Iterator[tuple[str, bytes]]:
    leaves = b"".join(leaf_hash(h, entry) for entry in entries)
    yield name_of(Tile(ENTRIES, number, len(entries))), encode_bundle(entries)
    yield name_of(Tile(0, number, len(entries))), leaves


def _above(h: Hash, roots: Sequence[bytes], old_size: int) -> Iterator[tuple[str, bytes]]:
    """Give the tiles of level 1 and above that the new tree has and the old one had not."""
    level, row = 1, roots
    while row:
        first = old_size >> ROW * (level + 1)
        for at in range(first * WIDTH, len(row), WIDTH):
            part = row[at : at + WIDTH]
            yield name_of(Tile(level, at // WIDTH, len(part))), b"".join(part)
        row = [root(h, row[at : at + WIDTH]) for at in range(0, len(row) - len(row) % WIDTH, WIDTH)]
        level += 1


def _known(mirror: Mirror, old: TreeHead) -> list[bytes]:
    """Return the roots of full bundles that are here, as far as the full tiles of the old tree reach."""
    tiles = range(old.tree_size >> 2 * ROW)
    return [one for number in tiles for one in split_hashes(mirror.tiles.read(Tile(1, number)))]


def _here(mirror: Mirror) -> Here:
    return lambda tile: mirror.tiles.files.read(name_of(tile))


def _opened(mirror: Mirror, data: bytes) -> Signed:
    signed = open_checkpoint(data, origin=mirror.origin, keys=mirror.keys)
    if mirror.policy is not None and len(mirror.policy.times(signed.note)) < mirror.policy.quorum:
        raise InvalidNoteError("the checkpoint is not cosigned by the policy's quorum")
    return signed


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
