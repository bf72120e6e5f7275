"""The table of records: log entries that are told on the chain, and what became of their transactions."""

from __future__ import annotations

from sqlalchemy import Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db import Base
from ledger.anchors.transactions import Transacted


class LogRecord(Transacted, Base):
    """A log entry on its way to a contract. An entry has one row on a contract, and one nonce has one.

    `code`: whom it is about, as the registry numbers them (10 signs). What else is written
    follows from the entry, so it is not kept here.
    """

    __tablename__ = "log_record"
    __table_args__ = (
        UniqueConstraint("chain_id", "contract", "commitment"),
        UniqueConstraint("chain_id", "contract", "nonce"),
        Index("ix_log_record_state", "contract", "state"),
    )

    commitment: Mapped[bytes] = mapped_column(LargeBinary(32))
    code: Mapped[str] = mapped_column(String(10))
