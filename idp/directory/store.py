"""Queries of the directory: organisations, people, documents, affiliations. Each is one statement on an index."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import islice
from typing import Any, Final, NamedTuple, TypeVar, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Table, bindparam, delete, func, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, aliased

from idp.directory.models import (
    ActivationCode,
    Affiliation,
    IndexUse,
    Organisation,
    OrganisationCode,
    Person,
    PersonAlias,
    PersonDocument,
    ReviewCase,
)
from kernel.store import Executor

# A constant in the statement: a partial index is not used for a parameter.
ACTIVE: Final = literal("active", literal_execute=True)
IN_AT_ONCE: Final = 500
PAGE: Final = 50
T = TypeVar("T")


class Branch(NamedTuple):
    """An authority below another one, with the numbers of its subtree."""

    code: str
    name: str
    name_en: str
    schools: int
    people: int


def portions(values: Iterable[T], size: int = IN_AT_ONCE) -> Iterator[list[T]]:
    """Yield `values` in lists of at most `size`."""
    rest = iter(values)
    while portion := list(islice(rest, size)):
        yield portion


def in_subtree(path: str) -> ColumnElement[bool]:
    """Return the range of paths at and below `path`: digits and `/` sort before `:`."""
    return Organisation.path.between(path, path + ":")


def organisation_by_code(session: Session, code: str) -> Organisation | None:
    """Return the organisation that has this code today."""
    return session.scalar(select(Organisation).where(Organisation.code == code))


def organisation_by_any_code(session: Session, code: str) -> Organisation | None:
    """Return the organisation that has or had this code."""
    had = select(Organisation).join(OrganisationCode, OrganisationCode.organisation_id == Organisation.id)
    return session.scalar(had.where(OrganisationCode.code == code))


def code_entry(session: Session, code: str) -> OrganisationCode | None:
    """Return the history entry of a code."""
    return session.get(OrganisationCode, code)


def organisations_by_codes(session: Session, codes: Collection[str]) -> dict[str, Organisation]:
    """Return the organisations that have these codes today, by code."""
    found = session.scalars(select(Organisation).where(Organisation.code.in_(codes)))
    return {row.code: row for row in found}


def schools_of_types(session: Session, types: Collection[str]) -> list[Organisation]:
    """Return the schools whose code begins with one of these types (2 digits), by code."""
    kinds = or_(*(Organisation.code.startswith(type_) for type_ in types))
    return list(
        session.scalars(select(Organisation).where(Organisation.kind == "school", kinds).order_by(Organisation.code))
    )


def branches(session: Session, superior_id: UUID | None) -> list[Branch]:
    """Return the authorities directly below another one, each with the numbers of its subtree."""
    school = aliased(Organisation)
    below = (school.kind == "school") & school.path.between(Organisation.path, Organisation.path + ":")
    schools = select(func.count()).select_from(school).where(below).correlate(Organisation).scalar_subquery()
    people = select(func.coalesce(func.sum(school.people), 0)).where(below).correlate(Organisation).scalar_subquery()
    numbers = (
        select(Organisation.code, Organisation.name, Organisation.name_en, schools, people)
        .where(Organisation.superior_id == superior_id, Organisation.kind == "authority")
        .order_by(Organisation.code)
    )
    return [Branch(*row) for row in session.execute(numbers)]


def subtree_numbers(session: Session, path: str) -> tuple[int, int]:
    """Return how many schools and active students a subtree has."""
    numbers = select(func.count(Organisation.id), func.coalesce(func.sum(Organisation.people), 0))
    schools, people = session.execute(numbers.where(in_subtree(path), Organisation.kind == "school")).one()
    return int(schools), int(people)


def schools_page(
    session: Session, *, path: str, direct: UUID | None, search: str, page: int
) -> tuple[list[Organisation], bool]:
    """Return a page of schools and whether there is another: those directly under `direct`, or found below `path`."""
    query = select(Organisation).where(Organisation.kind == "school")
    if search:
        pattern = "".join(f"\\{sign}" if sign in "\\%_" else sign for sign in search)
        named = Organisation.name.like(f"%{pattern}%", escape="\\")
        query = query.where(in_subtree(path), or_(Organisation.code.startswith(search, autoescape=True), named))
    else:
        query = query.where(Organisation.superior_id == direct)
    rows = list(session.scalars(query.order_by(Organisation.code).offset((page - 1) * PAGE).limit(PAGE + 1)))
    return rows[:PAGE], len(rows) > PAGE


def lock_organisation(session: Session, id_: UUID) -> None:
    """Lock an organisation's row until the end of the transaction: its registrars take turns."""
    session.execute(select(Organisation.id).where(Organisation.id == id_).with_for_update())


