"""What expires goes: pending sign-ins, sessions, counters, codes, tokens, old receipts.

Sessions and tokens go at their end, counters after a day, a receipt three years
after the end of what it allowed (the term of the audit trail: until then it is evidence). Each store says
what of its tables has had its time.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from idp import store
from idp.consent import store as consents
from idp.consent.giving import end_expired
from idp.oauth.stores import devices, initial_tokens, logout, pushed, spent, tokens
from idp.platforms import store as platforms
from kernel.store import Expired, delete_expired

COUNTERS: Final = timedelta(days=1)
CONSENTS: Final = timedelta(days=3 * 365)
CHUNK: Final = 200


def expired(now: datetime) -> tuple[Expired, ...]:
    """Return what of every table has had its time."""
    return (
        *store.expired(now, counters_before=now - COUNTERS),
        *tokens.expired(now),
        *spent.expired(now),
        *initial_tokens.expired(now),
        *devices.expired(now),
        *pushed.expired(now),
        *logout.expired(now),
        *platforms.expired(now),
        *consents.expired(now, ended_before=now - CONSENTS),
    )


def purge(session: Session, now: datetime) -> int:
    """Delete a chunk of what has expired; return how many rows went. Call it again until it says 0."""
    ended = end_expired(session, now, limit=CHUNK)
    return ended + delete_expired(session, expired(now), limit=CHUNK)
