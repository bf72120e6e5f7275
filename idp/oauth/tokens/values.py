"""Access and refresh tokens: made, hashed, and derived anew for an idempotent refresh.

Only keyed hashes are stored. A token's first signs tell its kind: scanners of leaked secrets
find it, and a look-up knows where to look. The successor of a refresh token is an HMAC of it under a key
of its own: whoever repeats a refresh within the grace time gets the same answer, and no
token is kept for that. Lifetimes stand here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from idp.keyed import Keyed
from kernel.ids import new_token

CODE_LIFE: Final = timedelta(seconds=60)
ACCESS_LIFE: Final = timedelta(hours=1)
REFRESH_LIFE: Final = timedelta(days=30)
FAMILY_LIFE: Final = timedelta(days=180)
GRACE: Final = timedelta(seconds=30)
MAX_TOKEN: Final = 512
ACCESS: Final = "xat_"
REFRESH: Final = "xrt_"
CLIENT: Final = "xct_"
ACCESS_JTI: Final = "xaj_"
CLIENT_JTI: Final = "xcj_"


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a platform gets; no refresh token without `offline_access`.

    `access` is the access token, or the `jti` of one in JWT form (RFC 9068).
    """

    access: str
    refresh: str | None


def new_pair(*, offline: bool, jwt: bool = False) -> TokenPair:
    """Return fresh random tokens."""
    access = new_token()
    return TokenPair((ACCESS_JTI if jwt else ACCESS) + access, REFRESH + new_token() if offline else None)


def successor(keyed: Keyed, refresh: str, *, jwt: bool = False) -> TokenPair:
    """Return the tokens that follow `refresh`: always the same ones."""
    access = keyed.token("next-access", refresh)
    return TokenPair((ACCESS_JTI if jwt else ACCESS) + access, REFRESH + keyed.token("next-refresh", refresh))


def code_hash(keyed: Keyed, code: str) -> bytes:
    """Return the keyed hash of an authorization code."""
    return keyed.of("code", code[:MAX_TOKEN])


def access_hash(keyed: Keyed, token: str) -> bytes:
    """Return the keyed hash of an opaque access token."""
    return keyed.of("access", token[:MAX_TOKEN])


def jti_hash(keyed: Keyed, jti: str) -> bytes:
    """Return the keyed hash of a JWT access token's `jti`: another one, so that a `jti` is no token."""
    return keyed.of("access-jti", jti[:MAX_TOKEN])


def is_jti(name: str) -> bool:
    """Whether this names an access token in JWT form."""
    return name.startswith((ACCESS_JTI, CLIENT_JTI))


def name_hash(keyed: Keyed, name: str) -> bytes:
    """Return the hash under which an access token is kept, by what we call it."""
    return jti_hash(keyed, name) if is_jti(name) else access_hash(keyed, name)


def refresh_hash(keyed: Keyed, token: str) -> bytes:
    """Return the keyed hash of a refresh token."""
    return keyed.of("refresh", token[:MAX_TOKEN])


def answer(access: str, refresh: str | None, *, token_type: str, scope: str, lifetime: timedelta) -> dict[str, Any]:
    """Return the token endpoint's answer (RFC 6749 §5.1), still without an ID token."""
    token: dict[str, Any] = {
        "token_type": token_type,
        "access_token": access,
        "expires_in": max(0, int(lifetime.total_seconds())),
    }
    if scope:
        token["scope"] = scope
    if refresh:
        token["refresh_token"] = refresh
    return token
