"""The table of anchors: what was signed for the chain, before it was sent, and what became of it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, String, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db import Base, UtcDateTime


class LogAnchor(Base):
    """One checkpoint on its way to the chain. A tree size has one row on a contract, and one nonce has one.

    `raw_tx` is written before it is sent and resent unchanged; it changes only once the chain
    has shown that the transaction before it is dead (`attempts` counts those).
    """

    __tablename__ = "log_anchor"
    __table_args__ = (
        UniqueConstraint("chain_id", "contract", "tree_size"),
        UniqueConstraint("chain_id", "contract", "nonce"),
        Index("ix_log_anchor_state", "state", "tree_size"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    mode: Mapped[str] = mapped_column(String(16))
    label: Mapped[str] = mapped_column(String(64))
    chain_id: Mapped[int] = mapped_column(BigInteger)
    contract: Mapped[str] = mapped_column(String(42))
    tree_size: Mapped[int] = mapped_column(BigInteger)
    root_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    previous_size: Mapped[int] = mapped_column(BigInteger)
    previous_root: Mapped[bytes] = mapped_column(LargeBinary(32))
    nonce: Mapped[int] = mapped_column(BigInteger)
    raw_tx: Mapped[bytes] = mapped_column(LargeBinary)
    tx_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int] = mapped_column(Integer)
    error: Mapped[str | None] = mapped_column(String(200))
    block_number: Mapped[int | None] = mapped_column(BigInteger)
    block_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
