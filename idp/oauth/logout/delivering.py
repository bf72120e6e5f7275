"""Tells platforms that somebody signed out (OIDC Back-Channel Logout §2.5), until they take it or a day is over.

Each turn: claim what is due, in one short transaction; sign and call outside of any, several
at once, because one platform that hangs must not keep the others waiting; write down the ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final, Protocol
from urllib.parse import urlencode

from sqlalchemy import Row

from idp.oauth.clients.registered import ClientCache
from idp.oauth.errors import FetchError
from idp.oauth.keys import SigningKeys
from idp.oauth.logout.token import sign_logout_token
from idp.oauth.stores import logout as rows
from kernel import audit
from kernel.clock import Clock
from kernel.db import Database
from kernel.errors import XinjiError

AT_ONCE: Final = 8
BATCH: Final = 32
LEASE: Final = timedelta(minutes=1)
"""For how long a delivery is one worker's: longer than a call may take."""
PAUSES: Final = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 300, 1_800, 7_200))
"""After each try that failed; the one after the last pause is the last."""
KEPT_TRIES: Final = len(PAUSES) + 1
TAKEN: Final = (HTTPStatus.OK, HTTPStatus.NO_CONTENT)  # §2.8; 204 is what some frameworks make of an empty 200.
FORM: Final = "application/x-www-form-urlencoded"


class Caller(Protocol):
    """What posts to a platform's address without becoming its tool (`fetching.Fetcher`)."""

    def post(self, url: str, body: bytes, *, content_type: str) -> int:
        """Return the status of the answer, or raise `FetchError`."""


@dataclass(frozen=True, slots=True)
class Delivering:
    """What delivering needs. Built once, at start-up."""

    issuer: str
    database: Database
    clients: ClientCache
    keys: SigningKeys
    caller: Caller
    clock: Clock


def run_once(by: Delivering) -> int:
    """Deliver what is due; return how many were tried. Safe in several processes at once."""
    mine = _claimed(by)
    if not mine:
        return 0
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="logout") as threads:
        outcomes = list(threads.map(lambda row: _tell(row, by), mine))
    now = by.clock.now()
    with by.database.write() as session:
        for row, failure in zip(mine, outcomes, strict=True):
            if failure is None:
                rows.finish(session, row.id)
            elif row.tries < len(PAUSES):  # As it was before this try.
                rows.put_off(session, row.id, now + PAUSES[row.tries])
            else:
                rows.finish(session, row.id)
                audit.record(
                    session, at=now, action="logout.give_up", subject=row.client_id, result="failed", reason=failure
                )
    return len(mine)


def _claimed(by: Delivering) -> Sequence[Row[Any]]:
    now = by.clock.now()
    with by.database.read_core() as connection:
        due = rows.due(connection, now, limit=BATCH)
    if not due:
        return ()
    with by.database.write_core() as connection:
        return [row for row in due if rows.claim(connection, row.id, row.next_at, now + LEASE)]


def _tell(row: Row[Any], by: Delivering) -> str | None:
    """Call the platform; return why it failed, or None. One that is blocked or takes no tokens any more is done."""
    client = by.clients.get(row.client_id)
    uri = client.metadata.backchannel_logout_uri if client else None
    if client is None or uri is None:
        return None
    try:
        token = sign_logout_token(
            client, sub=row.sub, session_id=row.session_id, issuer=by.issuer, keys=by.keys, now=by.clock.now()
        )
        status = by.caller.post(uri, urlencode({"logout_token": token}).encode(), content_type=FORM)
    except FetchError:
        return "unreachable"
    except XinjiError:  # One row that cannot be signed must not hold up the others.
        return "unsigned"
    return None if status in TAKEN else "refused"
