"""The anchors' rows: short statements in the caller's transaction, every change a compare-and-swap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, select, tuple_
from sqlalchemy.orm import Session

from crypto.encoding import b64
from ledger.anchors.models import AnchorEndorsements, LogAnchor
from ledger.anchors.transactions import TransactionState
from ledger.formats.shard import FIRST
from ledger.models import LogCheckpoint
from ledger.store import PUBLISHED


class Contract(NamedTuple):
    """Which contract on which chain."""

    chain_id: int
    address: str


class Place(NamedTuple):
    """Which anchor: on which contract, of which shard, and of how large a tree."""

    chain_id: int
    contract: str
    shard: int
    tree_size: int


class PublishedHead(NamedTuple):
    """Size and root of a published checkpoint."""

    tree_size: int
    root_hash: bytes


@dataclass(frozen=True, slots=True)
class Endorsements:
    """Who endorsed an anchor, and when we first saw that; `asked_at`: when the contract was asked last."""

    needed: int
    endorsers: int
    confirmed: bool
    endorsed: Mapping[str, datetime]
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Anchor:
    """A final anchor, as bundles and pages show it."""

    mode: str
    label: str
    chain_id: int
    contract: str
    transaction: bytes
    block_number: int
    block_hash: bytes
    tree_size: int
    root_hash: bytes
    final_at: datetime
    shard: int = FIRST

    def as_bundle(self) -> dict[str, Any]:
        """Return the `anchor` member of a bundle: hashes of the chain in hex, of the log in base64."""
        return {
            "mode": self.mode,
            "chain_id": self.chain_id,
            "contract": self.contract,
            "transaction": f"0x{self.transaction.hex()}",
            "block_number": self.block_number,
            "block_hash": f"0x{self.block_hash.hex()}",
            "size": self.tree_size,
            "root": b64(self.root_hash),
        }


def anchor_of(session: Session, tree_size: int, *, shard: int = FIRST) -> Anchor | None:
    """Return the first final anchor of a shard's tree with at least `tree_size` entries."""
    statement = _final(shard).where(LogAnchor.tree_size >= tree_size)
    row = session.scalar(statement.order_by(LogAnchor.tree_size).limit(1))
    return None if row is None else _anchor(row)


def anchors(session: Session, limit: int, *, below: int | None = None, shard: int = FIRST) -> list[Anchor]:
    """Return a page of a shard's final anchors, the largest first; `below`: the smallest size of the page before."""
    statement = _final(shard)
    if below is not None:
        statement = statement.where(LogAnchor.tree_size < below)
    rows = session.scalars(statement.order_by(LogAnchor.tree_size.desc()).limit(limit))
    return [_anchor(row) for row in rows]


def newest_finals(session: Session, contract: Contract, limit: int) -> list[tuple[int, PublishedHead]]:
    """Return the final anchors of the newest shards' largest trees: shard, and size and root; the largest first."""
    statement = _on(contract).where(LogAnchor.state == TransactionState.FINAL)
    rows = session.scalars(statement.order_by(LogAnchor.shard.desc(), LogAnchor.tree_size.desc()).limit(limit))
    return [(row.shard, PublishedHead(row.tree_size, row.root_hash)) for row in rows]


def latest(session: Session, limit: int) -> Sequence[LogAnchor]:
    """Return the transactions that were begun last, in whatever state, the newest first."""
    return session.scalars(select(LogAnchor).order_by(LogAnchor.id.desc()).limit(limit)).all()


def endorsements(session: Session, places: Sequence[Place]) -> dict[Place, Endorsements]:
    """Return what is known of the endorsements at these places."""
    row = AnchorEndorsements
    columns = tuple_(row.chain_id, row.contract, row.shard, row.tree_size)
    found = session.scalars(select(row).where(columns.in_(places)))
    return {Place(one.chain_id, one.contract, one.shard, one.tree_size): _endorsements(one) for one in found}


def keep_endorsements(session: Session, place: Place, known: Endorsements) -> None:
    """Write down what the contract said of an anchor's endorsements, over what it said before."""
    session.merge(
        AnchorEndorsements(
            **place._asdict(),
            needed=known.needed,
            endorsers=known.endorsers,
            confirmed=known.confirmed,
            endorsed={address: at.isoformat() for address, at in known.endorsed.items()},
            asked_at=known.asked_at,
        )
    )


def unfinished(session: Session, contract: Contract) -> LogAnchor | None:
    """Return the one anchor on its way, of whichever shard, or the earliest if there should be several."""
    statement = _on(contract).where(LogAnchor.state != TransactionState.FINAL)
    return session.scalar(statement.order_by(LogAnchor.shard, LogAnchor.tree_size).limit(1))


def last_final(session: Session, contract: Contract, *, shard: int = FIRST) -> LogAnchor | None:
    """Return the final anchor of a shard's largest tree."""
    statement = _on(contract).where(LogAnchor.shard == shard, LogAnchor.state == TransactionState.FINAL)
    return session.scalar(statement.order_by(LogAnchor.tree_size.desc()).limit(1))


def newest_published(session: Session, *, above: int, at_most: int, shard: int = FIRST) -> PublishedHead | None:
    """Return a shard's largest published checkpoint within `above` < size <= `at_most`."""
    statement = (
        select(LogCheckpoint.tree_size, LogCheckpoint.root_hash)
        .where(
            LogCheckpoint.shard == shard,
            LogCheckpoint.state == PUBLISHED,
            LogCheckpoint.tree_size > above,
            LogCheckpoint.tree_size <= at_most,
        )
        .order_by(LogCheckpoint.tree_size.desc())
        .limit(1)
    )
    row = session.execute(statement).one_or_none()
    return None if row is None else PublishedHead(row.tree_size, row.root_hash)


def published_root(session: Session, tree_size: int, *, shard: int = FIRST) -> bytes | None:
    """Return the root of a shard's published checkpoint of this size, if there is one."""
    statement = select(LogCheckpoint.root_hash).where(
        LogCheckpoint.shard == shard, LogCheckpoint.tree_size == tree_size, LogCheckpoint.state == PUBLISHED
    )
    return session.scalar(statement)


def history(session: Session, contract: Contract) -> Sequence[LogAnchor]:
    """Return all anchors on a contract by shard and size: for checks, not for pages."""
    return session.scalars(_on(contract).order_by(LogAnchor.shard, LogAnchor.tree_size)).all()


def _final(shard: int) -> Select[LogAnchor]:
    return select(LogAnchor).where(LogAnchor.shard == shard, LogAnchor.state == TransactionState.FINAL)


def _on(contract: Contract) -> Select[LogAnchor]:
    return select(LogAnchor).where(LogAnchor.chain_id == contract.chain_id, LogAnchor.contract == contract.address)


def _anchor(row: LogAnchor) -> Anchor:
    if row.block_number is None or row.block_hash is None:
        raise AssertionError("a final anchor has its block")
    return Anchor(
        mode=row.mode,
        label=row.label,
        chain_id=row.chain_id,
        contract=row.contract,
        transaction=row.tx_hash,
        block_number=row.block_number,
        block_hash=row.block_hash,
        tree_size=row.tree_size,
        root_hash=row.root_hash,
        final_at=row.changed_at,
        shard=row.shard,
    )


def _endorsements(row: AnchorEndorsements) -> Endorsements:
    seen = {address: datetime.fromisoformat(at) for address, at in row.endorsed.items()}
    return Endorsements(row.needed, row.endorsers, row.confirmed, seen, row.asked_at)
