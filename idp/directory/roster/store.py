"""Queries of roster imports. States move by compare-and-swap: who comes second changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import CursorResult, delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from idp.directory.roster.models import ImportBlock, ImportPiece, RosterImport

PAGE: Final = 20
AT_WORK: Final = ("uploaded", "reading", "checking", "applying")
LISTED: Final = (*AT_WORK, "checked", "done", "refused", "cancelled")


def roster_import(session: Session, import_id: UUID) -> RosterImport | None:
    """Return an import."""
    return session.get(RosterImport, import_id)


def import_of(session: Session, organisation_id: UUID, import_id: UUID) -> RosterImport | None:
    """Return an import of this school."""
    query = select(RosterImport).where(RosterImport.id == import_id, RosterImport.organisation_id == organisation_id)
    return session.scalar(query)


def imports_page(session: Session, organisation_id: UUID, page: int) -> tuple[list[RosterImport], bool]:
    """Return a page of a school's imports, newest first, and whether more follow."""
    query = (
        select(RosterImport)
        .where(RosterImport.organisation_id == organisation_id, RosterImport.state.in_(LISTED))
        .order_by(RosterImport.created_at.desc(), RosterImport.id.desc())
        .offset((page - 1) * PAGE)
        .limit(PAGE + 1)
    )
    rows = list(session.scalars(query))
    return rows[:PAGE], len(rows) > PAGE


def is_applying(session: Session, organisation_id: UUID) -> bool:
    """Whether an import of this school is being written."""
    query = select(RosterImport.id).where(
        RosterImport.organisation_id == organisation_id, RosterImport.state == "applying"
    )
    return session.scalar(query.limit(1)) is not None


def next_at_work(session: Session, now: datetime) -> RosterImport | None:
    """Return the import that has waited longest for a worker: all get their turn."""
    query = select(RosterImport).where(
        RosterImport.state.in_(AT_WORK),
        or_(RosterImport.claimed_until.is_(None), RosterImport.claimed_until < now),
        or_(RosterImport.waits_until.is_(None), RosterImport.waits_until <= now),
    )
    return session.scalar(query.order_by(RosterImport.touched_at).limit(1))


def claim(session: Session, job: RosterImport, *, now: datetime, until: datetime) -> bool:
    """Take the lease of an import; false where another worker was first."""
    free = or_(RosterImport.claimed_until.is_(None), RosterImport.claimed_until < now)
    taken = update(RosterImport).where(RosterImport.id == job.id, RosterImport.state == job.state, free)
    return _count(session.execute(taken.values(claimed_until=until, touched_at=now))) == 1


def advance(session: Session, import_id: UUID, state: str, /, **values: Any) -> bool:
    """Change an import that is in `state`; false where it no longer is."""
    changed = update(RosterImport).where(RosterImport.id == import_id, RosterImport.state == state)
    return _count(session.execute(changed.values(**values))) == 1


def tally(counts: dict[str, int]) -> dict[str, Any]:
    """Return the column updates that add `counts` to an import's counts."""
    return {name: getattr(RosterImport, name) + count for name, count in counts.items() if count}


def add_pieces(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Store pieces of the file."""
    session.execute(insert(ImportPiece), rows)


def piece_numbers(session: Session, import_id: UUID) -> list[int]:
    """Return the numbers of the stored pieces in order."""
    query = select(ImportPiece.number).where(ImportPiece.import_id == import_id)
    return list(session.scalars(query.order_by(ImportPiece.number)))


def piece(session: Session, import_id: UUID, number: int) -> bytes:
    """Return one piece of the file, sealed."""
    query = select(ImportPiece.ciphertext).where(ImportPiece.import_id == import_id, ImportPiece.number == number)
    return session.scalars(query).one()


def drop_pieces(session: Session, import_id: UUID, numbers: Collection[int]) -> None:
    """Delete pieces of the file."""
    session.execute(delete(ImportPiece).where(ImportPiece.import_id == import_id, ImportPiece.number.in_(numbers)))


def add_blocks(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Store blocks of rows."""
    session.execute(insert(ImportBlock), rows)


def block_count(session: Session, import_id: UUID) -> int:
    """Return how many blocks are stored."""
    return session.scalar(select(func.count()).where(ImportBlock.import_id == import_id)) or 0


def blocks_after(session: Session, import_id: UUID, number: int, limit: int) -> list[ImportBlock]:
    """Return the next blocks after block `number`, in order."""
    query = select(ImportBlock).where(ImportBlock.import_id == import_id, ImportBlock.number > number)
    return list(session.scalars(query.order_by(ImportBlock.number).limit(limit)))


def blocks_in(session: Session, import_id: UUID, state: str, limit: int) -> list[ImportBlock]:
    """Return the first blocks in a state, in order."""
    query = select(ImportBlock).where(ImportBlock.import_id == import_id, ImportBlock.state == state)
    return list(session.scalars(query.order_by(ImportBlock.number).limit(limit)))


def move_block(session: Session, block: ImportBlock, state: str, **values: Any) -> bool:
    """Move a block on from the state it was read in; false where somebody else has."""
    moved = update(ImportBlock).where(
        ImportBlock.import_id == block.import_id, ImportBlock.number == block.number, ImportBlock.state == block.state
    )
    return _count(session.execute(moved.values(state=state, **values))) == 1


def some_block_numbers(session: Session, import_id: UUID, limit: int) -> list[int]:
    """Return numbers of up to `limit` blocks."""
    query = select(ImportBlock.number).where(ImportBlock.import_id == import_id)
    return list(session.scalars(query.order_by(ImportBlock.number).limit(limit)))


def drop_blocks(session: Session, import_id: UUID, numbers: Collection[int]) -> None:
    """Delete blocks."""
    session.execute(delete(ImportBlock).where(ImportBlock.import_id == import_id, ImportBlock.number.in_(numbers)))


def to_empty(session: Session, *, made_before: datetime, stranded_before: datetime, limit: int) -> list[RosterImport]:
    """Return imports whose rows are to go: too old, ended without effect, or never uploaded to the end."""
    ended = RosterImport.state.in_(("cancelled", "refused"))
    stranded = (RosterImport.state == "uploading") & (RosterImport.created_at < stranded_before)
    query = select(RosterImport).where(
        RosterImport.emptied_at.is_(None), or_(ended, stranded, RosterImport.created_at < made_before)
    )
    return list(session.scalars(query.order_by(RosterImport.created_at).limit(limit)))


def forget(session: Session, *, made_before: datetime) -> int:
    """Delete imports made before a moment whose rows are gone."""
    old = delete(RosterImport).where(RosterImport.emptied_at.is_not(None), RosterImport.created_at < made_before)
    return _count(session.execute(old))


def release(session: Session, import_id: UUID) -> None:
    """Give a lease back."""
    session.execute(update(RosterImport).where(RosterImport.id == import_id).values(claimed_until=None))


def _count(result: Any) -> int:
    assert isinstance(result, CursorResult)  # noqa: S101 - an UPDATE's result has a row count
    return int(result.rowcount)
