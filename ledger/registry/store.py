"""The statements' rows, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ledger.registry.entities import Kind
from ledger.registry.models import LogStatement, LogStatementStatus

MOST = 100
"""Statements about one subject that are looked at, the newest first."""


def current_of(session: Session, subject: str) -> LogStatement | None:
    """Return the latest word on `subject` that still stands."""
    return session.scalar(select(LogStatement).where(LogStatement.current_subject == subject))


def about(session: Session, subject: str) -> Sequence[LogStatement]:
    """Return the statements about an entity, the newest first."""
    statement = select(LogStatement).where(LogStatement.subject == subject)
    return session.scalars(statement.order_by(LogStatement.issued_at.desc(), LogStatement.id.desc()).limit(MOST)).all()


def of_code(session: Session, code: str, kind: Kind) -> Sequence[LogStatement]:
    """Return the statements about the entity of this kind with this 10-digit code, the newest first."""
    statement = select(LogStatement).where(LogStatement.code == code, LogStatement.kind == kind.value)
    return session.scalars(statement.order_by(LogStatement.issued_at.desc(), LogStatement.id.desc()).limit(MOST)).all()


def by_commitment(session: Session, commitment: bytes) -> LogStatement | None:
    """Return the statement with this commitment."""
    return session.scalar(select(LogStatement).where(LogStatement.commitment == commitment))


def supersede(session: Session, statement_id: UUID) -> None:
    """Let this statement no longer be the current one. Another that took its place meanwhile stays."""
    session.execute(update(LogStatement).where(LogStatement.id == statement_id).values(current_subject=None))


def statuses_of(session: Session, statement_ids: Sequence[UUID]) -> Sequence[LogStatementStatus]:
    """Return what was said of these statements, the earliest effect first."""
    statement = select(LogStatementStatus).where(LogStatementStatus.statement_id.in_(statement_ids))
    return session.scalars(statement.order_by(LogStatementStatus.since, LogStatementStatus.issued_at)).all()


def unexpired(session: Session, at: datetime) -> list[tuple[str, bytes]]:
    """Return code and commitment of all statements that have not expired, and of what was said of them, as made."""
    statements = select(LogStatement.id, LogStatement.code, LogStatement.commitment).where(LogStatement.expires_at > at)
    said = (
        select(LogStatementStatus.id, LogStatement.code, LogStatementStatus.commitment)
        .join(LogStatement, LogStatement.id == LogStatementStatus.statement_id)
        .where(LogStatement.expires_at > at)
    )
    rows = sorted([*session.execute(statements), *session.execute(said)], key=lambda row: row[0])
    return [(code, commitment) for _, code, commitment in rows]


def recent(session: Session, limit: int, offset: int = 0) -> Sequence[LogStatement]:
    """Return a page of all statements, the newest first."""
    statement = select(LogStatement).order_by(LogStatement.issued_at.desc(), LogStatement.id.desc())
    return session.scalars(statement.limit(limit).offset(offset)).all()
