"""Turns at a lock, first come, first served. Knows nothing of databases.

SQLite lets whoever happens to look first have its write lock, and who waits looks again after
ever longer pauses: against a worker that writes all the time, a page may lose for seconds.
"""

from __future__ import annotations

import threading
from collections import deque


class Turns:
    """A lock for threads that hands itself to whoever has waited longest."""

    def __init__(self) -> None:
        """Begin with nobody's turn."""
        self._gate = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Event] = deque()

    def take(self, seconds: float) -> bool:
        """Wait for a turn, `seconds` at most; return whether it has come. Not reentrant."""
        with self._gate:
            if not self._taken:
                self._taken = True
                return True
            turn = threading.Event()
            self._waiting.append(turn)
        if turn.wait(seconds):
            return True
        with self._gate:
            if turn.is_set():  # It came at the last moment.
                return True
            self._waiting.remove(turn)
            return False

    def end(self) -> None:
        """End the turn: the one who has waited longest is next."""
        with self._gate:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken = False
