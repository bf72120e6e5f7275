"""The table of anchors: checkpoints that were signed for the chain, and what became of them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db import Base
from ledger.transactions import Transacted


class LogAnchor(Transacted, Base):
    """One checkpoint on its way to the chain. A tree size has one row on a contract, and one nonce has one."""

    __tablename__ = "log_anchor"
    __table_args__ = (
        UniqueConstraint("chain_id", "contract", "tree_size"),
        UniqueConstraint("chain_id", "contract", "nonce"),
        Index("ix_log_anchor_state", "state", "tree_size"),
    )

    tree_size: Mapped[int] = mapped_column(BigInteger)
    root_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    previous_size: Mapped[int] = mapped_column(BigInteger)
    previous_root: Mapped[bytes] = mapped_column(LargeBinary(32))
