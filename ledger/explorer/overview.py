"""What the explorer shows: how the log grows, who witnessed it, where it is anchored, one entry's path.

Reads only. It convinces nobody who distrusts this server; the files under /log/ do.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy.orm import Session

from crypto.encoding import b64
from ledger import place_store, shard_store, store
from ledger.anchors.store import Anchor, Endorsements, Place, anchor_of, anchors, endorsements
from ledger.anchors.store import latest as latest_anchors
from ledger.anchors.transactions import Transacted
from ledger.bundles import LogProof, Publication, bundle_anchor, proof_of, publication
from ledger.errors import EntryNotFoundError
from ledger.explorer import drawing
from ledger.explorer import store as explorer_store
from ledger.explorer.drawing import Step, TreeDrawing
from ledger.formats.checkpoint import WitnessPolicy
from ledger.formats.entry import Entry, EntryType
from ledger.formats.merkle import InclusionProof, leaf_hash
from ledger.formats.note import parse_note
from ledger.formats.shard import FIRST, name_of
from ledger.log import LogServices
from ledger.records import store as record_store
from ledger.shard_store import Shard
from ledger.store import CheckpointRow

PAGE: Final = 10
CURVE: Final = 60
TRANSACTIONS: Final = 8
DAY: Final = timedelta(days=1)
PROOF_FORMAT: Final = "xinji/log-proof/1"


@dataclass(frozen=True, slots=True)
class CheckpointView:
    """A published checkpoint with its witnesses and the first anchor that covers it."""

    tree_size: int
    root: str
    published_at: datetime | None
    witnesses: tuple[tuple[str, datetime], ...]
    anchor: Anchor | None


@dataclass(frozen=True, slots=True)
class WaitingView:
    """A checkpoint that waits for its quorum: since when, who has cosigned, and whose word is missing."""

    tree_size: int
    signed_at: datetime
    cosigned: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Growth:
    """By how many entries the log grew over the last day, or since its first checkpoint if that is later."""

    entries: int
    hours: float
    points: str
    since: datetime | None
    first_size: int


@dataclass(frozen=True, slots=True)
class Overview:
    """One page of a shard's checkpoints, the newest first; `older` is where the next page begins."""

    shard: int
    name: str
    shards: tuple[Shard, ...]
    origin: str
    hash_name: str
    quorum: int
    organisations: int
    tree_size: int
    queued: int
    unpublished: int
    growth: Growth
    waiting: WaitingView | None
    checkpoints: tuple[CheckpointView, ...]
    older: int | None


@dataclass(frozen=True, slots=True)
class EntryView:
    """What can be said of a commitment: how far it is and, once published, its path to the root."""

    commitment: str
    publication: Publication
    entry: Entry | None
    leaf: bytes | None
    steps: tuple[Step, ...]
    tree: TreeDrawing | None
    proof: LogProof | None
    anchor: Anchor | None

    @property
    def has_evidence(self) -> bool:
        """Whether the entry's preimage is public."""
        return self.entry is not None and self.entry.type is not EntryType.CREDENTIAL


@dataclass(frozen=True, slots=True)
class AnchorView:
    """An anchor, and what is known of its endorsements; None where nobody endorses, or nobody was asked yet."""

    anchor: Anchor
    endorsements: Endorsements | None


@dataclass(frozen=True, slots=True)
class TransactionView:
    """One transaction of ours. `tree_size` for an anchor; else `code`, and the commitment of the entry that is told."""

    kind: Literal["anchor", "registry", "status"]
    tree_size: int | None
    code: str | None
    commitment: str | None
    state: str
    block_number: int | None
    tx_hash: bytes
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class ChainView:
    """A page of a shard's anchors, the largest first, `older` is where the next begins; and our latest transactions."""

    shard: int
    shards: tuple[Shard, ...]
    anchors: tuple[AnchorView, ...]
    older: int | None
    transactions: tuple[TransactionView, ...]


