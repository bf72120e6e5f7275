"""Tables of platforms, grants, tokens and pairwise names. Tokens and codes stand as keyed hashes only."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Boolean, ForeignKey, Index, Integer, LargeBinary, String, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db import Base, UtcDateTime
from kernel.ids import new_id

MAYBE_JSON = JSON(none_as_null=True)
"""What is not there is NULL: the text `null` would be parsed again and again."""


class Client(Base):
    """A registered platform. What it registered stands in `registered`, in the words of RFC 7591.

    `kind` is `platform` (reviewed), `test` (a developer's, on loopback addresses only) or
    `dynamic` (registered by itself with an initial access token). Only an `active` one is served.
    """

    __tablename__ = "idp_client"

    client_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))
    state: Mapped[str] = mapped_column(String(8))  # pending, active, refused, blocked
    secret_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    name: Mapped[str] = mapped_column(String(100))
    name_en: Mapped[str] = mapped_column(String(100))
    owner: Mapped[str] = mapped_column(String(100))
    purpose: Mapped[str] = mapped_column(String(200))
    home: Mapped[str | None] = mapped_column(String(500))
    sector: Mapped[str] = mapped_column(String(255))
    registered: Mapped[dict[str, Any]] = mapped_column(JSON)
    registration_token_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    registered_by: Mapped[UUID | None] = mapped_column(Uuid, index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)

    __table_args__ = (Index("ix_idp_client_state", "state", "created_at"),)


class Grant(Base):
    """What a person gave a platform in one authorization: its code, and the family of tokens from it.

    One row carries the whole family's fate: `revoked_at` ends every token at once, also those
    that a refresh inserts at the same moment.
    """

    __tablename__ = "idp_grant"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("idp_client.client_id"), index=True)
    person_id: Mapped[UUID] = mapped_column(Uuid)
    session_id: Mapped[UUID] = mapped_column(Uuid, index=True)
    sub: Mapped[str] = mapped_column(String(64))
    redirect_uri: Mapped[str] = mapped_column(Text)
    scope: Mapped[str] = mapped_column(String(500))
    offline: Mapped[bool] = mapped_column(Boolean)
    nonce: Mapped[str | None] = mapped_column(Text)
    code_challenge: Mapped[str | None] = mapped_column(String(128))
    dpop_jkt: Mapped[str | None] = mapped_column(String(43))
    """The key that the code is bound to (RFC 9449 section 10)."""
    claims: Mapped[dict[str, Any] | None] = mapped_column(MAYBE_JSON)
    """The `claims` parameter (OIDC Core section 5.5), as far as it was granted."""
    resources: Mapped[list[str] | None] = mapped_column(MAYBE_JSON)
    """The resources that were asked for (RFC 8707)."""
    details: Mapped[list[dict[str, Any]] | None] = mapped_column(MAYBE_JSON)
    """The authorization details (RFC 9396), as granted."""
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
    """An access token and, where one was given, the refresh token beside it.

    A token in JWT form (RFC 9068) has a row too: its `jti` is what `access_hash` is made of.
    """

    __tablename__ = "idp_token"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    grant_id: Mapped[UUID] = mapped_column(ForeignKey("idp_grant.id", ondelete="CASCADE"), index=True)
    access_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    refresh_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32), unique=True)
    scope: Mapped[str] = mapped_column(String(500))
    resources: Mapped[list[str] | None] = mapped_column(MAYBE_JSON)
    details: Mapped[list[dict[str, Any]] | None] = mapped_column(MAYBE_JSON)
    jkt: Mapped[str | None] = mapped_column(String(43))
    """The thumbprint of the DPoP key that the token is bound to (RFC 9449 section 6)."""
    x5t: Mapped[str | None] = mapped_column(String(43))
    """The thumbprint of the certificate that the token is bound to (RFC 8705 section 3.1)."""
    exchanged_by: Mapped[str | None] = mapped_column(String(64))
    """The platform that got the token for another one's (RFC 8693); None: the grant's own platform."""
    exchanged_sub: Mapped[str | None] = mapped_column(String(64))
    """The person's name at that platform."""
    act: Mapped[dict[str, Any] | None] = mapped_column(MAYBE_JSON)
    """Who acts with an exchanged token (RFC 8693 section 4.1)."""
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    access_expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    refresh_expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    rotated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    access_revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)

    __table_args__ = (
        Index(
            "ix_idp_token_exchanged_by",
            "exchanged_by",
            sqlite_where=text("exchanged_by IS NOT NULL"),
            postgresql_where=text("exchanged_by IS NOT NULL"),
        ),
    )


