"""Appoint the registrars of a school and the officers of an authority; make guardians known at a school.

A person is found by document, name and birth date together, or made. What agrees only in
part is refused with one uniform error. The activation code is given out once, and only
where the account begins here (see `activation`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from idp.directory import store
from idp.directory.activation import draft_code, give_codes, may_give_code
from idp.directory.code_tables import gender_code
from idp.directory.days import parse_day
from idp.directory.enrolment import draft_person, index_of
from idp.directory.errors import AppointedAlreadyError, OutsideSubtreeError, ReviewNeededError, SuperiorError
from idp.directory.identity_document import IdentityDocument, parse_document, parse_document_type
from idp.directory.index_use import count_lookups
from idp.directory.input_errors import DayError, DocumentNumberMissingError, GenderError
from idp.directory.models import Affiliation, Organisation, Person, PersonDocument
from idp.directory.names import clean_name
from idp.directory.power import known_organisation, within_power
from idp.directory.profiles import Profile, open_profile, same_person
from idp.directory.services import DirectoryServices
from kernel import audit
from kernel.db import Database
from kernel.ids import new_id
from kernel.pages import ZONE

ROLES: Final = {"registrar": "school", "officer": "authority", "guardian": "school"}


@dataclass(frozen=True, slots=True)
class Appointment:
    """A checked form: who is to be appointed. Pure values."""

    profile: Profile
    document: IdentityDocument


@dataclass(frozen=True, slots=True)
class Appointed:
    """The person's number, and the activation code to hand over once (None: there is an account)."""

    person_id: UUID
    eid: str
    name: str
    code: str | None


def read_appointment(
    *, name: str, document_type: str, document_number: str, birthdate: str, gender: str, now: datetime
) -> Appointment:
    """Check the fields of the form; birth date and gender may be blank where the number carries them.

    Raises:
        InputError: By the field that is wrong.
    """
    today = now.astimezone(ZONE).date()
    document = parse_document(parse_document_type(document_type), document_number)
    if document.index_text is None:
        raise DocumentNumberMissingError("staff need a document that identifies one person")
    born = parse_day(birthdate, today=today) if birthdate.strip() else document.birthdate
    coded = gender_code(gender) if gender.strip() else document.gender
    if born is None:
        raise DayError("the date of birth is missing")
    if coded is None:
        raise GenderError("the gender is missing")
    return Appointment(Profile(clean_name(name), coded, born), document)


def appoint(
    database: Database,
    who: Appointment,
    *,
    role: str,
    organisation: str,
    officer_of: str | None,
    actor: UUID | None,
    by: DirectoryServices,
) -> Appointed:
    """Give `who` the `role` at `organisation`, by an officer of `officer_of` (None: the installation).

    An officer appoints registrars anywhere in the own subtree, and officers strictly below.
    The look-up is counted in a transaction of its own: a refusal must not forget it.

    Raises:
        OutsideSubtreeError: The organisation is not in the officer's power.
        ReviewNeededError: The data agree with a registered person only in part.
        AppointedAlreadyError: The person has this role there.
        LookupsExhaustedError: The officer has used up the look-ups of the day.
    """
    now = by.clock.now()
    with database.write() as session:
        _place(session, role, organisation, officer_of)
        if actor is not None:
            count_lookups(session, actor=actor, lookups=1, now=now, limit=by.lookups_per_day)
    with database.write() as session:
        place = _place(session, role, organisation, officer_of)
        person = _existing(session, who, by) or _make(session, who, place, now=now, by=by)
        _affiliate(session, person, role, place, now)
        given = _code(session, person, place, actor=actor, now=now, by=by)
        action = f"directory.{role}.appointed"
        audit.record(session, at=now, action=action, actor=actor, subject=person.id, organisation=place.code)
        return Appointed(person.id, person.eid, who.profile.name, given)


def _place(session: Session, role: str, organisation: str, officer_of: str | None) -> Organisation:
    place = known_organisation(session, organisation)
    if place.kind != ROLES[role]:
        raise SuperiorError(f"no {role} at a {place.kind}", organisation=organisation, superior=place.kind)
    if officer_of is not None:
        within_power(session, officer_of=officer_of, code=organisation)
        if role == "officer" and organisation == officer_of:
            raise OutsideSubtreeError("officers are appointed from above", organisation=organisation)
    return place


def _existing(session: Session, who: Appointment, by: DirectoryServices) -> Person | None:
    index = index_of(who.document, by)
    person = None if index is None else store.holders(session, by.index.key_id, [index]).get(index)
    if person is not None:
        known = open_profile(by.vault, person.wrapped_key, person.id, person.profile)
        if not same_person(known, who.profile):
            raise ReviewNeededError("the data agree only in part")
    return person


def _make(session: Session, who: Appointment, place: Organisation, *, now: datetime, by: DirectoryServices) -> Person:
    draft = draft_person(who.profile, who.document, source_id=place.id, now=now, by=by)
    try:
        session.execute(insert(Person), [draft.person])
        if draft.document is not None:
            session.execute(insert(PersonDocument), [draft.document])
    except IntegrityError as error:  # Registered by somebody else a moment ago.
        raise ReviewNeededError("the data agree only in part") from error
    return session.get_one(Person, draft.id)


def _affiliate(session: Session, person: Person, role: str, place: Organisation, now: datetime) -> None:
    today = now.astimezone(ZONE).date()
    for held, organisation in store.affiliations_of(session, person.id):
        if held.role == role and organisation.id == place.id and (held.until is None or held.until >= today):
            raise AppointedAlreadyError(f"is {role} already")
    session.add(
        Affiliation(
            id=new_id(),
            person_id=person.id,
            organisation_id=place.id,
            role=role,
            since=today,
            created_at=now,
            changed_at=now,
        )
    )
    session.flush()


def _code(
    session: Session, person: Person, place: Organisation, *, actor: UUID | None, now: datetime, by: DirectoryServices
) -> str | None:
    if not may_give_code(session, person, organisation_id=place.id, today=now.astimezone(ZONE).date()):
        return None
    draft = draft_code(person.id, by)
    give_codes(session, [draft], given_by=actor or person.id, organisation_id=place.id, now=now)
    return draft.code
