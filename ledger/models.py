"""The log's tables: what waits, what has its index, how far each shard's tree is, what was signed.

The database holds the queue, the sequence and the compare-and-swap on the head. The tree
itself is files (`ledger.storage.tiles`), which the entries here can make again.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    text,
)
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
    """An entry at its index in its shard. Never changed, never deleted.

    Statements that are in force when a shard opens stand in it again. One index serves both
    uniqueness and looking an entry up, and the table itself is ordered by its key: a log pays
    for every index with its speed.
    """

    __tablename__ = "log_entry"
    __table_args__ = (UniqueConstraint("commitment", "shard"), {"sqlite_with_rowid": False})

    shard: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    leaf_index: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    commitment: Mapped[bytes] = mapped_column(LargeBinary(32))
    entry: Mapped[bytes] = mapped_column(LargeBinary(43))


class LogHead(Base):
    """How far a shard is (`ledger.formats.shard`). Every step moves it by compare-and-swap.

    `opens_at`: from when on an announced one may be opened. `vkeys`: the verifier keys of a
    frozen one, whose private parts are gone.
    """

    __tablename__ = "log_head"
    __table_args__ = (
        UniqueConstraint("origin"),
        CheckConstraint("published_size <= integrated_size AND integrated_size <= sequenced_size", name="order"),
        CheckConstraint("state <> 'announced' OR sequenced_size = 0", name="announced_is_empty"),
        CheckConstraint("state <> 'frozen' OR published_size = sequenced_size", name="frozen_is_published"),
        # The database itself sees to it that no two shards give indices.
        Index(
            "ix_log_head_open",
            "state",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
    )

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    origin: Mapped[str] = mapped_column(String(255))
    hash_name: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    opens_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    vkeys: Mapped[list[str] | None] = mapped_column(JSON)
    sequenced_size: Mapped[int] = mapped_column(BigInteger)
    integrated_size: Mapped[int] = mapped_column(BigInteger)
    integrated_root: Mapped[bytes] = mapped_column(LargeBinary(32))
    published_size: Mapped[int] = mapped_column(BigInteger)


class LogCheckpoint(Base):
    """A checkpoint that a shard signed: `waiting` for its quorum, or `published` and then fixed."""

    __tablename__ = "log_checkpoint"
    __table_args__ = (Index("ix_log_checkpoint_state", "shard", "state", "tree_size"),)

    shard: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    tree_size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
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