def add_people(session: Session, organisation_id: UUID, difference: int) -> None:
    """Change the number of active students of a school."""
    if difference:
        changed = update(Organisation).where(Organisation.id == organisation_id)
        session.execute(changed.values(people=Organisation.people + difference))


def person(session: Session, id_: UUID) -> Person | None:
    """Return a person."""
    return session.get(Person, id_)


_PERSON = cast(Table, Person.__table__)
_AFFILIATION = cast(Table, Affiliation.__table__)
_ORGANISATION = cast(Table, Organisation.__table__)
_PERSON_BY_ID = select(_PERSON).where(_PERSON.c.id == bindparam("person_id"))
_PERSON_WITH_PLACES = (
    select(
        *(_PERSON.c[name] for name in ("id", "eid", "level", "wrapped_key", "profile")),
        *(_AFFILIATION.c[name] for name in ("role", "number", "grade", "class_name", "student_status")),
        *(_AFFILIATION.c[name] for name in ("since", "until")),
        *(_ORGANISATION.c[name].label(f"place_{name}") for name in ("code", "name", "name_en")),
    )
    .join_from(_PERSON, _AFFILIATION, _AFFILIATION.c.person_id == _PERSON.c.id, isouter=True)
    .outerjoin(_ORGANISATION, _ORGANISATION.c.id == _AFFILIATION.c.organisation_id)
    .where(_PERSON.c.id == bindparam("person_id"))
    .order_by(_AFFILIATION.c.created_at, _AFFILIATION.c.id)
)


def person_row(on: Executor, id_: UUID) -> Row[Any] | None:
    """Return a person's columns: for those who only read, at every request."""
    return on.execute(_PERSON_BY_ID, {"person_id": id_}).one_or_none()


def person_with_places(on: Executor, id_: UUID) -> Sequence[Row[Any]]:
    """Return a person's columns beside each affiliation and its organisation, the oldest first.

    One row without an affiliation (`role` is None) for a person who has none; none for nobody.
    """
    return on.execute(_PERSON_WITH_PLACES, {"person_id": id_}).all()


def person_by_eid(session: Session, eid: str) -> Person | None:
    """Return the person with this number, or with this number before a merge."""
    found = session.scalar(select(Person).where(Person.eid == eid))
    if found is None:
        merged = select(Person).join(PersonAlias, PersonAlias.person_id == Person.id)
        found = session.scalar(merged.where(PersonAlias.eid == eid))
    return found


def holders(session: Session, key_id: str, indexes: Collection[bytes]) -> dict[bytes, Person]:
    """Return who holds an active document with one of these blind indexes."""
    held: dict[bytes, Person] = {}
    for portion in portions(indexes):
        query = (
            select(PersonDocument.blind_index, Person)
            .join(Person, Person.id == PersonDocument.person_id)
            .where(PersonDocument.status == ACTIVE, PersonDocument.kid == key_id)
            .where(PersonDocument.blind_index.in_(portion))
        )
        held.update({index: holder for index, holder in session.execute(query) if index is not None})
    return held


def documents_of(session: Session, person_ids: Collection[UUID]) -> dict[UUID, list[PersonDocument]]:
    """Return the active documents of each person."""
    documents: dict[UUID, list[PersonDocument]] = {}
    for portion in portions(person_ids):
        query = select(PersonDocument).where(PersonDocument.person_id.in_(portion), PersonDocument.status == ACTIVE)
        for document in session.scalars(query):
            documents.setdefault(document.person_id, []).append(document)
    return documents


