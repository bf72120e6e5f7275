"""Statements that were made here, and what was said of them later. Tables only."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db import Base, UtcDateTime


class LogStatement(Base):
    """A statement in both suites. Never changed; a renewal or a change of keys is a new row.

    `current_subject` is the subject's identifier while this is the latest word on it, and then
    nothing: being unique, it lets two superiors' clerks at once make one current statement.
    """

    __tablename__ = "log_statement"
    __table_args__ = (Index("ix_log_statement_code", "code", "kind"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    commitment: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    issuer: Mapped[str] = mapped_column(String(255), index=True)
    subject: Mapped[str] = mapped_column(String(255), index=True)
    current_subject: Mapped[str | None] = mapped_column(String(255), unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    code: Mapped[str] = mapped_column(String(10))
    content: Mapped[bytes] = mapped_column(LargeBinary(32))
    """SM3 of the payload without its times: two statements that say the same have the same."""
    tokens: Mapped[dict[str, str]] = mapped_column(JSON)
    signed_by: Mapped[list[str]] = mapped_column(JSON)
    federation_keys: Mapped[list[str]] = mapped_column(JSON)
    service_keys: Mapped[list[str]] = mapped_column(JSON)
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class LogStatementStatus(Base):
    """What a superior said later of its statement: retired or compromised. Never changed."""

    __tablename__ = "log_statement_status"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    statement_id: Mapped[UUID] = mapped_column(ForeignKey(LogStatement.id), index=True)
    commitment: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    state: Mapped[str] = mapped_column(String(16))
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    tokens: Mapped[dict[str, str]] = mapped_column(JSON)
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime)
