"""Tables of roster imports. What holds personal data is sealed under the import's own key and purged after 30 days."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Date, Float, ForeignKey, Index, Integer, LargeBinary, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db import Base, UtcDateTime
from kernel.ids import new_id


class RosterImport(Base):
    """An uploaded roster on its way: uploading, reading, checking, checked, applying, done; refused, cancelled.

    `claimed_until` is the lease of the worker that is at it; the blocks' states alone decide
    what is done, so a lost worker loses nothing. Counts are sums over the blocks.
    """

    __tablename__ = "idp_import"
    __table_args__ = (
        Index("ix_idp_import_school", "organisation_id", "created_at"),
        Index("ix_idp_import_work", "state", "touched_at"),
        Index("ix_idp_import_full", "emptied_at", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("idp_organisation.id"))
    registrar_id: Mapped[UUID] = mapped_column(Uuid)
    file_name: Mapped[str] = mapped_column(String(120))
    file_size: Mapped[int] = mapped_column(Integer)
    file_kind: Mapped[str] = mapped_column(String(4))
    columns: Mapped[list[str]] = mapped_column(JSON)
    ignored: Mapped[list[str]] = mapped_column(JSON)
    wrapped_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(String(10))
    problem: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    waits_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expected: Mapped[int] = mapped_column(Integer)  # Rows, as counted (CSV) or estimated (XLSX) at upload.
    read: Mapped[int] = mapped_column(Integer, default=0)
    checked: Mapped[int] = mapped_column(Integer, default=0)
    applied: Mapped[int] = mapped_column(Integer, default=0)
    new: Mapped[int] = mapped_column(Integer, default=0)
    changed: Mapped[int] = mapped_column(Integer, default=0)
    same: Mapped[int] = mapped_column(Integer, default=0)
    wrong: Mapped[int] = mapped_column(Integer, default=0)
    review: Mapped[int] = mapped_column(Integer, default=0)
    rate: Mapped[float] = mapped_column(Float, default=0.0)  # Rows a second in the present stage.
    claimed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    touched_at: Mapped[datetime] = mapped_column(UtcDateTime)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    confirmed_by: Mapped[UUID | None] = mapped_column(Uuid)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    emptied_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # When its rows and pieces were deleted.
    codes_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    day: Mapped[date] = mapped_column(Date)  # "Today" of the row checks, the same however often they run.


class ImportPiece(Base):
    """A piece of the uploaded file, sealed; deleted once the rows are read."""

    __tablename__ = "idp_import_piece"

    import_id: Mapped[UUID] = mapped_column(ForeignKey("idp_import.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    ciphertext: Mapped[bytes] = mapped_column(LargeBinary)


class ImportBlock(Base):
    """Some rows, sealed together, and what became of each: read, checked, applied."""

    __tablename__ = "idp_import_block"
    __table_args__ = (Index("ix_idp_import_block_state", "import_id", "state", "number"),)

    import_id: Mapped[UUID] = mapped_column(ForeignKey("idp_import.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    rows: Mapped[bytes] = mapped_column(LargeBinary)
    outcomes: Mapped[bytes | None] = mapped_column(LargeBinary)
    size: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(8))
