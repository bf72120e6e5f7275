"""What counts once: the database decides who is first."""

from __future__ import annotations

from datetime import datetime

from idp.oauth.models import SpentId
from kernel.store import Executor, Expired, insert_new


def spend(on: Executor, key_hash: bytes, until: datetime) -> bool:
    """Note that `key_hash` was used; False where it was already. It is remembered until `until`."""
    return insert_new(on, SpentId, {"key": key_hash, "expires_at": until})


def expired(now: datetime) -> tuple[Expired, ...]:
    """Return what nobody can use again because its own time is over."""
    return ((SpentId.key, SpentId.expires_at < now),)
