"""Activation codes: given out by the school where an account begins, tried at the first sign-in, made void.

A code is stored as a keyed hash bound to its person, lives 14 days and allows 5 wrong
tries. Wrong number, wrong code and dead code get one and the same answer. Only the
organisation of the person's oldest running affiliation gives codes: a school that enters
somebody else's pupil must not be able to take over an account that is not activated yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from crypto.hashes import equal
from idp.directory import store
from idp.directory.activation_code import new_activation_code, parse_activation_code
from idp.directory.eid import parse_eid
from idp.directory.errors import (
    ActivationRefusedError,
    AffiliationUnknownError,
    HasAccountError,
    VoidTooLateError,
)
from idp.directory.models import ActivationCode, Affiliation, Person
from idp.directory.services import DirectoryServices
from kernel import audit
from kernel.db import Database
from kernel.pages import ZONE

LIFETIME: Final = timedelta(days=14)
TRIES: Final = 5
VOID_WITHIN: Final = timedelta(hours=72)
_NOBODY: Final = UUID(int=0)


class NewCode(NamedTuple):
    """A code that is shown once, and the hash that is stored."""

    person_id: UUID
    code: str
    hash: bytes


def draft_code(person_id: UUID, by: DirectoryServices) -> NewCode:
    """Draft a code for a person; nothing is stored yet."""
    code = new_activation_code()
    return NewCode(person_id, code, _hash(person_id, code, by))


def may_give_code(session: Session, person: Person, *, organisation_id: UUID, today: date) -> bool:
    """Whether this organisation may give the person a code: no account yet, and the account begins here."""
    return (
        person.activated_at is None and store.first_homes(session, [person.id], today).get(person.id) == organisation_id
    )


def give_codes(
    session: Session, drafts: Sequence[NewCode], *, given_by: UUID, organisation_id: UUID, now: datetime
) -> None:
    """Store new codes; earlier ones of the same people are void from here on."""
    store.lock_organisation(session, organisation_id)
    store.drop_activation_codes(session, [draft.person_id for draft in drafts])
    rows = [
        {
            "person_id": draft.person_id,
            "hash": draft.hash,
            "tries": 0,
            "given_by": given_by,
            "organisation_id": organisation_id,
            "created_at": now,
            "expires_at": now + LIFETIME,
        }
        for draft in drafts
    ]
    if rows:
        session.execute(insert(ActivationCode), rows)


def give_code(
    session: Session, affiliation_id: UUID, *, organisation_id: UUID, actor: UUID, by: DirectoryServices
) -> NewCode:
    """Give one person of the own roster a new code.

    Raises:
        AffiliationUnknownError: Nobody such in this roster.
        HasAccountError: There is an account, or it begins at another organisation.
    """
    _, person = _of_roster(session, affiliation_id, organisation_id)
    now = by.clock.now()
    if not may_give_code(session, person, organisation_id=organisation_id, today=now.astimezone(ZONE).date()):
        raise HasAccountError("no code is needed from here")
    draft = draft_code(person.id, by)
    give_codes(session, [draft], given_by=actor, organisation_id=organisation_id, now=now)
    audit.record(session, at=now, action="directory.activation.code_given", actor=actor, subject=person.id)
    return draft


def void_code(session: Session, affiliation_id: UUID, *, organisation_id: UUID, actor: UUID, now: datetime) -> None:
    """Make the code that this organisation gave a person void.

    Raises:
        AffiliationUnknownError: Nobody such in this roster.
    """
    _, person = _of_roster(session, affiliation_id, organisation_id)
    code = store.activation_code(session, person.id)
    if code is not None and code.organisation_id == organisation_id:
        session.delete(code)
        audit.record(session, at=now, action="directory.activation.code_void", actor=actor, subject=person.id)


def redeem(database: Database, eid: str, code: str, *, by: DirectoryServices) -> UUID:
    """Check a number and a code; return the person. `mark_activated` uses the code up.

    A wrong code is counted in a short transaction of its own before this raises, so that no
    rollback forgets it; a mistyped one (check sign) is not counted.

    Raises:
        InputError: The number or the code is mistyped.
        ActivationRefusedError: They do not fit, or the code is void, used up or too old.
    """
    number, plain = parse_eid(eid), parse_activation_code(code)
    now = by.clock.now()
    with database.write() as session:
        person = store.person_by_eid(session, number)
        stored = None if person is None else store.activation_code(session, person.id)
        given = _hash(_NOBODY if person is None else person.id, plain, by)
        fits = stored is not None and equal(stored.hash, given)
        alive = stored is not None and stored.expires_at > now and stored.tries < TRIES
        if stored is not None and alive and not fits:
            stored.tries += 1
            audit.record(
                session,
                at=now,
                action="directory.activation.tried",
                subject=stored.person_id,
                result="refused",
                tries=stored.tries,
            )
    if person is None or not fits or not alive or person.activated_at is not None:
        raise ActivationRefusedError("number and code do not fit, or the code is void")
    return person.id


def mark_activated(session: Session, person_id: UUID, now: datetime, *, redeemed_at: datetime) -> None:
    """Use the code up, in the transaction that makes the account.

    Raises:
        ActivationRefusedError: The code is gone or too old, another one was given since it was
            redeemed, or somebody else was first.
    """
    person = store.person(session, person_id)
    code = store.activation_code(session, person_id)
    if person is None or code is None or code.expires_at <= now or person.activated_at is not None:
        raise ActivationRefusedError("the code is void")
    if code.created_at > redeemed_at:  # Who had the earlier code is not who was handed this one.
        raise ActivationRefusedError("the code is void")
    person.activated_at = now
    session.delete(code)
    audit.record(session, at=now, action="directory.activation.done", actor=person_id, subject=person_id)


def void_activation(
    session: Session, affiliation_id: UUID, *, organisation_id: UUID, actor: UUID, by: DirectoryServices
) -> None:
    """Undo an activation that the wrong person made, within 72 hours, and end all access it gave.

    Raises:
        AffiliationUnknownError: Nobody such in this roster.
        HasAccountError: The account does not begin at this organisation, or access cannot be ended here.
        VoidTooLateError: It is longer ago.
    """
    _, person = _of_roster(session, affiliation_id, organisation_id)
    now = by.clock.now()
    home = store.first_homes(session, [person.id], now.astimezone(ZONE).date()).get(person.id)
    if person.activated_at is None or home != organisation_id or by.revoke_access is None:
        raise HasAccountError("the activation is not this organisation's to undo")
    if now - person.activated_at > VOID_WITHIN:
        raise VoidTooLateError("more than 72 hours ago")
    person.activated_at = None
    by.revoke_access(session, person.id, now)
    audit.record(session, at=now, action="directory.activation.void", actor=actor, subject=person.id)


def _of_roster(session: Session, affiliation_id: UUID, organisation_id: UUID) -> tuple[Affiliation, Person]:
    found = store.affiliation_at(session, organisation_id, affiliation_id)
    if found is None:
        raise AffiliationUnknownError("nobody such in this roster")
    return found


def _hash(person_id: UUID, code: str, by: DirectoryServices) -> bytes:
    return by.codes.of(f"activation:v1|{person_id}|{code}")
