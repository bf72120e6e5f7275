"""What a bundle takes from the log: an entry's proof, and how far its publication is.

Where a function takes `tiles`, they are the first log's, among which those of later shards lie.

A proof is checked against the signed root before it is handed out: tiles are files, and a
wrong one must show here, not at an employer's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from crypto.encoding import b64
from ledger import place_store, store
from ledger.anchors.store import anchor_of, anchors
from ledger.errors import InvalidProofError, TamperedTilesError
from ledger.formats.merkle import (
    InclusionProof,
    Nodes,
    TreeHead,
    leaf_hash,
    prove_consistency_from,
    prove_inclusion_from,
    verify_consistency,
    verify_inclusion,
)
from ledger.formats.proof_text import ProvenEntry
from ledger.formats.shard import FIRST
from ledger.place_store import Placed
from ledger.queue_store import queued_among
from ledger.storage.tiles import Tiles
from ledger.store import CheckpointRow


class State(StrEnum):
    """How far an entry is. Each is a promise of its own, and includes those before it."""

    QUEUED = "queued"
    SEQUENCED = "sequenced"
    INTEGRATED = "integrated"
    PUBLISHED = "published"
    ANCHORED = "anchored"


@dataclass(frozen=True, slots=True)
class LogProof:
    """An entry's place under a published checkpoint of a shard, proved."""

    entry: bytes
    index: int
    path: tuple[bytes, ...]
    checkpoint: str
    tree_size: int
    published_at: datetime
    shard: int = FIRST

    @property
    def origin(self) -> str:
        """The shard's origin line, as its checkpoint has it."""
        return self.checkpoint.partition("\n")[0]

    def __str__(self) -> str:
        """Return the proof as a `.tlog-proof` file (C2SP tlog-proof)."""
        return str(ProvenEntry(InclusionProof(self.index, self.path), self.checkpoint))


@dataclass(frozen=True, slots=True)
class Publication:
    """How far an entry is, where it stands, and since when the world can check it."""

    state: State
    index: int | None = None
    tree_size: int | None = None
    published_at: datetime | None = None


def proof_of(
    session: Session, tiles: Tiles, commitment: bytes, *, tree_size: int | None = None, shard: int | None = None
) -> LogProof | None:
    """Prove one entry; see `proofs_of`. None if it is not published (by that checkpoint)."""
    return proofs_of(session, tiles, [commitment], tree_size=tree_size, shard=shard).get(commitment)


def proofs_of(
    session: Session,
    tiles: Tiles,
    commitments: Sequence[bytes],
    *,
    tree_size: int | None = None,
    shard: int | None = None,
) -> dict[bytes, LogProof]:
    """Prove entries under the first published checkpoint that holds each, or under that of `tree_size`.

    `shard`: where they must stand; else in the first shard that has them, or, with a
    `tree_size` alone, in the first log. Those that are not published yet, or not in that tree,
    are left out.

    Raises:
        TamperedTilesError: The tiles do not prove what was signed.
    """
    if tree_size is not None and shard is None:
        shard = FIRST
    by_shard: dict[int, dict[bytes, Placed]] = {}
    for commitment, at in place_store.placed(session, commitments, shard=shard).items():
        by_shard.setdefault(at.shard, {})[commitment] = at
    proofs: dict[bytes, LogProof] = {}
    for number, placed in by_shard.items():
        proofs |= _proofs_in(session, tiles.of(number), number, placed, tree_size)
    return proofs


def proofs_together(session: Session, tiles: Tiles, commitments: Sequence[bytes]) -> dict[bytes, LogProof]:
    """Prove entries under the first published checkpoint that holds them all; nothing where there is none.

    It is one of the first shard in which all of them stand.

    Raises:
        TamperedTilesError: The tiles do not prove what was signed.
    """
    wanted = set(commitments)
    found = place_store.places(session, commitments)
    published = [{at.shard: at.tree_size for at in standing if at.tree_size} for standing in found.values()]
    if len(found) < len(wanted) or not wanted:
        return {}
    common = set.intersection(*(set(sizes) for sizes in published))
    if not common:
        return {}
    shard = min(common)
    size = max(sizes[shard] for sizes in published)
    return proofs_of(session, tiles, commitments, tree_size=size, shard=shard)


def shard_of(session: Session, commitment: bytes) -> int:
    """Return the shard in which an entry stands, the first of several; the first log if it stands in none yet."""
    at = place_store.placed(session, [commitment]).get(commitment)
    return FIRST if at is None else at.shard


