"""The tables of credentials. Personal fields are sealed under the holder's data key.

A credential's row keeps what the issuer signed (digests only, no personal value), its sealed
disclosures, and where its status stands. What decides who is first is a unique index, never a
look beforehand.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db import Base, UtcDateTime

_AUTO = BigInteger().with_variant(Integer, "sqlite")


class IssuerPolicy(Base):
    """Which suites a school issues (comma-separated); a school without a row issues both."""

    __tablename__ = "cred_issuer_policy"

    issuer_code: Mapped[str] = mapped_column(String(10), primary_key=True)
    suites: Mapped[str] = mapped_column(String(32))


class HolderKey(Base):
    """A holder's wrapped data key: destroying it erases the personal fields of all their credentials."""

    __tablename__ = "cred_holder_key"

    person_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)


class StatusList(Base):
    """One status list of a province, with the tokens published last; files are written from these."""

    __tablename__ = "cred_status_list"
    __table_args__ = (UniqueConstraint("province", "number"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    province: Mapped[str] = mapped_column(String(2))
    number: Mapped[int] = mapped_column(Integer)
    uri: Mapped[str] = mapped_column(String(300), unique=True)
    allocated: Mapped[int] = mapped_column(Integer, default=0)
    published_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    gm: Mapped[str | None] = mapped_column(Text)
    intl: Mapped[str | None] = mapped_column(Text)


class StatusSnapshot(Base):
    """What is remembered of each published list: when, until when, how many entries stood, its log commitment."""

    __tablename__ = "cred_status_snapshot"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    list_id: Mapped[UUID] = mapped_column(ForeignKey("cred_status_list.id"), index=True)
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    marked: Mapped[int] = mapped_column(Integer)
    commitment: Mapped[bytes] = mapped_column(LargeBinary(32))


class Credential(Base):
    """One issued credential; its id is the uuid of the `jti`."""

    __tablename__ = "cred_credential"
    __table_args__ = (
        UniqueConstraint("status_list_id", "status_index"),
        Index(
            "uq_cred_credential_number",
            "number_index",
            unique=True,
            sqlite_where=text("superseded_by IS NULL"),
            postgresql_where=text("superseded_by IS NULL"),
        ),
        Index(
            "uq_cred_credential_award",
            "award_index",
            unique=True,
            sqlite_where=text("status IN (0, 2)"),
            postgresql_where=text("status IN (0, 2)"),
        ),
        Index(
            "ix_cred_credential_marked",
            "status_list_id",
            sqlite_where=text("status <> 0"),
            postgresql_where=text("status <> 0"),
        ),
        Index("ix_cred_credential_school", "issuer_code", "id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    vct: Mapped[str] = mapped_column(String(100))
    issuer_code: Mapped[str] = mapped_column(String(10))
    person_id: Mapped[UUID] = mapped_column(Uuid, index=True)
    batch_id: Mapped[UUID | None] = mapped_column(Uuid, index=True)
    row: Mapped[int | None] = mapped_column(Integer)
    number_index: Mapped[bytes] = mapped_column(LargeBinary(32))
    award_index: Mapped[bytes] = mapped_column(LargeBinary(32))
    gm: Mapped[str | None] = mapped_column(Text)
    intl: Mapped[str | None] = mapped_column(Text)
    disclosures: Mapped[bytes] = mapped_column(LargeBinary)
    commitment: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    status_list_id: Mapped[UUID] = mapped_column(ForeignKey("cred_status_list.id"))
    status_index: Mapped[int] = mapped_column(Integer)
    status: Mapped[int] = mapped_column(SmallInteger, default=0)
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    superseded_by: Mapped[UUID | None] = mapped_column(Uuid)


class StatusStatement(Base):
    """A change of status and its reason, signed; reinstating has no token, for it leaves nothing to explain."""

    __tablename__ = "cred_status_statement"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    credential_id: Mapped[UUID] = mapped_column(ForeignKey("cred_credential.id"), index=True)
    status: Mapped[int] = mapped_column(SmallInteger)
    reason: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[UUID] = mapped_column(Uuid)
    gm: Mapped[str | None] = mapped_column(Text)
    intl: Mapped[str | None] = mapped_column(Text)


class Batch(Base):
    """A file of graduates on its way: staging → checked → approved → done; or discarded."""

    __tablename__ = "cred_batch"
    __table_args__ = (Index("ix_cred_batch_school", "issuer_code", "id"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    issuer_code: Mapped[str] = mapped_column(String(10))
    vct: Mapped[str] = mapped_column(String(100))
    state: Mapped[str] = mapped_column(String(12), index=True)
    file_name: Mapped[str] = mapped_column(String(120))
    unused_columns: Mapped[list[str]] = mapped_column(JSON, default=list)
    key: Mapped[bytes] = mapped_column(LargeBinary)
    created_by: Mapped[UUID] = mapped_column(Uuid)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    good: Mapped[int] = mapped_column(Integer, default=0)
    wrong: Mapped[int] = mapped_column(Integer, default=0)
    same: Mapped[int] = mapped_column(Integer, default=0)
    issued: Mapped[int] = mapped_column(Integer, default=0)
    clashed: Mapped[int] = mapped_column(Integer, default=0)
    approval: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    approved_by: Mapped[UUID | None] = mapped_column(Uuid)
    approved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    trouble: Mapped[str | None] = mapped_column(String(64))
    day: Mapped[date | None] = mapped_column(Date)


class BatchRow(Base):
    """One row of a batch: good, wrong, same (issued before), then issued or clashed.

    `credential_id` is given at the dry run, so that a row can become one credential only.
    `sealed` (claims of good rows, cells and problems of wrong ones) is emptied when issued.
    """

    __tablename__ = "cred_batch_row"
    __table_args__ = (Index("ix_cred_batch_row_state", "batch_id", "state", "row"),)

    batch_id: Mapped[UUID] = mapped_column(ForeignKey("cred_batch.id"), primary_key=True)
    row: Mapped[int] = mapped_column(Integer, primary_key=True)
    state: Mapped[str] = mapped_column(String(8))
    credential_id: Mapped[UUID | None] = mapped_column(Uuid, unique=True)
    person_id: Mapped[UUID | None] = mapped_column(Uuid)
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)


class Share(Base):
    """A share: a keyed hash of its look-up id and a ciphertext that only the code opens.

    After expiry or withdrawal the ciphertext is gone; the row stays 30 days, to tell
    "expired" from "unknown".
    """

    __tablename__ = "cred_share"
    __table_args__ = (UniqueConstraint("person_id", "form"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    credential_id: Mapped[UUID] = mapped_column(ForeignKey("cred_credential.id"), index=True)
    person_id: Mapped[UUID] = mapped_column(Uuid, index=True)
    form: Mapped[str] = mapped_column(String(64))
    lookup_index: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    nonce: Mapped[bytes | None] = mapped_column(LargeBinary(12))
    ciphertext: Mapped[bytes | None] = mapped_column(LargeBinary)
    fields: Mapped[list[str]] = mapped_column(JSON)
    tree_size: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    pin: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    pin_failures: Mapped[int] = mapped_column(SmallInteger, default=0)


class ShareLookup(Base):
    """One look at a share, shown to its holder; `origin` is a network, never a whole address."""

    __tablename__ = "cred_share_lookup"

    id: Mapped[int] = mapped_column(_AUTO, primary_key=True, autoincrement=True)
    share_id: Mapped[UUID] = mapped_column(ForeignKey("cred_share.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    result: Mapped[str] = mapped_column(String(16))
    origin: Mapped[str] = mapped_column(String(48))


class ErrorReport(Base):
    """A holder says that a field of a credential is wrong; the school answers with a correction or a refusal."""

    __tablename__ = "cred_error_report"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    credential_id: Mapped[UUID] = mapped_column(ForeignKey("cred_credential.id"), index=True)
    issuer_code: Mapped[str] = mapped_column(String(10), index=True)
    field: Mapped[str] = mapped_column(String(40))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
