"""Giving, refusing and withdrawing consent. Each giving leaves a receipt; an end takes the tokens with it.

A consent holds for a year. What a guardian gave counts until the child's 14th birthday,
midnight in China; from then on the holder is asked. Withdrawing is open to the holder at any
age, and to any guardian who decides for the child now.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from crypto.envelope import FieldVault
from crypto.hashes import sm3
from idp.ages import ADULT, CHILD, age_on
from idp.consent import store
from idp.consent.wish import Wish, includes
from idp.directory import lookup
from idp.models import Consent
from idp.oauth.stores import tokens
from kernel import audit
from kernel.errors import NotFoundError
from kernel.pages import ZONE
from kernel.store import Executor

LIFE: Final = timedelta(days=365)
DAILY: Final = timedelta(days=1)
RARELY: Final = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class Words:
    """What the page said, whole, and in which language."""

    text: str
    language: str

    @property
    def version(self) -> str:
        """The hash by which a receipt names the text."""
        return "sm3:" + sm3(self.text.encode()).hex()


@dataclass(frozen=True, slots=True)
class Giver:
    """Who gives: the holder, or a guardian under a guardianship."""

    person_id: UUID
    guardianship_id: UUID | None = None


def covers(on: Executor, person_id: UUID, wish: Wish, *, child: bool, now: datetime) -> bool:
    """Whether what was allowed before includes `wish`: for a child by guardians, from 14 on by the holder alone."""
    given = store.live_consents(on, person_id, wish.client_id, now, by_guardian=child)
    return includes(given, wish)


def give_consent(session: Session, person_id: UUID, wish: Wish, *, by: Giver, words: Words, now: datetime) -> UUID:
    """Record that the platform may have what `wish` names of the person; return the receipt's id.

    What guardians allowed before ends where the holder gives: it is the holder's to decide now.
    """
    if by.guardianship_id is None:
        for client_id in store.end_by_guardians(session, person_id, now):
            tokens.revoke_grants(session, person_id, client_id, now)
    store.keep_text(session, words.version, words.text, now)
    receipt = Consent(
        person_id=person_id,
        client_id=wish.client_id,
        name=wish.name,
        name_en=wish.name_en,
        owner=wish.owner,
        purpose=wish.purpose,
        basis="consent" if by.guardianship_id is None else "guardian",
        scope=wish.scope,
        fields=wish.fields,
        text_version=words.version,
        language=words.language,
        given_by=by.person_id,
        guardianship_id=by.guardianship_id,
        given_at=now,
        until=now + LIFE,
        check_on=None if by.guardianship_id is None else now.astimezone(ZONE).date(),
    )
    session.add(receipt)
    session.flush()
    audit.record(
        session,
        at=now,
        action="consent.give",
        actor=by.person_id,
        subject=person_id,
        client_id=wish.client_id,
        scope=wish.scope,
        basis=receipt.basis,
    )
    return receipt.id


def refuse_consent(session: Session, person_id: UUID, client_id: str, now: datetime, *, by: UUID | None = None) -> None:
    """Record that the person, or `by` for a child, refused."""
    audit.record(
        session,
        at=now,
        action="consent.refuse",
        actor=by or person_id,
        subject=person_id,
        result="refused",
        client_id=client_id,
    )


def withdraw_consent(
    session: Session, person_id: UUID, client_id: str, now: datetime, *, by: UUID | None = None
) -> None:
    """End all that the platform is allowed of the person, and its tokens; `by` a guardian, or the holder.

    Raises:
        NotFoundError: Nothing is allowed.
    """
    who = by or person_id
    if not store.end_consents(session, person_id, client_id, by=who, ending="withdrawn", now=now):
        raise NotFoundError("this platform has no consent")
    tokens.revoke_grants(session, person_id, client_id, now)
    audit.record(session, at=now, action="consent.withdraw", actor=who, subject=person_id, client_id=client_id)


def end_of_guardianship(session: Session, guardianship_id: UUID, *, by: UUID, now: datetime) -> None:
    """End what was allowed under a guardianship that has come to its end, and the tokens: another one decides anew."""
    for receipt in store.live_under_guardianship(session, guardianship_id, now):
        receipt.withdrawn_at, receipt.withdrawn_by, receipt.ending = now, by, "guardianship"
        tokens.revoke_grants(session, receipt.person_id, receipt.client_id, now)


def end_expired(session: Session, now: datetime, *, limit: int) -> int:
    """End consents whose year is over, with their tokens unless a newer consent holds; return how many."""
    late = store.over(session, now, limit)
    for receipt in late:
        receipt.withdrawn_at, receipt.ending = receipt.until, "expired"
        by_guardian = receipt.guardianship_id is not None
        newer = store.live_consents(session, receipt.person_id, receipt.client_id, now, by_guardian=by_guardian)
        if not newer:
            tokens.revoke_grants(session, receipt.person_id, receipt.client_id, now)
    return len(late)


def end_of_age(session: Session, now: datetime, *, vault: FieldVault, limit: int) -> int:
    """End what guardians allowed of people who are 14 by now, with the tokens; return how many receipts were looked at.

    At the authorization endpoint and at userinfo the birthday counts to the second; this ends
    what lies elsewhere. Until the year before, looking twice a year is enough.
    """
    today = now.astimezone(ZONE).date()
    due = store.to_check(session, today, limit)
    for receipt in due:
        person = lookup.person_by_id(session, vault, receipt.person_id)
        age = ADULT if person is None else age_on(person.birthdate, today)
        if age >= CHILD:
            receipt.withdrawn_at, receipt.ending = now, "of_age"
            tokens.revoke_grants(session, receipt.person_id, receipt.client_id, now)
        receipt.check_on = today + (DAILY if age == CHILD - 1 else RARELY)
    return len(due)