def students(
    session: Session, organisation_id: UUID, numbers: Collection[str]
) -> dict[str, tuple[Affiliation, Person]]:
    """Return the students of a school with these student numbers."""
    found: dict[str, tuple[Affiliation, Person]] = {}
    for portion in portions(numbers):
        query = (
            select(Affiliation, Person)
            .join(Person, Person.id == Affiliation.person_id)
            .where(Affiliation.organisation_id == organisation_id, Affiliation.role == "student")
            .where(Affiliation.number.in_(portion))
        )
        for affiliation, student in session.execute(query):
            found[affiliation.number or ""] = (affiliation, student)
    return found


def numbers_at(session: Session, organisation_id: UUID, person_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the student numbers that these people have at a school."""
    numbers: dict[UUID, str] = {}
    for portion in portions(person_ids):
        query = select(Affiliation.person_id, Affiliation.number).where(
            Affiliation.person_id.in_(portion),
            Affiliation.organisation_id == organisation_id,
            Affiliation.role == "student",
        )
        numbers.update({person_id: number or "" for person_id, number in session.execute(query)})
    return numbers


def affiliations_of(session: Session, person_id: UUID) -> list[tuple[Affiliation, Organisation]]:
    """Return all affiliations of a person with their organisations, oldest first."""
    query = (
        select(Affiliation, Organisation)
        .join(Organisation, Organisation.id == Affiliation.organisation_id)
        .where(Affiliation.person_id == person_id)
        .order_by(Affiliation.created_at, Affiliation.id)
    )
    return list(session.execute(query))


def first_homes(session: Session, person_ids: Collection[UUID], today: date) -> dict[UUID, UUID]:
    """Return for each person the organisation of the oldest affiliation that has not ended."""
    homes: dict[UUID, UUID] = {}
    for portion in portions(person_ids):
        query = (
            select(Affiliation.person_id, Affiliation.organisation_id)
            .where(Affiliation.person_id.in_(portion), or_(Affiliation.until.is_(None), Affiliation.until >= today))
            .order_by(Affiliation.created_at, Affiliation.id)
        )
        for person_id, organisation_id in session.execute(query):
            homes.setdefault(person_id, organisation_id)
    return homes


def staff_of(session: Session, organisation_id: UUID) -> list[tuple[Affiliation, Person]]:
    """Return the registrars and officers of an organisation."""
    query = (
        select(Affiliation, Person)
        .join(Person, Person.id == Affiliation.person_id)
        .where(Affiliation.organisation_id == organisation_id, Affiliation.role.in_(("registrar", "officer")))
        .order_by(Affiliation.created_at)
        .limit(PAGE)
    )
    return list(session.execute(query))


def roster_page(
    session: Session, organisation_id: UUID, search: str, page: int
) -> tuple[list[tuple[Affiliation, Person]], bool]:
    """Return a page of a school's students by number (those that begin with `search`), and whether more follow."""
    query = (
        select(Affiliation, Person)
        .join(Person, Person.id == Affiliation.person_id)
        .where(Affiliation.organisation_id == organisation_id, Affiliation.role == "student")
        .order_by(Affiliation.number)
        .offset((page - 1) * PAGE)
        .limit(PAGE + 1)
    )
    if search:
        query = query.where(Affiliation.number.between(search, search + "\uffff"))
    rows = [(row[0], row[1]) for row in session.execute(query)]
    return rows[:PAGE], len(rows) > PAGE


def affiliation_at(session: Session, organisation_id: UUID, affiliation_id: UUID) -> tuple[Affiliation, Person] | None:
    """Return an affiliation of this organisation with its person."""
    query = (
        select(Affiliation, Person)
        .join(Person, Person.id == Affiliation.person_id)
        .where(Affiliation.id == affiliation_id, Affiliation.organisation_id == organisation_id)
    )
    row = session.execute(query).one_or_none()
    return None if row is None else (row[0], row[1])


def activation_code(session: Session, person_id: UUID) -> ActivationCode | None:
    """Return the activation code of a person; in a writing session its row is locked."""
    query = select(ActivationCode).where(ActivationCode.person_id == person_id)
    return session.scalar(query.with_for_update())


def activation_codes(session: Session, person_ids: Collection[UUID]) -> dict[UUID, ActivationCode]:
    """Return the activation codes of these people."""
    codes: dict[UUID, ActivationCode] = {}
    for portion in portions(person_ids):
        found = session.scalars(select(ActivationCode).where(ActivationCode.person_id.in_(portion)))
        codes.update({code.person_id: code for code in found})
    return codes


def drop_activation_codes(session: Session, person_ids: Sequence[UUID]) -> None:
    """Delete the activation codes of these people."""
    for portion in portions(person_ids):
        session.execute(delete(ActivationCode).where(ActivationCode.person_id.in_(portion)))


def index_use(session: Session, actor: UUID, day: date) -> IndexUse:
    """Return an actor's count of look-ups on a day, made where it was missing, and locked."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    values = {"actor": actor, "day": day, "lookups": 0}
    session.execute(dialect.insert(IndexUse).values(**values).on_conflict_do_nothing())
    query = select(IndexUse).where(IndexUse.actor == actor, IndexUse.day == day)
    return session.scalars(query.with_for_update()).one()


def fingerprints(session: Session, organisation_id: UUID, wanted: Collection[bytes]) -> set[bytes]:
    """Return which of these review cases a school has already."""
    query = select(ReviewCase.fingerprint).where(ReviewCase.organisation_id == organisation_id)
    return set(session.scalars(query.where(ReviewCase.fingerprint.in_(wanted))))


def reviews_page(session: Session, path: str, page: int) -> tuple[list[tuple[ReviewCase, Organisation]], bool]:
    """Return a page of the open review cases of a subtree, oldest first, and whether more follow."""
    query = (
        select(ReviewCase, Organisation)
        .join(Organisation, Organisation.id == ReviewCase.organisation_id)
        .where(ReviewCase.status == "open", in_subtree(path))
        .order_by(ReviewCase.created_at, ReviewCase.id)
        .offset((page - 1) * PAGE)
        .limit(PAGE + 1)
    )
    rows = [(row[0], row[1]) for row in session.execute(query)]
    return rows[:PAGE], len(rows) > PAGE


def reviews_of(session: Session, organisation_id: UUID, page: int) -> tuple[list[ReviewCase], bool]:
    """Return a page of a school's review cases, newest first, and whether more follow."""
    query = (
        select(ReviewCase)
        .where(ReviewCase.organisation_id == organisation_id)
        .order_by(ReviewCase.created_at.desc(), ReviewCase.id)
        .offset((page - 1) * PAGE)
        .limit(PAGE + 1)
    )
    rows = list(session.scalars(query))
    return rows[:PAGE], len(rows) > PAGE


def open_reviews(session: Session, path: str) -> int:
    """Return how many review cases of a subtree are open."""
    query = select(func.count(ReviewCase.id)).join(Organisation, Organisation.id == ReviewCase.organisation_id)
    return session.scalar(query.where(ReviewCase.status == "open", in_subtree(path))) or 0


def review_case(session: Session, case_id: UUID) -> tuple[ReviewCase, Organisation] | None:
    """Return a review case with its school."""
    query = select(ReviewCase, Organisation).join(Organisation, Organisation.id == ReviewCase.organisation_id)
    row = session.execute(query.where(ReviewCase.id == case_id)).one_or_none()
    return None if row is None else (row[0], row[1])


def drop_expired_codes(session: Session, now: datetime, limit: int) -> int:
    """Delete activation codes that are too old."""
    old = select(ActivationCode.person_id).where(ActivationCode.expires_at <= now).limit(limit)
    ids = list(session.scalars(old))
    drop_activation_codes(session, ids)
    return len(ids)


def drop_index_use(session: Session, before: date) -> int:
    """Delete counts of look-ups of days before `before`."""
    result = session.execute(delete(IndexUse).where(IndexUse.day < before))
    return int(result.rowcount)  # type: ignore[attr-defined]  # A DELETE's CursorResult has it.


def drop_reviews(session: Session, before: datetime, limit: int) -> int:
    """Delete review cases that were decided before a moment."""
    old = select(ReviewCase.id).where(ReviewCase.status != "open", ReviewCase.created_at < before).limit(limit)
    ids = list(session.scalars(old))
    if ids:
        session.execute(delete(ReviewCase).where(ReviewCase.id.in_(ids)))
    return len(ids)
