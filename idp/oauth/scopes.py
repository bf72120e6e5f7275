"""Scopes, and which claims each one asks for. Pure.

`openid` alone tells nothing but the pairwise `sub`. No scope ever gives an identity document.
`email`, `phone` and `address` (OIDC Core §5.4) are none of ours: nothing of that is known here,
so they are left out of a request like any unknown scope.
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
        "guardian": ("guardian_of",),
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


RELEASABLE: Final = tuple(dict.fromkeys(claim for claims in CLAIMS.values() for claim in claims))
"""Every claim that some scope releases, in our order; nothing else is ever told of a person."""


def asked_claims(scopes: Iterable[str], also: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the claims of `scopes` and those asked for by name (OIDC Core §5.5), in our order.

    A name that no scope knows is left out: it is not refused (§5.5.1).
    """
    wanted = {*claims_of(scopes), *also}
    return tuple(claim for claim in RELEASABLE if claim in wanted)


def within_scope(names: Iterable[str], registered: Iterable[str]) -> tuple[str, ...]:
    """Return which of the claims asked for by name belong to a scope that the platform registered."""
    allowed = set(claims_of(registered))
    wanted = set(names)
    return tuple(claim for claim in RELEASABLE if claim in wanted and claim in allowed)
