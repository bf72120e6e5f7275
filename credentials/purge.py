"""What credentials forgets, and when. Issued credentials stay: they are the holder's for life."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from credentials import batch_store, share_store, status_store

TOMBSTONES: Final = timedelta(days=30)
DRY_RUNS: Final = timedelta(days=7)
BATCHES: Final = timedelta(days=400)
WRONG_ROWS: Final = timedelta(days=30)
LOOKUPS: Final = timedelta(days=365)
SNAPSHOTS: Final = timedelta(days=30)


def purge(session: Session, now: datetime) -> int:
    """Take ciphertexts from shares that are over and delete what is too old; return how many rows were touched."""
    return (
        share_store.close_expired(session, now)
        + share_store.purge_shares(session, now - TOMBSTONES)
        + share_store.purge_lookups(session, now - LOOKUPS)
        + batch_store.purge_batches(
            session, staged_before=now - DRY_RUNS, done_before=now - BATCHES, rows_before=now - WRONG_ROWS
        )
        + status_store.purge_snapshots(session, now - SNAPSHOTS)
    )
