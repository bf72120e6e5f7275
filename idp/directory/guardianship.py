"""Guardians of children under 14: proposed by one of the staff, confirmed by another, waited for, ended.

A link needs two staff, is told to the guardians whom the child has already, and counts 72
hours after the confirmation unless one of them objects. It lapses on the child's 14th
birthday, midnight in China, until the child consents to it again, and ends at 18. Only the
school where the child's account begins has a say. A wrong entry gets one uniform answer, and
a guardian's number is believed only together with the name: nobody learns here whose number
it is.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crypto.envelope import FieldVault
from idp.ages import ADULT, CHILD, age_on
from idp.directory import guardian_store, store
from idp.directory.code_tables import GUARDIAN_RELATIONS
from idp.directory.eid import parse_eid
from idp.directory.errors import (
    GuardianshipOpenError,
    GuardianshipRefusedError,
    GuardianshipUnknownError,
    InputError,
    NotIndependentError,
    ObjectionTooLateError,
)
from idp.directory.index_use import count_lookups
from idp.directory.models import Affiliation, Guardianship, Person
from idp.directory.names import name_key
from idp.directory.profiles import Profile, open_profile
from idp.directory.services import DirectoryServices
from kernel import audit
from kernel.db import Database
from kernel.pages import ZONE

WAIT: Final = timedelta(hours=72)
UNCONFIRMED_KEPT: Final = timedelta(days=30)
ENDED_KEPT: Final = timedelta(days=3 * 365)
ROLE: Final = "guardian"


class Link(NamedTuple):
    """A link as pages show it. `state`: proposed, waiting, effective, lapsed (14, not renewed) or over (18)."""

    id: UUID
    child_id: UUID
    child: str
    guardian_id: UUID
    guardian: str
    relation: str
    state: str
    proposed_by: UUID
    proposed_at: datetime
    effective_at: datetime | None
    age: int

    @property
    def decides(self) -> bool:
        """Whether the guardian decides for the child now."""
        return self.state == "effective" and self.age < CHILD


class Proposal(NamedTuple):
    """What somebody of the staff typed: two numbers, the guardian's name, the relation (GB/T 4761)."""

    child_eid: str
    guardian_eid: str
    guardian_name: str
    relation: str


def propose(database: Database, typed: Proposal, *, school_id: UUID, actor: UUID, by: DirectoryServices) -> UUID:
    """Propose a guardian for a child of the own school; return the link.

    The look-up is counted and a refusal is kept in transactions of their own.

    Raises:
        GuardianshipRefusedError: Any entry is wrong: never told which.
        GuardianshipOpenError: The two are linked or proposed already.
        LookupsExhaustedError: The look-ups of the day are used up.
    """
    now = by.clock.now()
    with database.write() as session:
        count_lookups(session, actor=actor, lookups=1, now=now, limit=by.lookups_per_day)
        pair = _pair(session, typed, school_id, now, by)
        if pair is None:
            audit.record(session, at=now, action="guardianship.propose", actor=actor, result="refused")
    if pair is None:
        raise GuardianshipRefusedError("child and guardian cannot be linked from here")
    if actor == pair[1]:
        raise NotIndependentError("nobody proposes themselves")
    link = Guardianship(
        child_id=pair[0],
        guardian_id=pair[1],
        relation=typed.relation,
        organisation_id=school_id,
        proposed_by=actor,
        proposed_at=now,
    )
    try:
        with database.write() as session:
            session.add(link)
            session.flush()
            audit.record(session, at=now, action="guardianship.propose", actor=actor, subject=link.id)
    except IntegrityError as error:
        raise GuardianshipOpenError("there is such a link already") from error
    return link.id


def confirm(session: Session, id_: UUID, *, school_id: UUID, actor: UUID, now: datetime) -> None:
    """Confirm what another one proposed: it counts in 72 hours, unless a guardian objects.

    Raises:
        GuardianshipUnknownError: No such proposal of a child of this school.
        NotIndependentError: The own proposal, or the own guardianship.
    """
    row = _of_school(session, id_, school_id, now)
    if row.confirmed_at is not None or now - row.proposed_at > UNCONFIRMED_KEPT:
        raise GuardianshipUnknownError("there is no such proposal")
    if actor in (row.proposed_by, row.guardian_id):
        raise NotIndependentError("a second person must confirm")
    if not guardian_store.set_confirmed(session, id_, by=actor, now=now, effective_at=now + WAIT):
        raise GuardianshipUnknownError("there is no such proposal")
    _affiliate(session, row.guardian_id, school_id, now)
    audit.record(session, at=now, action="guardianship.confirm", actor=actor, subject=id_)


