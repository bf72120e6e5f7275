"""The log's tables: what waits, what has its index, how far the tree is, what was signed.

The database holds the queue, the sequence and the compare-and-swap on the head. The tree
itself is files (`ledger.tiles`), which the entries here can make again.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, Index, Integer, LargeBinary, SmallInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db import Base, UtcDateTime


class LogQueue(Base):
    """An entry that waits for its index. The row goes when the entry gets one.

    In the order of commitments, which are hashes: nothing that is left ties an index to the
    order or the time in which entries came. One B-tree, so that a batch, which has its place
    in that order too, touches few pages of it.
    """

    __tablename__ = "log_queue"
    __table_args__ = ({"sqlite_with_rowid": False},)

    commitment: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    issuer: Mapped[bytes] = mapped_column(LargeBinary(11))
    """The entry's first 11 bytes: its type and whose it is."""
    submitted_at: Mapped[datetime] = mapped_column(UtcDateTime)


class LogEntry(Base):
    """An entry at its index. Never changed, never deleted."""

    __tablename__ = "log_entry"

    leaf_index: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False
    )
    commitment: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    entry: Mapped[bytes] = mapped_column(LargeBinary(43))


class LogHead(Base):
    """How far the one log of this database is. Every step moves it by compare-and-swap."""

    __tablename__ = "log_head"
    __table_args__ = (
        CheckConstraint("id = 1", name="one_log"),
        CheckConstraint("published_size <= integrated_size AND integrated_size <= sequenced_size", name="order"),
    )

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    origin: Mapped[str] = mapped_column(String(255))
    hash_name: Mapped[str] = mapped_column(String(16))
    sequenced_size: Mapped[int] = mapped_column(BigInteger)
    integrated_size: Mapped[int] = mapped_column(BigInteger)
    integrated_root: Mapped[bytes] = mapped_column(LargeBinary(32))
    published_size: Mapped[int] = mapped_column(BigInteger)


class LogCheckpoint(Base):
    """A checkpoint the log signed: `waiting` for its quorum, or `published` and then fixed."""

    __tablename__ = "log_checkpoint"
    __table_args__ = (Index("ix_log_checkpoint_state", "state", "tree_size"),)

    tree_size: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False
    )
    root_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    note: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16))
    signed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    published_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class LogEvidence(Base):
    """The public preimage of an entry of types 3 to 6, by its commitment in hexadecimal."""

    __tablename__ = "log_evidence"

    commitment: Mapped[str] = mapped_column(String(64), primary_key=True)
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
