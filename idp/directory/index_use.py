"""Count and cap the blind-index look-ups of each actor and day: an index oracle is an enumeration oracle."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from idp.directory import store
from idp.directory.errors import LookupsExhaustedError
from kernel.pages import ZONE


def count_lookups(session: Session, *, actor: UUID, lookups: int, now: datetime, limit: int) -> None:
    """Count `lookups` for `actor` on the day of `now` (China Standard Time), before they are made.

    Raises:
        LookupsExhaustedError: They would be more than `limit` on this day; nothing is counted.
    """
    day = now.astimezone(ZONE).date()
    use = store.index_use(session, actor, day)
    if use.lookups + lookups > limit:
        raise LookupsExhaustedError(f"more than {limit} look-ups on {day}", limit=limit)
    use.lookups += lookups


def next_day(now: datetime) -> datetime:
    """Return when the counts begin anew: the next midnight, China Standard Time."""
    tomorrow = now.astimezone(ZONE).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), tzinfo=ZONE)
