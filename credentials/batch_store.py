"""Batches and their rows in the database. Claims in rows are sealed before they come here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select, tuple_, update
from sqlalchemy.orm import Session

from credentials.models import Batch, BatchRow

PAGE = 50


def add_batch(session: Session, batch: Batch) -> None:
    """Store a new batch."""
    session.add(batch)


def batch(session: Session, batch_id: UUID) -> Batch | None:
    """Return one batch."""
    return session.get(Batch, batch_id)


def batch_for_update(session: Session, batch_id: UUID) -> Batch | None:
    """Return one batch and keep others from changing it until the transaction ends."""
    return session.get(Batch, batch_id, with_for_update=True)


def batches_of_school(
    session: Session, issuer_code: str, *, before: UUID | None = None, limit: int = PAGE
) -> list[Batch]:
    """Return a school's batches that were checked, the newest first."""
    query = select(Batch).where(Batch.issuer_code == issuer_code, Batch.state.not_in(("staging", "discarded")))
    if before is not None:
        query = query.where(Batch.id < before)
    return list(session.scalars(query.order_by(Batch.id.desc()).limit(limit)))


def next_approved(session: Session) -> Batch | None:
    """Return the batch that was approved first and is not done."""
    return session.scalar(select(Batch).where(Batch.state == "approved").order_by(Batch.approved_at, Batch.id).limit(1))


def insert_rows(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Insert staged rows in one statement."""
    if rows:
        session.execute(insert(BatchRow), rows)


def rows_in_state(session: Session, batch_id: UUID, state: str, *, after: int = 0, limit: int = PAGE) -> list[BatchRow]:
    """Return rows of a batch in one state behind row `after`, in order."""
    query = select(BatchRow).where(BatchRow.batch_id == batch_id, BatchRow.state == state, BatchRow.row > after)
    return list(session.scalars(query.order_by(BatchRow.row).limit(limit)))


def credential_ids(session: Session, batch_id: UUID) -> list[UUID]:
    """Return the ids that the good rows of a batch were given, in the order of the rows."""
    query = select(BatchRow.credential_id).where(BatchRow.batch_id == batch_id, BatchRow.credential_id.is_not(None))
    return [id_ for id_ in session.scalars(query.order_by(BatchRow.row)) if id_ is not None]


def take_rows(session: Session, batch_id: UUID, rows: Collection[int], *, state: str) -> int:
    """Move good rows to `state` and empty them; return how many were still good."""
    result = session.execute(
        update(BatchRow)
        .where(BatchRow.batch_id == batch_id, BatchRow.row.in_(rows), BatchRow.state == "good")
        .values(state=state, sealed=None)
    )
    return int(result.rowcount)  # type: ignore[attr-defined]  # An UPDATE's CursorResult has it.


def count_issued(session: Session, batch_id: UUID, *, issued: int, clashed: int = 0) -> None:
    """Add to a batch's counts."""
    session.execute(
        update(Batch)
        .where(Batch.id == batch_id)
        .values(issued=Batch.issued + issued, clashed=Batch.clashed + clashed, trouble=None)
    )


def stop(session: Session, batch_id: UUID, trouble: str) -> None:
    """Take an approved batch out of the queue and note why; its registrar may approve it again."""
    session.execute(
        update(Batch).where(Batch.id == batch_id, Batch.state == "approved").values(state="checked", trouble=trouble)
    )


def start(session: Session, batch_id: UUID, at: datetime) -> None:
    """Note when the first row of a batch was taken up."""
    session.execute(update(Batch).where(Batch.id == batch_id, Batch.started_at.is_(None)).values(started_at=at))


def finish(session: Session, batch_id: UUID, at: datetime) -> None:
    """Close a batch whose rows are all done."""
    session.execute(
        update(Batch).where(Batch.id == batch_id, Batch.state == "approved").values(state="done", finished_at=at)
    )


def has_good_rows(session: Session, batch_id: UUID) -> bool:
    """Whether rows of the batch wait to be issued."""
    query = select(BatchRow.row).where(BatchRow.batch_id == batch_id, BatchRow.state == "good")
    return session.scalar(query.limit(1)) is not None


def unfinished(session: Session) -> int:
    """Return how many rows of approved batches wait."""
    query = select(func.count()).select_from(BatchRow).join(Batch, Batch.id == BatchRow.batch_id)
    return session.scalar(query.where(Batch.state == "approved", BatchRow.state == "good")) or 0


def abandoned(session: Session, before: datetime) -> bool:
    """Whether batches began to be staged before `before` and never came to an end."""
    query = select(Batch.id).where(Batch.state == "staging", Batch.created_at < before)
    return session.scalar(query.limit(1)) is not None


def discard_abandoned(session: Session, before: datetime) -> int:
    """Throw those batches away; return how many."""
    result = session.execute(
        update(Batch).where(Batch.state == "staging", Batch.created_at < before).values(state="discarded")
    )
    return int(result.rowcount)  # type: ignore[attr-defined]  # An UPDATE's CursorResult has it.


def purge_batches(
    session: Session, *, staged_before: datetime, done_before: datetime, rows_before: datetime, limit: int = 500
) -> int:
    """Delete dry runs that nobody approved, batches long done, and what is kept of wrong rows; return how many rows.

    At most `limit` rows a call, so that the write lock is held briefly: call it again.
    """
    dead = (Batch.state.in_(("staging", "discarded", "checked"))) & (Batch.created_at < staged_before)
    old = (Batch.state == "done") & (Batch.finished_at < done_before)
    ended = select(Batch.id).where(dead | old)
    wrong = select(Batch.id).where(Batch.state == "done", Batch.finished_at < rows_before)
    rows = session.execute(
        select(BatchRow.batch_id, BatchRow.row)
        .where(BatchRow.batch_id.in_(ended) | (BatchRow.batch_id.in_(wrong) & (BatchRow.state == "wrong")))
        .limit(limit)
    ).all()
    if rows:
        session.execute(
            delete(BatchRow).where(tuple_(BatchRow.batch_id, BatchRow.row).in_([tuple(row) for row in rows]))
        )
    if len(rows) < limit:
        session.execute(delete(Batch).where(dead | old))
    return len(rows)
