"""Scopes, and which claims each one asks for. Pure.

`openid` alone tells nothing but the pairwise `sub`. No scope ever gives an identity document.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

OPENID: Final = "openid"
OFFLINE: Final = "offline_access"

CLAIMS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        OPENID: (),
        "profile": ("name", "age_band", "loa"),
        "eid": ("eid",),
        "aff": ("school_code", "aff"),
        OFFLINE: (),
    }
)
SUPPORTED: Final = tuple(CLAIMS)


def parse_scope(text: str | None) -> tuple[str, ...]:
    """Return the scopes of a request in our order; unknown ones are left out (OIDC Core §3.1.2.1)."""
    wanted = set((text or "").split())
    return tuple(scope for scope in SUPPORTED if scope in wanted)


def scope_text(scopes: Iterable[str]) -> str:
    """Return scopes as the parameter has them, in our order."""
    wanted = set(scopes)
    return " ".join(scope for scope in SUPPORTED if scope in wanted)


def claims_of(scopes: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the claims that these scopes ask for."""
    wanted = set(scopes)
    return tuple(claim for scope, claims in CLAIMS.items() if scope in wanted for claim in claims)
