"""Argon2 in threads, a few at a time: each takes 19 MiB, and static files need the other threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final, TypeVar

from anyio import CapacityLimiter
from anyio.lowlevel import RunVar
from anyio.to_thread import run_sync

AT_ONCE: Final = max(2, os.cpu_count() or 2)
_limiter: RunVar[CapacityLimiter] = RunVar("xinji_password_hashing")
T = TypeVar("T")


async def hashed(work: Callable[..., T], *args: object) -> T:
    """Run a password hash in a thread. Nothing may be open meanwhile."""
    try:
        limiter = _limiter.get()
    except LookupError:
        limiter = CapacityLimiter(AT_ONCE)
        _limiter.set(limiter)
    return await run_sync(work, *args, limiter=limiter)
