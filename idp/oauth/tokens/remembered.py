"""What one process has seen lately, in bounded memory: for endpoints that write nothing. Knows no tokens.

Another process has not seen it. What that leaves open, the caller must make small by other
means: a DPoP proof at userinfo lives for two minutes, and reads only what its token reads.
"""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Final

SIZE: Final = 20_000


class Remembered:
    """Keys with the moment until which they count. Safe to share between threads."""

    def __init__(self, size: int = SIZE) -> None:
        """Remember up to `size` keys; the oldest goes first."""
        self._size = size
        self._until: dict[bytes, datetime] = {}
        self._lock = threading.Lock()

    def first(self, key: bytes, until: datetime, *, now: datetime) -> bool:
        """Remember `key` until `until`; False where it is remembered already."""
        with self._lock:
            known = self._until.get(key)
            if known is not None and known > now:
                return False
            while len(self._until) >= self._size:
                del self._until[next(iter(self._until))]
            self._until[key] = until
            return True

    def __len__(self) -> int:
        return len(self._until)
