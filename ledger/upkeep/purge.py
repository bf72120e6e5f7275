"""Delete what the log no longer needs. Entries and published checkpoints stay for ever."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from ledger import store


def purge(session: Session, now: datetime) -> int:  # noqa: ARG001 - the same shape in every folder
    """Delete the signed checkpoints that never got their quorum and were overtaken; return how many.

    The queue needs no purge: a row goes when its entry gets an index.
    """
    return store.delete_superseded(session)
