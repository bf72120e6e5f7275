"""Tables of filings and of what was decided on them.

A platform itself is `idp_client`; what is in force stands there. A filing is one version of
what its owner files: the old one stays in force until a new one is approved. `latest` marks
the version that pages speak of.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Boolean, Date, ForeignKey, Index, Integer, SmallInteger, String, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db import Base, UtcDateTime
from kernel.ids import new_id


class PlatformFiling(Base):
    """A version of what an owner files about a platform (教技厅〔2019〕3号, PIPL articles 13 to 23 and 55)."""

    __tablename__ = "idp_platform_filing"
    __table_args__ = (
        UniqueConstraint("client_id", "number", name="uq_idp_platform_filing_number"),
        Index("ix_idp_platform_filing_queue", "latest", "state", "filed_at"),
        Index("ix_idp_platform_filing_owner_code", "owner_code"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    client_id: Mapped[str] = mapped_column(ForeignKey("idp_client.client_id", ondelete="CASCADE"))
    number: Mapped[int] = mapped_column(Integer)
    latest: Mapped[bool] = mapped_column(Boolean)
    state: Mapped[str] = mapped_column(String(9))  # waiting, approved, refused, replaced
    name: Mapped[str] = mapped_column(String(100))
    name_en: Mapped[str] = mapped_column(String(100))
    owner_code: Mapped[str] = mapped_column(String(18))
    owner_name: Mapped[str] = mapped_column(String(100))
    place_id: Mapped[UUID | None] = mapped_column(ForeignKey("idp_organisation.id"), index=True)
    """Where the owner lies in the tree: the school, or the nearest authority; None for another province's."""
    home: Mapped[str] = mapped_column(String(500))
    icp: Mapped[str] = mapped_column(String(40))
    protection_level: Mapped[int] = mapped_column(SmallInteger)
    protection_number: Mapped[str] = mapped_column(String(20))
    app_number: Mapped[str | None] = mapped_column(String(40))
    roles: Mapped[list[str]] = mapped_column(JSON)
    minors: Mapped[bool] = mapped_column(Boolean)
    purpose: Mapped[str] = mapped_column(String(200))
    needs: Mapped[dict[str, str]] = mapped_column(JSON)
    """What each scope is needed for."""
    retention_days: Mapped[int] = mapped_column(Integer)
    assessed_on: Mapped[date] = mapped_column(Date)
    contact: Mapped[str] = mapped_column(String(120))
    wished: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The metadata that is asked for, as `ClientMetadata.stored`, without keys: those change without review."""
    filed_by: Mapped[UUID] = mapped_column(Uuid)
    filed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    reason: Mapped[str] = mapped_column(String(300), default="")
    scope: Mapped[str | None] = mapped_column(String(500))
    """What was approved."""
    valid_until: Mapped[datetime | None] = mapped_column(UtcDateTime)


class PlatformDecision(Base):
    """What was decided on a platform, by whom, why. Nothing here is ever changed."""

    __tablename__ = "idp_platform_decision"
    __table_args__ = (Index("ix_idp_platform_decision_owner_code_kind_at", "owner_code", "kind", "at"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    client_id: Mapped[str] = mapped_column(ForeignKey("idp_client.client_id", ondelete="CASCADE"), index=True)
    filing_id: Mapped[UUID | None] = mapped_column(Uuid)
    owner_code: Mapped[str] = mapped_column(String(18))
    kind: Mapped[str] = mapped_column(String(8))  # filed, approved, refused, blocked, removed, opened
    reason: Mapped[str] = mapped_column(String(300), default="")
    scope: Mapped[str | None] = mapped_column(String(500))
    by: Mapped[UUID] = mapped_column(Uuid)
    authority: Mapped[str | None] = mapped_column(String(10))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
