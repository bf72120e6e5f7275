"""Signed-in browsers: opened, resolved, renewed, ended. The cookie's token is kept as a keyed hash only.

Idle for 30 minutes (staff: 15) or 12 hours old, a session is over. Signing in or stepping up
always makes a new token, so that one planted beforehand is worth nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from idp import store
from idp.keyed import Keyed
from idp.levels import amr_of
from idp.models import SignInSession
from idp.oauth.logout.ending import LeftPlatform, end_online
from idp.oauth.stores import logout
from kernel.ids import new_token
from kernel.store import Executor

IDLE: Final = timedelta(minutes=30)
STAFF_IDLE: Final = timedelta(minutes=15)
ABSOLUTE: Final = timedelta(hours=12)
TOUCH: Final = timedelta(minutes=1)
RECENT: Final = timedelta(minutes=5)
_BROWSER_LENGTH: Final = 200
_ORIGIN_LENGTH: Final = 64


@dataclass(frozen=True, slots=True)
class Browser:
    """What is known of the browser that asks: its name for the session list, and its address."""

    name: str
    address: str


def token_hash(keyed: Keyed, token: str) -> bytes:
    """Return the keyed hash under which a cookie's token is kept."""
    return keyed.of("session", token)


def open_session(
    session: Session, person_id: UUID, methods: Sequence[str], browser: Browser, *, keyed: Keyed, now: datetime
) -> tuple[SignInSession, str]:
    """Sign a person in; return the row and the cookie's token."""
    token = new_token()
    row = SignInSession(
        token_hash=token_hash(keyed, token),
        person_id=person_id,
        amr=" ".join(amr_of(methods)),
        auth_time=now,
        created_at=now,
        last_seen_at=now,
        expires_at=now + ABSOLUTE,
        browser=browser.name[:_BROWSER_LENGTH],
        origin=browser.address[:_ORIGIN_LENGTH],
    )
    session.add(row)
    session.flush()
    return row, token


def find_session(on: Executor, token: str, *, keyed: Keyed, now: datetime) -> Row[Any] | None:
    """Return the signed-in browser of this cookie unless it is over; staff's shorter idle time is not known here."""
    row = store.session_row(on, token_hash(keyed, token))
    if row is None or now >= row.expires_at or is_idle(row, now, staff=False):
        return None
    return row


def is_idle(row: SignInSession | Row[Any], now: datetime, *, staff: bool) -> bool:
    """Whether the browser was silent for too long."""
    return now - row.last_seen_at >= (STAFF_IDLE if staff else IDLE)


def is_recent(auth_time: datetime, now: datetime) -> bool:
    """Whether somebody signed in so lately that they may change how they sign in."""
    return now - auth_time <= RECENT


def renew(row: SignInSession, methods: Sequence[str], *, keyed: Keyed, now: datetime) -> str:
    """Note that the person proved these methods now; return the new token, the old one is worth nothing."""
    token = new_token()
    row.token_hash = token_hash(keyed, token)
    row.amr = " ".join(amr_of(methods))
    row.auth_time = row.last_seen_at = now
    return token


def reopen(session: Session, row: SignInSession, methods: Sequence[str], *, keyed: Keyed, now: datetime) -> str:
    """Sign the same person in anew in the same browser; return the new token.

    The session keeps its id, the `sid` that platforms know: a sign-in that one platform asked
    for (`prompt=login`, `max_age`) signs nobody out of the others.
    """
    row.expires_at = now + ABSOLUTE
    logout.prolong_participants(session, row.id, row.expires_at)
    return renew(row, methods, keyed=keyed, now=now)


def end_session(session: Session, session_id: UUID, person_id: UUID, now: datetime) -> list[LeftPlatform] | None:
    """Sign a browser out; None where there is none.

    Ends the tokens that live only as long as it, and returns the platforms it was signed in at:
    those that take logout tokens will get one.
    """
    if not store.delete_session(session, session_id, person_id):
        return None
    return end_online(session, [session_id], now)


def end_all_sessions(session: Session, person_id: UUID, now: datetime) -> int:
    """Sign a person out everywhere; return in how many browsers."""
    ids = store.session_ids_of(session, person_id)
    return sum(end_session(session, session_id, person_id, now) is not None for session_id in ids)
