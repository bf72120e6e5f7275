"""Tables of sign-in, sessions and consent. Secrets are keyed hashes or sealed fields.

`person_id` is the key of the directory's person; people are never deleted there (a tombstone
stays), so no row here is left without its person.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, Date, Index, Integer, LargeBinary, String, Text, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db import Base, UtcDateTime
from kernel.ids import new_id


class Account(Base):
    """How one person signs in. Made at the first sign-in."""

    __tablename__ = "idp_account"

    person_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    password_set_at: Mapped[datetime] = mapped_column(UtcDateTime)
    data_key: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Totp(Base):
    """A time-based one-time password (RFC 6238): pending until its first code, then confirmed."""

    __tablename__ = "idp_totp"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(Uuid, index=True)
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_step: Mapped[int] = mapped_column(BigInteger, default=-1)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failures: Mapped[int] = mapped_column(Integer, default=0)
    suspended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        Index(  # For the purge: one that was never confirmed is rare among millions.
            "ix_idp_totp_pending",
            "created_at",
            sqlite_where=confirmed_at.is_(None),
            postgresql_where=confirmed_at.is_(None),
        ),
    )


class RecoveryCode(Base):
    """One of ten codes that open once when the phone is not at hand."""

    __tablename__ = "idp_recovery_code"

    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(Uuid, index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Attempt(Base):
    """A counter of tries: of an account and device, or of an address. The key is a keyed hash."""

    __tablename__ = "idp_attempt"

    key: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    failures: Mapped[int] = mapped_column(Integer, default=0)
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    last_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    locked_until: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Pending(Base):
    """A sign-in between two steps: the password was right, or the activation code was."""

    __tablename__ = "idp_pending"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    person_id: Mapped[UUID] = mapped_column(Uuid)
    tries: Mapped[int] = mapped_column(Integer, default=0)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class SignInSession(Base):
    """A browser that is signed in. `id` is the `sid` that platforms see; the cookie's token is hashed."""

    __tablename__ = "idp_session"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    person_id: Mapped[UUID] = mapped_column(Uuid, index=True)
    amr: Mapped[str] = mapped_column(String(64))
    auth_time: Mapped[datetime] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    browser: Mapped[str] = mapped_column(String(200))
    origin: Mapped[str] = mapped_column(String(64))


class Consent(Base):
    """A consent receipt: what a person, or a guardian for a child, allowed a platform to read.

    It says what was shown when it was given: who asked and for what purpose, which fields, in
    which words (`text_version`), until when. A wider wish makes a new one, a withdrawal ends it.
    It outlives the platform's registration: no foreign key ties it there.
    """

    __tablename__ = "idp_consent"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(Uuid)
    client_id: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(100))
    name_en: Mapped[str] = mapped_column(String(100))
    owner: Mapped[str] = mapped_column(String(100))
    purpose: Mapped[str] = mapped_column(String(200))
    basis: Mapped[str] = mapped_column(String(16))  # consent, guardian (PIPL articles 13(1) and 31)
    scope: Mapped[str] = mapped_column(String(500))
    fields: Mapped[dict[str, Any]] = mapped_column(JSON)  # claims: names; details: RFC 9396 objects
    text_version: Mapped[str] = mapped_column(String(80))
    language: Mapped[str] = mapped_column(String(2))
    given_by: Mapped[UUID] = mapped_column(Uuid, index=True)
    guardianship_id: Mapped[UUID | None] = mapped_column(Uuid, index=True)
    given_at: Mapped[datetime] = mapped_column(UtcDateTime)
    until: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    withdrawn_by: Mapped[UUID | None] = mapped_column(Uuid)
    ending: Mapped[str | None] = mapped_column(String(12))  # withdrawn, expired, of_age, guardianship
    check_on: Mapped[date | None] = mapped_column(Date, index=True)
    """When to look again whether a child is 14 by now: a rough day, which tells no birth date."""

    __table_args__ = (Index("ix_idp_consent_person_id_client_id", "person_id", "client_id"),)


class ConsentText(Base):
    """The words of the consent page in one version, kept so that a receipt can be read years later."""

    __tablename__ = "idp_consent_text"

    version: Mapped[str] = mapped_column(String(80), primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    first_used_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ConsentRequest(Base):
    """A child asks the guardians to decide about a platform: one a platform, open or refused.

    A different wish is a new row with a new id: a guardian never agrees to what was not shown.
    """

    __tablename__ = "idp_consent_request"
    __table_args__ = (UniqueConstraint("person_id", "client_id", name="uq_idp_consent_request_person_client"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(Uuid)
    client_id: Mapped[str] = mapped_column(String(64))
    owner: Mapped[str] = mapped_column(String(100))
    purpose: Mapped[str] = mapped_column(String(200))
    scope: Mapped[str] = mapped_column(String(500))
    fields: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(8))  # open, refused
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    decided_by: Mapped[UUID | None] = mapped_column(Uuid)
