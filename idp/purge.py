"""What expires goes: pending sign-ins, sessions, counters, codes, tokens, withdrawn consents.

Sessions and tokens go at their end, counters after a day, a withdrawn consent three years
after the withdrawal (the term of the audit trail: until then it is evidence).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from idp import store

COUNTERS: Final = timedelta(days=1)
CONSENTS: Final = timedelta(days=3 * 365)
CHUNK: Final = 200


def purge(session: Session, now: datetime) -> int:
    """Delete a chunk of what has expired; return how many rows went. Call it again until it says 0."""
    return store.purge(session, now, attempts_before=now - COUNTERS, consents_before=now - CONSENTS, limit=CHUNK)