def end(session: Session, id_: UUID, *, school_id: UUID, actor: UUID, now: datetime) -> None:
    """End a link, or drop a proposal, by the child's school.

    Raises:
        GuardianshipUnknownError: No such link of a child of this school.
    """
    _close(session, _of_school(session, id_, school_id, now), closing="ended", actor=actor, now=now)


def resign(session: Session, id_: UUID, *, actor: UUID, now: datetime) -> None:
    """End the own guardianship.

    Raises:
        GuardianshipUnknownError: It is not one's own.
    """
    row = guardian_store.guardianship(session, id_, lock=True)
    if row is None or row.guardian_id != actor or row.confirmed_at is None:
        raise GuardianshipUnknownError("there is no such link")
    _close(session, row, closing="resigned", actor=actor, now=now)


def object_to(session: Session, id_: UUID, *, actor: UUID, now: datetime, vault: FieldVault) -> None:
    """Stop a link that does not count yet, as a guardian whom the child has already.

    Raises:
        GuardianshipUnknownError: There is none, or the caller does not decide for this child.
        ObjectionTooLateError: It counts already.
    """
    row = guardian_store.guardianship(session, id_, lock=True)
    if row is None or row.guardian_id == actor or row.closed_at is not None:
        raise GuardianshipUnknownError("there is no such link")
    if deciding(session, actor, row.child_id, now=now, vault=vault) is None:
        raise GuardianshipUnknownError("there is no such link")
    if row.effective_at is not None and row.effective_at <= now:
        raise ObjectionTooLateError("the link counts already")
    _close(session, row, closing="objected", actor=actor, now=now)


def renew(session: Session, id_: UUID, *, actor: UUID, now: datetime, vault: FieldVault) -> None:
    """Keep a guardian after the 14th birthday, as the person who was the child.

    Raises:
        GuardianshipUnknownError: It is none of one's own, or there is nothing to renew.
    """
    row = guardian_store.guardianship(session, id_, lock=True)
    if row is None or row.child_id != actor or _link(session, row, now, vault).state != "lapsed":
        raise GuardianshipUnknownError("there is nothing to renew")
    row.renewed_at = now
    audit.record(session, at=now, action="guardianship.renew", actor=actor, subject=id_)


def leave(session: Session, id_: UUID, *, actor: UUID, now: datetime, vault: FieldVault) -> None:
    """End a guardian's part from 14 on, as the person who was the child.

    Raises:
        GuardianshipUnknownError: It is none of one's own, or one is still a child.
    """
    row = guardian_store.guardianship(session, id_, lock=True)
    if row is None or row.child_id != actor or _link(session, row, now, vault).age < CHILD:
        raise GuardianshipUnknownError("there is no such link")
    _close(session, row, closing="left", actor=actor, now=now)


def deciding(session: Session, guardian_id: UUID, child_id: UUID, *, now: datetime, vault: FieldVault) -> Link | None:
    """Return the link by which the guardian decides for the child at this moment, or None."""
    row = guardian_store.open_between(session, child_id, guardian_id)
    link = None if row is None else _link(session, row, now, vault)
    return link if link is not None and link.decides else None


def guardians_of(session: Session, child_id: UUID, *, now: datetime, vault: FieldVault) -> list[Link]:
    """Return the links of a child that have been confirmed, in whatever state they are."""
    rows = guardian_store.open_of_child(session, child_id)
    return [_link(session, row, now, vault) for row in rows if row.confirmed_at is not None]


def children_of(session: Session, guardian_id: UUID, *, now: datetime, vault: FieldVault) -> list[Link]:
    """Return the links of a guardian that count or will count."""
    links = [
        _link(session, row, now, vault)
        for row in guardian_store.open_of_guardian(session, guardian_id)
        if row.confirmed_at is not None
    ]
    return [link for link in links if link.state in ("waiting", "effective")]


def count_children(session: Session, guardian_id: UUID, *, now: datetime, vault: FieldVault) -> int:
    """Return of how many children somebody is the guardian now."""
    links = children_of(session, guardian_id, now=now, vault=vault)
    return len({link.child_id for link in links if link.state == "effective"})


