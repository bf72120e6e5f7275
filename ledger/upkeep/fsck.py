"""Check a whole log: entries, tiles and checkpoints against each other, from the first leaf on.

Reads everything once and changes nothing. All tiles are made again from the database's entries;
so are the roots, and each checkpoint that was ever signed must have its own. `ledger.upkeep.repair`
puts damaged tiles right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ledger import store
from ledger.errors import EntryNotFoundError, InvalidNoteError, LedgerError, LogRolledBackError
from ledger.formats.checkpoint import open_checkpoint
from ledger.formats.rebuilding import Rebuild, narrowed
from ledger.formats.tile import ENTRIES, HASH_SIZE, WIDTH, Tile, parse_tile, tile_at
from ledger.formats.vkey import VerifierKey
from ledger.log import LogServices
from ledger.publication.continuity import current_head
from ledger.storage.files import Files
from ledger.storage.tiles import CHECKPOINT, name_of
from ledger.store import CheckpointRow

FOLDER = "tile"


class Finding(NamedTuple):
    """What does not fit: the file (or the database), and in which way."""

    where: str
    what: str

    def __str__(self) -> str:
        """Return one English sentence."""
        return f"{self.where}: {self.what}"


class Damaged(NamedTuple):
    """A file that is not as the entries make it, and what it has to hold."""

    finding: Finding
    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Listing:
    """The names that were there at the start: partial tiles by their place, and names of no tile."""

    partial: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    last: dict[int, Tile] = field(default_factory=dict)
    strange: list[str] = field(default_factory=list)


def findings(log: LogServices, keys: Sequence[VerifierKey] = ()) -> Iterator[Finding]:
    """Give what does not fit; nothing for a log that is whole.

    `keys`: the log's verifier keys; with them, every stored checkpoint's signatures are checked.
    """
    try:
        # All that grows is read before the head: a log at work has no findings either.
        listing, published = listed(log.tiles.files), log.tiles.read_checkpoint()
        with log.database.read() as session:
            rows = store.checkpoints(session, shard=log.shard)
        head = current_head(log)
        end, known = head.integrated.tree_size, head.sequenced_size
        roots = {row.tree_size: row.root_hash for row in rows}
        rebuild = Rebuild(log.tiles.hash, {*roots, end})
        for problem in damage(log, rebuild, listing, end=end, known=known):
            yield problem.finding
        yield from _other_roots(rebuild, {**roots, end: head.integrated.root_hash})
        yield from strangers(listing, known)
        if published is not None and published not in {row.note for row in rows}:
            yield Finding(CHECKPOINT, "differs from the checkpoint of this size in the database")
        yield from _notes(log, rows, keys)
    except LedgerError as error:  # The rest hangs on what could not be read.
        yield Finding(CHECKPOINT if isinstance(error, InvalidNoteError) else "log", str(error))


def damage(log: LogServices, rebuild: Rebuild, listing: Listing, *, end: int, known: int) -> Iterator[Damaged]:
    """Give each tile that is not as the first `known` entries make it, or that the tree of `end` lacks.

    Raises:
        LogRolledBackError: The database lacks entries that have an index.
    """
    files = log.tiles.files
    for tile, data in tiles_of(log, rebuild, known):
        yield from _damage_at(files, tile, data, listing.partial.get(tile[:2], []), tile_at(*tile[:2], end).width)


def tiles_of(log: LogServices, rebuild: Rebuild, end: int) -> Iterator[tuple[Tile, bytes]]:
    """Give the tiles over the database's first `end` entries.

    Raises:
        LogRolledBackError: It lacks some of them.
    """
    for begin in range(0, end, WIDTH):
        stop = min(begin + WIDTH, end)
        with log.database.read() as session:
            entries = store.entries(session, begin, stop, shard=log.shard)
        if len(entries) != stop - begin:
            raise LogRolledBackError(
                f"the database lacks entries between {begin} and {stop}", published=end, known=begin
            )
        yield from rebuild.add(entries)
    yield from rebuild.end()


def listed(files: Files) -> Listing:
    """Look through the names of the log's tiles."""
    listing = Listing()
    for name in files.names(FOLDER):
        try:
            tile = parse_tile(name.removeprefix(f"{FOLDER}/"))
        except EntryNotFoundError:
            listing.strange.append(name)
            continue
        if tile.width < WIDTH:
            listing.partial.setdefault(tile[:2], []).append(tile.width)
        listing.last[tile.level] = max(listing.last.get(tile.level, tile), tile)
    return listing


def strangers(listing: Listing, known: int) -> Iterator[Finding]:
    """Give the names that no tile has, and the tiles that reach beyond the entries."""
    for name in listing.strange:
        yield Finding(name, "no file of a log is called that")
    for tile in listing.last.values():
        if tile.width > tile_at(tile.level, tile.number, known).width:
            yield Finding(name_of(tile), f"reaches beyond the {known} entries of the database")


def _damage_at(files: Files, tile: Tile, data: bytes, partial: Sequence[int], wanted: int) -> Iterator[Damaged]:
    """Compare the files of one tile, which holds `data`; a tree that needs it is `wanted` wide there."""
    there = False
    for width in sorted({*partial, min(wanted, WIDTH), tile.width}):
        if not 0 < width <= tile.width:
            continue
        at = tile._replace(width=width)
        found, due = files.read(name_of(at)), narrowed(tile, data, width)
        there = there or (found is not None and width >= wanted)
        if found is not None and found != due:
            yield Damaged(Finding(name_of(at), _difference(at, found, due)), name_of(at), due)
    if wanted > 0 and not there:
        at, due = tile._replace(width=wanted), narrowed(tile, data, wanted)
        full = files.read(name_of(tile._replace(width=WIDTH)))  # It may have become full since the head was read.
        if full is None or not full.startswith(due):
            yield Damaged(Finding(name_of(at), "is missing"), name_of(at), due)


def _difference(tile: Tile, found: bytes, due: bytes) -> str:
    if len(found) != len(due):
        return f"is {len(found)} bytes long, and should be {len(due)}"
    at = next(index for index in range(len(due)) if found[index] != due[index])
    if tile.level == ENTRIES:
        return f"differs from the database at byte {at}"
    number = at // HASH_SIZE
    first = (tile.number * WIDTH + number) << 8 * tile.level
    last = first + (1 << 8 * tile.level) - 1
    over = f"entry {first}" if first == last else f"entries {first} to {last}"
    begin = number * HASH_SIZE
    old, new = found[begin : begin + HASH_SIZE], due[begin : begin + HASH_SIZE]
    return f"hash {number} of the tile, over {over}, is {old.hex()} and should be {new.hex()}"


def _other_roots(rebuild: Rebuild, roots: Mapping[int, bytes]) -> Iterator[Finding]:
    for size, root in sorted(roots.items()):
        if rebuild.roots.get(size) != root:
            yield Finding("database", f"the entries do not lead to the root of {size} entries that was signed or kept")


def _notes(log: LogServices, rows: Sequence[CheckpointRow], keys: Sequence[VerifierKey]) -> Iterator[Finding]:
    """Check that the log has signed what its database says that it did."""
    for row in rows if keys else ():
        try:
            head = open_checkpoint(row.note, origin=log.origin, keys=keys).checkpoint.head
        except InvalidNoteError as error:
            yield Finding("database", f"the checkpoint of {row.tree_size} entries: {error}")
            continue
        if head != (row.tree_size, row.root_hash):
            yield Finding("database", f"the checkpoint of {row.tree_size} entries says another head than its row")