def overview(session: Session, log: LogServices, *, below: int | None = None, shard: int | None = None) -> Overview:
    """Return a page of checkpoints, the log's growth, and what still waits; of the open shard unless another is named.

    `log` is the first log.

    Raises:
        EntryNotFoundError: There is no such shard.
    """
    shards = shard_store.shards(session)
    number = shard_store.open_shard(session) if shard is None else shard
    if number not in {FIRST, *(one.number for one in shards)}:
        raise EntryNotFoundError("there is no such shard")
    log = log.of(number)
    rows = store.latest_published(session, PAGE + 1, below=below, shard=number)
    latest = store.latest_published(session, CURVE, shard=number)
    published = latest[0].tree_size if latest else 0
    sizes = explorer_store.sizes(session, shard=number)
    return Overview(
        shard=number,
        name=name_of(number),
        shards=tuple(reversed(shards)),
        origin=log.origin,
        hash_name=log.tiles.hash_name,
        quorum=log.policy.quorum,
        organisations=len(log.policy.organisations),
        tree_size=published,
        queued=sizes.queued,
        unpublished=max(sizes.sequenced - published, 0),
        growth=_growth(session, latest, log.clock.now(), number),
        waiting=_waiting(session, log.policy, number, above=published),
        checkpoints=tuple(_view(session, log.policy, row, number) for row in rows[:PAGE]),
        older=rows[PAGE - 1].tree_size if len(rows) > PAGE else None,
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
        return EntryView(commitment.hex(), found, None, None, (), None, None, None)
    h = log.tiles.hash
    leaf = leaf_hash(h, proof.entry)
    path = drawing.steps(h, leaf, InclusionProof(proof.index, proof.path), proof.tree_size)
    return EntryView(
        commitment=commitment.hex(),
        publication=found,
        entry=Entry.decode(proof.entry),
        leaf=leaf,
        steps=path,
        tree=drawing.draw_path(leaf, proof.index, path),
        proof=proof,
        anchor=anchor_of(session, proof.tree_size, shard=proof.shard),
    )


def chain_view(session: Session, *, below: int | None = None, shard: int | None = None) -> ChainView:
    """Return a page of final anchors with their endorsements; on the first page, our latest transactions too.

    Of the open shard unless another is named; the transactions are those of all.
    """
    number = shard_store.open_shard(session) if shard is None else shard
    found = anchors(session, PAGE + 1, below=below, shard=number)
    places = [Place(one.chain_id, one.contract, number, one.tree_size) for one in found[:PAGE]]
    known = endorsements(session, places) if places else {}
    shown = tuple(AnchorView(one, known.get(place)) for one, place in zip(found, places, strict=False))
    older = found[PAGE - 1].tree_size if len(found) > PAGE else None
    shards = tuple(reversed(shard_store.shards(session)))
    return ChainView(number, shards, shown, older, _transactions(session) if below is None else ())


def proof_json(session: Session, log: LogServices, proof: LogProof) -> dict[str, Any]:
    """Return a proof as JSON: the `log` and `anchor` members of a bundle, with the tree's hash beside them.

    Raises:
        TamperedTilesError: The tiles do not prove what was signed and anchored.
    """
    return {
        "format": PROOF_FORMAT,
        "hash": log.tiles.hash_name,
        "log": {
            "origin": proof.origin,
            "entry": b64(proof.entry),
            "index": proof.index,
            "path": [b64(node) for node in proof.path],
            "checkpoint": proof.checkpoint,
        },
        "anchor": bundle_anchor(session, proof.tree_size, proof.shard, tiles=log.tiles),
    }


def _transactions(session: Session) -> tuple[TransactionView, ...]:
    """Return our latest transactions of all kinds, the newest first."""
    told = record_store.latest(session, TRANSACTIONS)
    entries = place_store.placed(session, [row.commitment for row in told])
    found = [
        (row.id, _transaction(row, "anchor", tree_size=row.tree_size)) for row in latest_anchors(session, TRANSACTIONS)
    ]
    for row in told:
        placed = entries.get(row.commitment)
        is_list = placed is not None and placed.entry[:1] == bytes((EntryType.STATUS_LIST,))
        kind: Literal["status", "registry"] = "status" if is_list else "registry"
        found.append((row.id, _transaction(row, kind, code=row.code, commitment=row.commitment.hex())))
    return tuple(view for _, view in sorted(found, key=lambda pair: pair[0], reverse=True)[:TRANSACTIONS])


def _transaction(
    row: Transacted,
    kind: Literal["anchor", "registry", "status"],
    *,
    tree_size: int | None = None,
    code: str | None = None,
    commitment: str | None = None,
) -> TransactionView:
    return TransactionView(kind, tree_size, code, commitment, row.state, row.block_number, row.tx_hash, row.changed_at)


def _growth(session: Session, latest: list[CheckpointRow], now: datetime, shard: int) -> Growth:
    before = explorer_store.published_before(session, now - DAY, shard=shard)
    points = [(row.published_at.timestamp(), row.tree_size) for row in reversed(latest) if row.published_at]
    oldest = latest[-1] if latest else None
    if before is None or oldest is None:
        return Growth(0, 0, "", None, 0)
    size, since = before
    hours = min((now - since) / timedelta(hours=1), DAY / timedelta(hours=1))
    grown = latest[0].tree_size - size
    return Growth(grown, hours, drawing.draw_growth(points), oldest.published_at, oldest.tree_size)


def _waiting(session: Session, policy: WitnessPolicy, shard: int, *, above: int) -> WaitingView | None:
    row = explorer_store.waiting_checkpoint(session, above=above, shard=shard)
    if row is None:
        return None
    cosigned = policy.times(parse_note(row.note))
    missing = [one.name for one in policy.organisations if one.name not in cosigned]
    return WaitingView(row.tree_size, row.signed_at, tuple(sorted(cosigned)), tuple(missing))


def _view(session: Session, policy: WitnessPolicy, row: CheckpointRow, shard: int) -> CheckpointView:
    times = policy.times(parse_note(row.note))
    return CheckpointView(
        tree_size=row.tree_size,
        root=b64(row.root_hash),
        published_at=row.published_at,
        witnesses=tuple((name, datetime.fromtimestamp(time, UTC)) for name, time in sorted(times.items())),
        anchor=anchor_of(session, row.tree_size, shard=shard),
    )
