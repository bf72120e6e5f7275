"""The name of a person at a platform: a pairwise `sub` (OIDC Core §8.1).

The table decides which `sub` a sector knows; the HMAC only makes the first value, so that a
merge keeps what was given out and a split can give new ones. A `sub` is never reassigned.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from crypto.encoding import b64u
from crypto.hashes import hmac_sm3
from idp.oauth.stores import subs
from kernel.store import Executor

_POSSIBLE: Final = re.compile(r"[!-~]{1,64}")
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def first_sub(key: bytes, sector: str, person_id: UUID) -> str:
    """Return the first `sub` of a person at a sector: 43 signs of base64url."""
    return b64u(hmac_sm3(key, f"sub:v1|{sector}|{person_id}".encode()))


def sub_of(on: Executor, sector: str, person_id: UUID, *, key: bytes, now: datetime) -> str:
    """Return the `sub` under which the sector knows the person, making it where there is none."""
    known = subs.live_sub(on, sector, person_id)
    if known is not None:
        return known
    # A first value that was retired, or lives on with another person, is never given again:
    # a counter behind the sector makes the next one.
    for attempt in range(100):
        sub = first_sub(key, sector if attempt == 0 else f"{sector}#{attempt}", person_id)
        if subs.sub_owner(on, sector, sub) is None:
            subs.insert_sub(on, sector, sub, person_id, now)
            return sub
    raise AssertionError("a hundred names of one person at one sector were retired")


def sub_known(on: Executor, sector: str, sub: str, person_id: UUID) -> bool:
    """Whether `sub` is, or was, this person's name at the sector; what cannot be a name is not looked up."""
    return _POSSIBLE.fullmatch(sub) is not None and subs.sub_owner(on, sector, sub) == person_id


def sector_of(client_id: str, redirect_uris: tuple[str, ...]) -> str | None:
    """Return the sector of a platform: the one host of its redirect_uris; None where there are several.

    Loopback addresses and private schemes belong to nobody: there the sector is the client_id.
    """
    hosts = {_host(uri) for uri in redirect_uris}
    if hosts & {None, *LOOPBACK}:
        return client_id
    return str(hosts.pop()) if len(hosts) == 1 else None


def _host(uri: str) -> str | None:
    parts = urlsplit(uri)
    return parts.hostname if parts.scheme in ("http", "https") else None
