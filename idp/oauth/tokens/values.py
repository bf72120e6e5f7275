"""Access and refresh tokens: made, hashed, and derived anew for an idempotent refresh.

Only keyed hashes are stored. A token's first signs tell its kind: scanners of leaked secrets
find it, and a look-up knows where to look. The successor of a refresh token is an HMAC of it under a key
of its own: whoever repeats a refresh within the grace time gets the same answer, and no
token is kept for that. Lifetimes stand here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from idp.keyed import Keyed
from kernel.ids import new_id, new_token

CODE_LIFE: Final = timedelta(seconds=60)
ACCESS_LIFE: Final = timedelta(hours=1)
REFRESH_LIFE: Final = timedelta(days=30)
FAMILY_LIFE: Final = timedelta(days=180)
GRACE: Final = timedelta(seconds=30)
MAX_TOKEN: Final = 512
ACCESS: Final = "xat_"
REFRESH: Final = "xrt_"
CLIENT: Final = "xct_"


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a platform gets; no refresh token without `offline_access`."""

    access: str
    refresh: str | None


def new_pair(*, offline: bool) -> TokenPair:
    """Return fresh random tokens."""
    return TokenPair(ACCESS + new_token(), REFRESH + new_token() if offline else None)


def successor(keyed: Keyed, refresh: str) -> TokenPair:
    """Return the tokens that follow `refresh`: always the same ones."""
    return TokenPair(ACCESS + keyed.token("next-access", refresh), REFRESH + keyed.token("next-refresh", refresh))


def code_hash(keyed: Keyed, code: str) -> bytes:
    """Return the keyed hash of an authorization code."""
    return keyed.of("code", code[:MAX_TOKEN])


def access_hash(keyed: Keyed, token: str) -> bytes:
    """Return the keyed hash of an access token."""
    return keyed.of("access", token[:MAX_TOKEN])


def refresh_hash(keyed: Keyed, token: str) -> bytes:
    """Return the keyed hash of a refresh token."""
    return keyed.of("refresh", token[:MAX_TOKEN])


def token_values(
    keyed: Keyed, pair: TokenPair, *, grant_id: UUID, scope: str, now: datetime, family_end: datetime
) -> dict[str, Any]:
    """Return the columns of a token's row."""
    access_end = min(now + ACCESS_LIFE, family_end)
    refresh_end = min(now + REFRESH_LIFE, family_end) if pair.refresh else None
    return {
        "id": new_id(),
        "grant_id": grant_id,
        "access_hash": access_hash(keyed, pair.access),
        "refresh_hash": refresh_hash(keyed, pair.refresh) if pair.refresh else None,
        "scope": scope,
        "issued_at": now,
        "access_expires_at": access_end,
        "refresh_expires_at": refresh_end,
        "expires_at": refresh_end or access_end,
    }


def answer(pair: TokenPair, *, scope: str, lifetime: timedelta) -> dict[str, Any]:
    """Return the token endpoint's answer (RFC 6749 §5.1), still without an ID token."""
    token = {
        "token_type": "Bearer",
        "access_token": pair.access,
        "expires_in": max(0, int(lifetime.total_seconds())),
        "scope": scope,
    }
    return {**token, "refresh_token": pair.refresh} if pair.refresh else token
