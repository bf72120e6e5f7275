"""The time, as a parameter: use cases read it once from a `Clock` they are given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time, always aware and in UTC."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        ...


class SystemClock:
    """The machine's clock. The only place that reads it."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        return datetime.now(UTC)


class ManualClock:
    """A clock that stands still until it is moved: for tests and simulated months."""

    def __init__(self, start: datetime) -> None:
        """Start at `start`, which must be aware."""
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """Return the moment the clock stands at."""
        return self._now

    def move(self, step: timedelta) -> None:
        """Move on by `step`."""
        self._now += step
