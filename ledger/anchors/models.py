"""The tables of anchors: checkpoints that were signed for the chain, what became of them, and who endorsed them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, BigInteger, Boolean, Index, Integer, LargeBinary, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db import Base, UtcDateTime
from ledger.anchors.transactions import Transacted


class LogAnchor(Transacted, Base):
    """One checkpoint on its way to the chain. A shard's tree size has one row on a contract, and one nonce has one."""

    __tablename__ = "log_anchor"
    __table_args__ = (
        UniqueConstraint("chain_id", "contract", "shard", "tree_size"),
        UniqueConstraint("chain_id", "contract", "nonce"),
        Index("ix_log_anchor_state", "shard", "state", "tree_size"),
    )

    shard: Mapped[int] = mapped_column(SmallInteger)
    tree_size: Mapped[int] = mapped_column(BigInteger)
    root_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    previous_size: Mapped[int] = mapped_column(BigInteger)
    previous_root: Mapped[bytes] = mapped_column(LargeBinary(32))


class AnchorEndorsements(Base):
    """What the contract said of an anchor's endorsements when it was asked last. A page shows it; nothing relies on it.

    `endorsed`: address of each endorser -> when we first saw its endorsement (ISO 8601). `endorsers`:
    how many may endorse; `needed`: how many confirm.
    """

    __tablename__ = "log_anchor_endorsements"

    chain_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    contract: Mapped[str] = mapped_column(String(42), primary_key=True)
    shard: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    tree_size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    needed: Mapped[int] = mapped_column(Integer)
    endorsers: Mapped[int] = mapped_column(Integer)
    confirmed: Mapped[bool] = mapped_column(Boolean)
    endorsed: Mapped[dict[str, str]] = mapped_column(JSON)
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
