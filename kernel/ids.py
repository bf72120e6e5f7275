"""Identifiers and random tokens. Row keys are UUIDv7 (RFC 9562 §5.7): they sort by time of creation."""

from __future__ import annotations

import secrets
from uuid import UUID

import uuid_utils


def new_id() -> UUID:
    """Return a new UUIDv7."""
    return UUID(bytes=uuid_utils.uuid7().bytes)


def new_token(size: int = 32) -> str:
    """Return `size` random bytes as base64url text, for cookies, codes and tokens."""
    return secrets.token_urlsafe(size)
