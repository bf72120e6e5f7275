"""A child under 14 asks: the wish is put to the guardians, one of them decides, the child goes on.

One request a platform and child, at most `MOST_OPEN` open ones, for 14 days. A different wish
is a new request with a new id, so that nobody agrees to what was not on the page. A refusal
is remembered for a week: a child's button does not wear a guardian down.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crypto.envelope import FieldVault
from idp.consent import store
from idp.consent.giving import Giver, Words, give_consent, refuse_consent, withdraw_consent
from idp.consent.wish import Wish, includes, wish_again
from idp.directory import guardianship
from idp.directory.guardianship import Link
from idp.errors import GuardianNeededError, RequestGoneError, RequestRefusedError, TooManyRequestsError
from idp.models import ConsentRequest
from idp.oauth.clients.registered import RegisteredClient
from kernel import audit
from kernel.db import Database
from kernel.errors import NotFoundError

LIFE: Final = timedelta(days=14)
REFUSED_FOR: Final = timedelta(days=7)
MOST_OPEN: Final = 10


def standing(session: Session, child_id: UUID, wish: Wish, now: datetime) -> str:
    """Return how it stands with a child's wish: `open`, `refused`, or `new` where nobody was asked this."""
    row = store.request_of(session, child_id, wish.client_id, now)
    return row.state if row is not None and includes([row], wish) else "new"


def ask(database: Database, child_id: UUID, wish: Wish, *, now: datetime, vault: FieldVault) -> None:
    """Put a wish to the child's guardians; the same wish twice stays one.

    Raises:
        GuardianNeededError: Nobody decides for this child: the school can register a guardian.
        RequestRefusedError: A guardian refused it lately.
        TooManyRequestsError: Too many wait already.
    """
    try:
        with database.write() as session:
            _ask(session, child_id, wish, now, vault)
    except IntegrityError:  # The same child in two browsers: the other one asked.
        return


def _ask(session: Session, child_id: UUID, wish: Wish, now: datetime, vault: FieldVault) -> None:
    links = guardianship.guardians_of(session, child_id, now=now, vault=vault)
    if not any(link.decides for link in links):
        raise GuardianNeededError("there is no guardian who could decide")
    state = standing(session, child_id, wish, now)
    if state == "refused":
        raise RequestRefusedError("a guardian refused it")
    if state == "open":
        return
    store.drop_request(session, child_id, wish.client_id)
    if store.count_requests(session, child_id, now) >= MOST_OPEN:
        raise TooManyRequestsError("too many requests wait", limit=MOST_OPEN)
    session.add(
        ConsentRequest(
            person_id=child_id,
            client_id=wish.client_id,
            owner=wish.owner,
            purpose=wish.purpose,
            scope=wish.scope,
            fields=wish.fields,
            state="open",
            created_at=now,
            expires_at=now + LIFE,
        )
    )
    session.flush()
    audit.record(session, at=now, action="consent.ask", actor=child_id, subject=child_id, client_id=wish.client_id)


def request_for(
    session: Session, id_: UUID, guardian_id: UUID, *, now: datetime, vault: FieldVault, lock: bool = False
) -> tuple[ConsentRequest, Link]:
    """Return an open request of a child for whom this guardian decides now, with the link.

    Raises:
        RequestGoneError: There is none: decided, replaced, expired, or another guardian's child.
    """
    row = store.request(session, id_, now, lock=lock)
    link = None if row is None else guardianship.deciding(session, guardian_id, row.person_id, now=now, vault=vault)
    if row is None or link is None:
        raise RequestGoneError("there is no such request")
    return row, link


def allow(
    session: Session,
    id_: UUID,
    client: RegisteredClient,
    *,
    guardian_id: UUID,
    words: Words,
    now: datetime,
    vault: FieldVault,
) -> None:
    """Agree for the child: a receipt names the guardian and the guardianship.

    Raises:
        RequestGoneError: There is no such request any more, or the platform has changed since.
    """
    row, link = request_for(session, id_, guardian_id, now=now, vault=vault, lock=True)
    wish = wish_again(row, client)
    if wish is None or wish.client_id != row.client_id or not store.drop_open_request(session, id_):
        raise RequestGoneError("there is no such request")
    give_consent(session, row.person_id, wish, by=Giver(guardian_id, link.id), words=words, now=now)


def refuse(session: Session, id_: UUID, *, guardian_id: UUID, now: datetime, vault: FieldVault) -> None:
    """Refuse for the child; the same wish is not put again for a week.

    Raises:
        RequestGoneError: There is no such request any more.
    """
    row, _ = request_for(session, id_, guardian_id, now=now, vault=vault, lock=True)
    if not store.refuse_request(session, id_, by=guardian_id, until=now + REFUSED_FOR):
        raise RequestGoneError("there is no such request")
    refuse_consent(session, row.person_id, row.client_id, now, by=guardian_id)


def withdraw_for(
    session: Session, guardianship_id: UUID, client_id: str, *, guardian_id: UUID, now: datetime, vault: FieldVault
) -> None:
    """Withdraw what a platform is allowed of a child, by any guardian who decides now.

    Raises:
        NotFoundError: Not one's child, or nothing is allowed.
    """
    mine = guardianship.children_of(session, guardian_id, now=now, vault=vault)
    link = next((link for link in mine if link.id == guardianship_id and link.decides), None)
    if link is None:
        raise NotFoundError("there is no such child")
    withdraw_consent(session, link.child_id, client_id, now, by=guardian_id)
