"""What the explorer shows: how the log grew, who witnessed it, where it is anchored, one entry's path.

Reads only. It convinces nobody who distrusts this server; the files under /log/ do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy.orm import Session

from crypto.encoding import b64
from ledger import store
from ledger.anchor_store import Anchor, anchor_of
from ledger.bundles import LogProof, Publication, proof_of, publication
from ledger.checkpoint import WitnessPolicy
from ledger.entry import Entry, EntryType
from ledger.log import LogServices
from ledger.merkle import Hash, leaf_hash, node_hash
from ledger.note import parse_note
from ledger.store import CheckpointRow

PAGE: Final = 10
CURVE: Final = 60
WIDTH: Final = 600
HEIGHT: Final = 120


@dataclass(frozen=True, slots=True)
class CheckpointView:
    """A published checkpoint with its witnesses and the first anchor that covers it."""

    tree_size: int
    root: str
    published_at: datetime | None
    witnesses: tuple[tuple[str, datetime], ...]
    anchor: Anchor | None


@dataclass(frozen=True, slots=True)
class Overview:
    """One page of checkpoints, the newest first; `older` is where the next page begins."""

    origin: str
    hash_name: str
    quorum: int
    organisations: int
    tree_size: int
    checkpoints: tuple[CheckpointView, ...]
    older: int | None
    curve: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a path: the neighbour, the side it stands on, and what the two hash to."""

    side: str
    sibling: str
    node: str


@dataclass(frozen=True, slots=True)
class EntryView:
    """What can be said of a commitment: how far it is and, once published, its path to the root."""

    commitment: str
    publication: Publication
    entry: Entry | None
    leaf: str | None
    steps: tuple[Step, ...]
    proof: LogProof | None

    @property
    def has_evidence(self) -> bool:
        """Whether the entry's preimage is public."""
        return self.entry is not None and self.entry.type is not EntryType.CREDENTIAL


def overview(session: Session, log: LogServices, *, below: int | None = None) -> Overview:
    """Return a page of checkpoints and the curve of the log's growth."""
    rows = store.latest_published(session, PAGE + 1, below=below)
    latest = store.latest_published(session, CURVE)
    return Overview(
        origin=log.origin,
        hash_name=log.tiles.hash_name,
        quorum=log.policy.quorum,
        organisations=len(log.policy.organisations),
        tree_size=latest[0].tree_size if latest else 0,
        checkpoints=tuple(_view(session, log.policy, row) for row in rows[:PAGE]),
        older=rows[PAGE - 1].tree_size if len(rows) > PAGE else None,
        curve=curve([row.tree_size for row in reversed(latest)]),
    )


def look_up(session: Session, log: LogServices, commitment: bytes) -> EntryView | None:
    """Return what the log knows of `commitment`; None if it was never submitted.

    Raises:
        TamperedTilesError: The tiles do not prove what was signed.
    """
    found = publication(session, [commitment]).get(commitment)
    if found is None:
        return None
    proof = proof_of(session, log.tiles, commitment)
    if proof is None:
        return EntryView(commitment.hex(), found, None, None, (), None)
    h = log.tiles.hash
    leaf = leaf_hash(h, proof.entry)
    return EntryView(
        commitment=commitment.hex(),
        publication=found,
        entry=Entry.decode(proof.entry),
        leaf=b64(leaf),
        steps=steps(h, leaf, proof),
        proof=proof,
    )


def steps(h: Hash, leaf: bytes, proof: LogProof) -> tuple[Step, ...]:
    """Return the path from `leaf` to the root, as `ledger.merkle.verify_inclusion` walks it."""
    made: list[Step] = []
    node, at, last = leaf, proof.index, proof.tree_size - 1
    for sibling in proof.path:
        left = bool(at % 2 or at == last)
        node = node_hash(h, sibling, node) if left else node_hash(h, node, sibling)
        made.append(Step("left" if left else "right", b64(sibling), b64(node)))
        while left and at and at % 2 == 0:
            at, last = at // 2, last // 2
        at, last = at // 2, last // 2
    return tuple(made)


def curve(sizes: Sequence[int]) -> str:
    """Return the points of an SVG polyline over growing sizes, in a box of WIDTH by HEIGHT."""
    if len(sizes) < 2:  # noqa: PLR2004 - a line needs two points
        return ""
    low, high = sizes[0], sizes[-1]
    step = WIDTH / (len(sizes) - 1)
    points = ((at * step, HEIGHT - HEIGHT * (size - low) / (high - low)) for at, size in enumerate(sizes))
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _view(session: Session, policy: WitnessPolicy, row: CheckpointRow) -> CheckpointView:
    times = policy.times(parse_note(row.note))
    return CheckpointView(
        tree_size=row.tree_size,
        root=b64(row.root_hash),
        published_at=row.published_at,
        witnesses=tuple((name, datetime.fromtimestamp(time, UTC)) for name, time in sorted(times.items())),
        anchor=anchor_of(session, row.tree_size),
    )
