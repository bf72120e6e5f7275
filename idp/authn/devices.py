"""The device cookie: a browser that signed somebody in before has a counter of its own.

After OWASP's device cookies: `<nonce>.<tag>…`, one tag for each person who signed in here,
each an HMAC of nonce and person. It names nobody, cannot be made elsewhere, and gives no
access: strangers' failures just do not lock this browser out.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from crypto.hashes import equal
from idp.keyed import Keyed
from kernel.ids import new_token

PEOPLE: Final = 8
TAG: Final = 22
MAX_LENGTH: Final = 512


def known_device(keyed: Keyed, cookie: str | None, person_id: UUID) -> str | None:
    """Return the nonce of a browser that signed `person_id` in before, or None."""
    nonce, tags = _split(cookie)
    tag = _tag(keyed, nonce, person_id)
    return nonce if any(equal(tag.encode(), other.encode()) for other in tags) else None


def remember_person(keyed: Keyed, cookie: str | None, person_id: UUID) -> str:
    """Return the cookie with `person_id` among those who signed in here, at most eight, the latest first."""
    nonce, tags = _split(cookie)
    if not nonce:
        nonce = new_token(12)
    tag = _tag(keyed, nonce, person_id)
    return ".".join((nonce, tag, *[other for other in tags if other != tag][: PEOPLE - 1]))


def _split(cookie: str | None) -> tuple[str, list[str]]:
    if not cookie or len(cookie) > MAX_LENGTH or not cookie.isascii():
        return "", []
    nonce, *tags = cookie.split(".")
    return nonce, tags


def _tag(keyed: Keyed, nonce: str, person_id: UUID) -> str:
    return keyed.token("device", f"{nonce}|{person_id}")[:TAG]
