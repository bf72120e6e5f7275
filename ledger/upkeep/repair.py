"""Put a log's damaged files right, from the entries in its database.

First everything is made again in memory and compared with every root that was ever signed:
entries that do not lead there repair nothing. What is replaced is kept aside. What only the
published checkpoint knows (that the log was larger once) is never taken away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from secrets import token_hex

from ledger import store
from ledger.errors import TamperedTilesError
from ledger.formats.checkpoint import open_checkpoint
from ledger.formats.note import parse_note
from ledger.formats.rebuilding import Rebuild
from ledger.formats.vkey import VerifierKey
from ledger.log import LogServices
from ledger.publication.continuity import current_head
from ledger.storage.tiles import CHECKPOINT
from ledger.upkeep.fsck import Finding, damage, listed, tiles_of

ASIDE = "damaged"


def repair(log: LogServices, keys: Sequence[VerifierKey] = ()) -> Iterator[Finding]:
    """Replace damaged and missing files; give each finding once it was put right.

    `keys`: the log's verifier keys, which a replaced checkpoint must be signed by.

    Raises:
        LogRolledBackError: The database is older than the published log: restore that first.
        TamperedTilesError: The database's entries do not lead to what was signed.
    """
    aside = f"{ASIDE}/{log.clock.now():%Y%m%dT%H%M%S}-{token_hex(4)}"
    yield from _checkpoint(log, keys, aside)
    listing = listed(log.tiles.files)
    with log.database.read() as session:
        rows = store.checkpoints(session, shard=log.shard)
    head = current_head(log)
    roots = {row.tree_size: row.root_hash for row in rows} | {head.integrated.tree_size: head.integrated.root_hash}
    _refuse_other_entries(log, roots, head.sequenced_size)
    rebuild = Rebuild(log.tiles.hash, ())
    for found in damage(log, rebuild, listing, end=head.integrated.tree_size, known=head.sequenced_size):
        log.tiles.files.replace(found.name, found.content, aside=f"{aside}/{found.name}")
        yield found.finding


def _refuse_other_entries(log: LogServices, roots: dict[int, bytes], known: int) -> None:
    rebuild = Rebuild(log.tiles.hash, roots)
    for _ in tiles_of(log, rebuild, known):
        pass
    other = [size for size, root in roots.items() if rebuild.roots.get(size) != root]
    if other:
        raise TamperedTilesError(
            f"the database's entries do not lead to the signed root of {min(other)} entries, so nothing was replaced: "
            "restore the database from a backup, or its entries from a mirror"
        )


def _checkpoint(log: LogServices, keys: Sequence[VerifierKey], aside: str) -> Iterator[Finding]:
    """Bring back the published file where only its signatures suffered: its text is that of a published row."""
    found = log.tiles.files.read(CHECKPOINT)
    if found is None:
        return
    with log.database.read() as session:
        notes = [row.note for row in store.checkpoints(session, shard=log.shard) if row.state == store.PUBLISHED]
    if any(note.encode() == found for note in notes):
        return
    for note in notes:
        if found.startswith(parse_note(note).text.encode() + b"\n"):
            if keys:
                open_checkpoint(note, origin=log.origin, keys=keys)
            log.tiles.files.replace(CHECKPOINT, note.encode(), aside=f"{aside}/{CHECKPOINT}")
            yield Finding(CHECKPOINT, "differed from the checkpoint of this size in the database")
            return
