"""One step of a transaction's row, whatever table it is in: a compare-and-swap in the caller's transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, update
from sqlalchemy.orm import Session

from ledger.anchors.transactions import Transacted, TransactionState


def change(session: Session, row: Transacted, to: TransactionState, *, at: datetime, **values: object) -> bool:
    """Move a transaction on from the state it was read in; False if somebody else has moved it."""
    table = type(row)
    statement = (
        update(table)
        .where(table.id == row.id, table.state == row.state, table.tx_hash == row.tx_hash)
        .values(state=to, changed_at=at, **values)
    )
    return cast("CursorResult[Any]", session.execute(statement)).rowcount == 1
