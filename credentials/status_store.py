"""Status lists and their published snapshots in the database."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from credentials.models import StatusList, StatusSnapshot


def add_list(session: Session, status_list: StatusList) -> None:
    """Store a new list; two at once fail on their number."""
    session.add(status_list)


def status_list(session: Session, list_id: UUID) -> StatusList | None:
    """Return one list."""
    return session.get(StatusList, list_id)


def newest_list(session: Session, province: str) -> StatusList | None:
    """Return the list of a province that takes new credentials."""
    query = select(StatusList).where(StatusList.province == province)
    return session.scalar(query.order_by(StatusList.number.desc()).limit(1))


def lists_due(session: Session, before: datetime) -> list[StatusList]:
    """Return the lists that were never published or not since `before`."""
    query = select(StatusList).where(or_(StatusList.published_at.is_(None), StatusList.published_at <= before))
    return list(session.scalars(query.order_by(StatusList.province, StatusList.number).limit(64)))


def all_lists(session: Session) -> list[StatusList]:
    """Return all lists."""
    return list(session.scalars(select(StatusList).order_by(StatusList.province, StatusList.number)))


def count_allocated(session: Session, list_id: UUID, count: int) -> None:
    """Add to the number of indices in use."""
    session.execute(update(StatusList).where(StatusList.id == list_id).values(allocated=StatusList.allocated + count))


def set_published(session: Session, list_id: UUID, *, tokens: dict[str, str], snapshot: StatusSnapshot) -> None:
    """Store the tokens of a new snapshot."""
    session.add(snapshot)
    session.execute(
        update(StatusList)
        .where(StatusList.id == list_id)
        .values(published_at=snapshot.issued_at, gm=tokens.get("gm"), intl=tokens.get("intl"))
    )


def snapshots_of(session: Session, list_id: UUID, *, limit: int = 10) -> list[StatusSnapshot]:
    """Return the last published snapshots of a list, the newest first."""
    query = select(StatusSnapshot).where(StatusSnapshot.list_id == list_id)
    return list(session.scalars(query.order_by(StatusSnapshot.issued_at.desc()).limit(limit)))


def purge_snapshots(session: Session, before: datetime) -> int:
    """Delete what is remembered of lists published before `before`; the log keeps their digests."""
    result = session.execute(delete(StatusSnapshot).where(StatusSnapshot.issued_at < before))
    return int(result.rowcount)  # type: ignore[attr-defined]  # A DELETE's CursorResult has it.