def notices_for(session: Session, guardian_id: UUID, *, now: datetime, vault: FieldVault) -> list[Link]:
    """Return the links of others to one's children that do not count yet: one may object to them."""
    found: list[Link] = []
    for mine in children_of(session, guardian_id, now=now, vault=vault):
        if not mine.decides:
            continue
        others = guardian_store.open_of_child(session, mine.child_id)
        found += [
            _link(session, row, now, vault)
            for row in others
            if row.guardian_id != guardian_id and (row.effective_at is None or row.effective_at > now)
        ]
    return found


def school_page(
    session: Session, school_id: UUID, page: int, *, now: datetime, vault: FieldVault
) -> tuple[list[Link], bool]:
    """Return a page of the links of a school's children, the latest first, and whether more follow."""
    rows, more = guardian_store.page_of_school(session, school_id, _today(now), page)
    return [_link(session, row, now, vault) for row in rows], more


def _pair(
    session: Session, typed: Proposal, school_id: UUID, now: datetime, by: DirectoryServices
) -> tuple[UUID, UUID] | None:
    """Return child and guardian where every entry is right."""
    child, guardian = _by_eid(session, typed.child_eid), _by_eid(session, typed.guardian_eid)
    if child is None or guardian is None or typed.relation not in GUARDIAN_RELATIONS:
        return None
    today = _today(now)
    known = _profile(by.vault, guardian)
    fits = (
        child.id != guardian.id
        and _is_home(session, child.id, school_id, today)
        and age_on(_profile(by.vault, child).birthdate, today) < CHILD
        and age_on(known.birthdate, today) >= ADULT
        and name_key(known.name) == name_key(typed.guardian_name)
    )
    return (child.id, guardian.id) if fits else None


def _by_eid(session: Session, text: str) -> Person | None:
    try:
        return store.person_by_eid(session, parse_eid(text))
    except InputError:
        return None


def _is_home(session: Session, child_id: UUID, school_id: UUID, today: date) -> bool:
    """Whether the child is a student here now, and the account begins here."""
    here = any(
        held.role == "student" and place.id == school_id and (held.until is None or held.until >= today)
        for held, place in store.affiliations_of(session, child_id)
    )
    return here and store.first_homes(session, [child_id], today).get(child_id) == school_id


def _of_school(session: Session, id_: UUID, school_id: UUID, now: datetime) -> Guardianship:
    row = guardian_store.guardianship(session, id_, lock=True)
    if row is None or row.closed_at is not None or not _is_home(session, row.child_id, school_id, _today(now)):
        raise GuardianshipUnknownError("there is no such link of a child of this school")
    return row


def _close(session: Session, row: Guardianship, *, closing: str, actor: UUID, now: datetime) -> None:
    if not guardian_store.close(session, row.id, closing=closing, by=actor, now=now):
        raise GuardianshipUnknownError("it has come to its end already")
    audit.record(session, at=now, action=f"guardianship.{closing}", actor=actor, subject=row.id)


def _affiliate(session: Session, guardian_id: UUID, school_id: UUID, now: datetime) -> None:
    """Make the guardian known at the school, unless that was done before: there an account may begin."""
    today = _today(now)
    for held, place in store.affiliations_of(session, guardian_id):
        if held.role == ROLE and place.id == school_id and (held.until is None or held.until >= today):
            return
    session.add(
        Affiliation(
            person_id=guardian_id,
            organisation_id=school_id,
            role=ROLE,
            since=today,
            created_at=now,
            changed_at=now,
        )
    )


def _link(session: Session, row: Guardianship, now: datetime, vault: FieldVault) -> Link:
    child, guardian = session.get_one(Person, row.child_id), session.get_one(Person, row.guardian_id)
    profile = _profile(vault, child)
    age = age_on(profile.birthdate, _today(now))
    return Link(
        id=row.id,
        child_id=row.child_id,
        child=profile.name,
        guardian_id=row.guardian_id,
        guardian=_profile(vault, guardian).name,
        relation=row.relation,
        state=_state(row, age, now),
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        effective_at=row.effective_at,
        age=age,
    )


def _state(row: Guardianship, age: int, now: datetime) -> str:
    if age >= ADULT:
        return "over"
    if row.effective_at is None:
        return "proposed"
    if age >= CHILD and row.renewed_at is None:
        return "lapsed"
    return "waiting" if now < row.effective_at else "effective"


def _profile(vault: FieldVault, person: Person) -> Profile:
    return open_profile(vault, person.wrapped_key, person.id, person.profile)


def _today(now: datetime) -> date:
    return now.astimezone(ZONE).date()
