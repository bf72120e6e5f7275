"""Keep an import's lease and its rate up to date while a worker is at it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.orm import Session

from idp.directory.roster import store
from idp.directory.roster.errors import StaleError
from idp.directory.roster.models import RosterImport
from kernel.clock import Clock

# After a kill another worker goes on when this has passed.
LEASE: Final = timedelta(seconds=15)
SLICE: Final = timedelta(seconds=2)


class Pace:
    """The clock of one turn of a worker at one import."""

    def __init__(self, clock: Clock, already: int) -> None:
        """Start now, with `already` rows done in this stage."""
        self._clock = clock
        self._started = clock.now()
        self._already = already

    def over(self) -> bool:
        """Whether this turn has taken its time: others wait."""
        return self._clock.now() - self._started >= SLICE

    def keep(self, session: Session, job: RosterImport, stage: str, *, done: int, **values: Any) -> datetime:
        """Renew the lease, note the rate, and set `values`; return the time.

        Raises:
            StaleError: The import is no longer in `stage`: it was cancelled, or another worker went on.
        """
        now = self._clock.now()
        seconds = (now - self._started).total_seconds()
        rate = (done - self._already) / seconds if seconds > 0 else 0.0
        if not store.advance(session, job.id, stage, claimed_until=now + LEASE, touched_at=now, rate=rate, **values):
            raise StaleError(f"the import is no longer {stage}")
        return now
