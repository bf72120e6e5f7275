"""Tables of sign-in, sessions, platforms, tokens and consent. Secrets are keyed hashes or sealed fields.

`person_id` is the key of the directory's person; people are never deleted there (a tombstone
stays), so no row here is left without its person.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    Uuid,
)
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


class Client(Base):
    """A registered platform (RFC 7591's metadata in our columns)."""

    __tablename__ = "idp_client"

    client_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    secret_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    name: Mapped[str] = mapped_column(String(100))
    name_en: Mapped[str] = mapped_column(String(100))
    owner: Mapped[str] = mapped_column(String(100))
    purpose: Mapped[str] = mapped_column(String(200))
    home: Mapped[str | None] = mapped_column(String(500))
    redirect_uris: Mapped[list[str]] = mapped_column(JSON)
    post_logout_redirect_uris: Mapped[list[str]] = mapped_column(JSON)
    scope: Mapped[str] = mapped_column(String(500))
    grant_types: Mapped[list[str]] = mapped_column(JSON)
    auth_method: Mapped[str] = mapped_column(String(32))
    id_token_alg: Mapped[str] = mapped_column(String(32))
    sector: Mapped[str] = mapped_column(String(255))
    require_pkce: Mapped[bool] = mapped_column(Boolean)
    default_max_age: Mapped[int | None] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    blocked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Grant(Base):
    """What a person gave a platform in one authorization: its code, and the family of tokens from it.

    One row carries the whole family's fate: `revoked_at` ends every token at once, also those
    that a refresh inserts at the same moment.
    """

    __tablename__ = "idp_grant"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("idp_client.client_id"))
    person_id: Mapped[UUID] = mapped_column(Uuid)
    session_id: Mapped[UUID] = mapped_column(Uuid, index=True)
    sub: Mapped[str] = mapped_column(String(64))
    redirect_uri: Mapped[str] = mapped_column(Text)
    scope: Mapped[str] = mapped_column(String(500))
    offline: Mapped[bool] = mapped_column(Boolean)
    nonce: Mapped[str | None] = mapped_column(Text)
    code_challenge: Mapped[str | None] = mapped_column(String(128))
    acr: Mapped[str] = mapped_column(String(64))
    amr: Mapped[str] = mapped_column(String(64))
    auth_time: Mapped[datetime] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    code_expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    code_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_idp_grant_person_id_client_id", "person_id", "client_id"),)


class Token(Base):
    """An access token and, where one was given, the refresh token beside it."""

    __tablename__ = "idp_token"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    grant_id: Mapped[UUID] = mapped_column(ForeignKey("idp_grant.id", ondelete="CASCADE"), index=True)
    access_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    refresh_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32), unique=True)
    scope: Mapped[str] = mapped_column(String(500))
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    access_expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    refresh_expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    rotated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    access_revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class Consent(Base):
    """What a person allowed a platform to read; a withdrawal ends it, a wider wish makes a new one."""

    __tablename__ = "idp_consent"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(Uuid)
    client_id: Mapped[str] = mapped_column(ForeignKey("idp_client.client_id"))
    scope: Mapped[str] = mapped_column(String(500))
    fields: Mapped[dict[str, Any]] = mapped_column(JSON)
    text_version: Mapped[str] = mapped_column(String(32))
    given_at: Mapped[datetime] = mapped_column(UtcDateTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)

    __table_args__ = (Index("ix_idp_consent_person_id_client_id", "person_id", "client_id"),)


class PairwiseSub(Base):
    """The name of a person at a sector (OIDC Core §8.1). This table decides; the HMAC only makes the first value."""

    __tablename__ = "idp_pairwise_sub"

    sector: Mapped[str] = mapped_column(String(255), primary_key=True)
    sub: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(Uuid)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_idp_pairwise_sub_person_id_sector", "person_id", "sector"),)