class ClientToken(Base):
    """An access token that a platform got for itself (RFC 6749 section 4.4): no person stands behind it."""

    __tablename__ = "idp_client_token"
    __table_args__ = ({"sqlite_with_rowid": False},)  # The key is the table: one B-tree less to write to.

    access_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(64))
    scope: Mapped[str] = mapped_column(String(500))
    resources: Mapped[list[str] | None] = mapped_column(MAYBE_JSON)
    details: Mapped[list[dict[str, Any]] | None] = mapped_column(MAYBE_JSON)
    jkt: Mapped[str | None] = mapped_column(String(43))
    x5t: Mapped[str | None] = mapped_column(String(43))
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SpentId(Base):
    """Something that counts once until its time is over: the `jti` of an assertion or of a proof (RFC 7519 §4.1.7)."""

    __tablename__ = "idp_spent_id"

    key: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class InitialAccessToken(Base):
    """What lets a program register platforms (RFC 7591 section 3), a number of times, until its end."""

    __tablename__ = "idp_initial_access_token"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    owner: Mapped[str] = mapped_column(String(100))
    made_by: Mapped[UUID | None] = mapped_column(Uuid, index=True)
    uses: Mapped[int] = mapped_column(Integer)
    uses_left: Mapped[int] = mapped_column(Integer)
    require_pkce: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class PairwiseSub(Base):
    """The name of a person at a sector (OIDC Core §8.1). This table decides; the HMAC only makes the first value."""

    __tablename__ = "idp_pairwise_sub"

    sector: Mapped[str] = mapped_column(String(255), primary_key=True)
    sub: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(Uuid)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_idp_pairwise_sub_person_id_sector", "person_id", "sector"),)


class DeviceCode(Base):
    """A device that waits for a person elsewhere to decide (RFC 8628). Both of its codes are keyed hashes.

    What the person allows becomes a `Grant` whose `code_hash` is this row's `device_hash`.
    """

    __tablename__ = "idp_device_code"

    device_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    user_code_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    client_id: Mapped[str] = mapped_column(String(64))
    scope: Mapped[str] = mapped_column(String(500))
    resources: Mapped[list[str] | None] = mapped_column(MAYBE_JSON)
    details: Mapped[list[dict[str, Any]] | None] = mapped_column(MAYBE_JSON)
    state: Mapped[str] = mapped_column(String(8))  # pending, allowed, refused
    interval: Mapped[int] = mapped_column(Integer)
    """The seconds between two polls; each poll that comes too early adds five."""
    polled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class PushedRequest(Base):
    """An authorization request that is kept for the browser to refer to (RFC 9126).

    `pushed` tells one that the platform sent itself, authenticated, from one that came in the
    address as a signed object and was put here so that our pages need not carry it.
    """

    __tablename__ = "idp_pushed_request"

    uri_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(64))
    parameters: Mapped[list[list[str]]] = mapped_column(JSON)
    """What counts of the request: names and values in order."""
    pushed: Mapped[bool] = mapped_column(Boolean)
    signed: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    begin_by: Mapped[datetime] = mapped_column(UtcDateTime)
    """Until then a browser may come with it; who came in time goes on with our ticket."""
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