def _proofs_in(
    session: Session, tiles: Tiles, shard: int, placed: Mapping[bytes, Placed], tree_size: int | None
) -> dict[bytes, LogProof]:
    """Prove entries of one shard, whose own files `tiles` are."""
    sizes = {commitment: tree_size or at.tree_size for commitment, at in placed.items() if at.tree_size}
    checkpoints = store.published_checkpoints(session, sorted(set(filter(None, sizes.values()))), shard=shard)
    nodes = tiles.nodes(max(checkpoints, default=0))
    proofs: dict[bytes, LogProof] = {}
    for commitment, size in sizes.items():
        checkpoint = checkpoints.get(size or 0)
        if checkpoint is not None and placed[commitment].leaf_index < checkpoint.tree_size:
            proofs[commitment] = _proof(tiles, nodes, placed[commitment], checkpoint)
    return proofs


def preimage_of(session: Session, commitment: bytes) -> dict[str, Any] | None:
    """Return what the log publishes of an entry beside its commitment: statements and lists, nothing of a person."""
    return store.evidence(session, commitment)


def _proof(tiles: Tiles, nodes: Nodes, placed: Placed, checkpoint: CheckpointRow) -> LogProof:
    proof = prove_inclusion_from(tiles.hash, nodes, placed.leaf_index, checkpoint.tree_size)
    head = TreeHead(checkpoint.tree_size, checkpoint.root_hash)
    try:
        verify_inclusion(tiles.hash, leaf=leaf_hash(tiles.hash, placed.entry), proof=proof, head=head)
    except InvalidProofError as error:
        raise TamperedTilesError(f"the tiles do not prove entry {placed.leaf_index}") from error
    if checkpoint.published_at is None:
        raise AssertionError("a published checkpoint has its time")
    return LogProof(
        entry=placed.entry,
        index=proof.leaf_index,
        path=proof.path,
        checkpoint=checkpoint.note,
        tree_size=checkpoint.tree_size,
        published_at=checkpoint.published_at,
        shard=placed.shard,
    )


def bundle_anchor(session: Session, tree_size: int, shard: int = FIRST, *, tiles: Tiles) -> dict[str, Any] | None:
    """Return the `anchor` member of a bundle whose published checkpoint, of `shard`, has `tree_size` entries.

    Where the anchored tree is larger, `consistency` proves that it extends the checkpoint's.

    Raises:
        TamperedTilesError: The tiles do not prove what was signed and anchored.
    """
    found, tiles = anchor_of(session, tree_size, shard=shard), tiles.of(shard)
    if found is None or found.tree_size == tree_size:
        return None if found is None else found.as_bundle()
    checkpoint = store.published_checkpoints(session, [tree_size], shard=shard).get(tree_size)
    if checkpoint is None:
        return found.as_bundle()
    path = prove_consistency_from(tiles.hash, tiles.nodes(found.tree_size), tree_size, found.tree_size)
    old, new = TreeHead(tree_size, checkpoint.root_hash), TreeHead(found.tree_size, found.root_hash)
    try:
        verify_consistency(tiles.hash, old=old, new=new, path=path)
    except InvalidProofError as error:
        raise TamperedTilesError(f"the tiles do not prove that {new.tree_size} extends {tree_size}") from error
    return found.as_bundle() | {"consistency": [b64(node) for node in path]}


def publication(session: Session, commitments: Sequence[bytes]) -> dict[bytes, Publication]:
    """Tell how far `commitments` are; those that were never submitted are left out."""
    found = {commitment: Publication(State.QUEUED) for commitment in queued_among(session, commitments)}
    placed = place_store.placed(session, commitments)
    if not placed:
        return found
    integrated = store.integrated_sizes(session)
    anchored: dict[int, int] = {}
    checkpoints: dict[tuple[int, int], CheckpointRow] = {}
    for shard in {at.shard for at in placed.values()}:
        anchored[shard] = max((anchor.tree_size for anchor in anchors(session, 1, shard=shard)), default=0)
        sizes = sorted({at.tree_size for at in placed.values() if at.tree_size and at.shard == shard})
        for size, row in store.published_checkpoints(session, sizes, shard=shard).items():
            checkpoints[shard, size] = row
    for commitment, at in placed.items():
        checkpoint = checkpoints.get((at.shard, at.tree_size or 0))
        if checkpoint is None:
            state = State.INTEGRATED if at.leaf_index < integrated.get(at.shard, 0) else State.SEQUENCED
            found[commitment] = Publication(state, at.leaf_index)
        else:
            size, moment = checkpoint.tree_size, checkpoint.published_at
            state = State.ANCHORED if size <= anchored[at.shard] else State.PUBLISHED
            found[commitment] = Publication(state, at.leaf_index, size, moment)
    return found
