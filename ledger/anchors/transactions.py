"""What the tables of transactions to the chain share: what was signed, before it was sent, and what became of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, Integer, LargeBinary, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db import UtcDateTime


class TransactionState(StrEnum):
    """How far a transaction is. `failed`: it is dead, refused by the contract or overtaken by another."""

    PREPARED = "prepared"
    SENT = "sent"
    MINED = "mined"
    FINAL = "final"
    FAILED = "failed"


class Transacted:
    """The columns of a transaction. A table has a row for each thing that is written to the chain, once.

    `raw_tx` is written before it is sent and resent unchanged; it changes only once the chain
    has shown that the transaction before it is dead (`attempts` counts those).
    """

    __tablename__: str

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    mode: Mapped[str] = mapped_column(String(16))
    label: Mapped[str] = mapped_column(String(200))
    chain_id: Mapped[int] = mapped_column(BigInteger)
    contract: Mapped[str] = mapped_column(String(42))
    nonce: Mapped[int | None] = mapped_column(BigInteger)
    """None where the chain held it already, written before the database was restored from a backup."""
    raw_tx: Mapped[bytes] = mapped_column(LargeBinary)
    tx_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int] = mapped_column(Integer)
    error: Mapped[str | None] = mapped_column(String(200))
    block_number: Mapped[int | None] = mapped_column(BigInteger)
    block_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
