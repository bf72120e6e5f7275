"""What other folders may ask of the directory: schools by code, people by number, roles of a person.

The server's adapter gives it to the credentials; sign-in reads roles from it. It opens
sealed profiles and returns plain values: callers decide who may see them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from crypto.envelope import FieldVault
from idp.directory import store
from idp.directory.eid import parse_eid
from idp.directory.errors import InputError
from idp.directory.models import Organisation, Person
from idp.directory.profiles import open_profile
from kernel.access import Role
from kernel.store import Executor


@dataclass(frozen=True, slots=True)
class SchoolRecord:
    """A school: its code, names, type and province (2 digits each), authorities from leaf to root."""

    code: str
    name: str
    name_en: str
    type: str
    province: str
    authority_codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PersonRecord:
    """A person in plain values. `student_no` is set where the school was asked for, else empty."""

    person_id: UUID
    eid: str
    name: str
    gender: str
    birthdate: date
    level: int
    student_no: str = ""


@dataclass(frozen=True, slots=True)
class AffiliationRecord:
    """A running affiliation with its organisation, for claims and for the person's own page."""

    role: str
    organisation_code: str
    organisation_name: str
    organisation_name_en: str
    number: str | None
    grade: str | None
    class_name: str | None
    student_status: str | None
    since: date


def school_by_code(session: Session, code: str) -> SchoolRecord | None:
    """Return the school that has or had this code, under its present code."""
    school = store.organisation_by_any_code(session, code)
    return None if school is None or school.kind != "school" else _school(school)


def schools_of_types(session: Session, types: Collection[str]) -> list[SchoolRecord]:
    """Return the schools whose code begins with one of these types (2 digits), by code."""
    return [_school(school) for school in store.schools_of_types(session, types)]


def organisation_names(session: Session, codes: Collection[str]) -> dict[str, tuple[str, str | None]]:
    """Return the Chinese and, where there is one, the English name of each organisation."""
    found = store.organisations_by_codes(session, codes)
    return {code: (row.name, row.name_en or None) for code, row in found.items()}


def authority_codes(session: Session, code: str) -> tuple[str, ...]:
    """Return the codes of the authorities above an organisation, nearest first; empty where it is unknown."""
    found = store.organisation_by_code(session, code)
    return () if found is None else _superiors(found.path)


def people_by_student_number(
    session: Session, vault: FieldVault, school_code: str, numbers: Collection[str]
) -> dict[str, PersonRecord]:
    """Return the students of a school, present and former, by student number; unknown numbers are absent."""
    school = store.organisation_by_any_code(session, school_code)
    if school is None:
        return {}
    found = store.students(session, school.id, numbers)
    return {number: _record(vault, person, number) for number, (_, person) in found.items()}


def person_by_id(on: Executor, vault: FieldVault, person_id: UUID) -> PersonRecord | None:
    """Return a person."""
    person = store.person_row(on, person_id)
    return None if person is None else _record(vault, person)


def person_with_places(
    on: Executor, vault: FieldVault, person_id: UUID, today: date
) -> tuple[PersonRecord, list[AffiliationRecord]] | None:
    """Return a person and the affiliations that run on `today`, oldest first: one look-up for both."""
    rows = store.person_with_places(on, person_id)
    if not rows:
        return None
    return _record(vault, rows[0]), [
        AffiliationRecord(
            row.role,
            row.place_code,
            row.place_name,
            row.place_name_en,
            row.number,
            row.grade,
            row.class_name,
            row.student_status,
            row.since,
        )
        for row in rows
        if row.role is not None and row.since <= today and (row.until is None or row.until >= today)
    ]


def person_by_eid(session: Session, vault: FieldVault, eid: str) -> PersonRecord | None:
    """Return the person with this number, typed in any of the accepted ways; merged numbers resolve."""
    try:
        number = parse_eid(eid)
    except InputError:
        return None
    person = store.person_by_eid(session, number)
    return None if person is None else _record(vault, person)


def roles_of(session: Session, person_id: UUID, today: date) -> list[Role]:
    """Return the roles that a person has on `today`, oldest first."""
    return [Role(record.role, record.organisation_code) for record in affiliations_of(session, person_id, today)]


def affiliations_of(session: Session, person_id: UUID, today: date) -> list[AffiliationRecord]:
    """Return the affiliations that run on `today`, oldest first."""
    return [
        AffiliationRecord(
            held.role,
            place.code,
            place.name,
            place.name_en,
            held.number,
            held.grade,
            held.class_name,
            held.student_status,
            held.since,
        )
        for held, place in store.affiliations_of(session, person_id)
        if held.since <= today and (held.until is None or held.until >= today)
    ]


def _school(school: Organisation) -> SchoolRecord:
    return SchoolRecord(
        school.code, school.name, school.name_en, school.code[:2], school.code[2:4], _superiors(school.path)
    )


def _superiors(path: str) -> tuple[str, ...]:
    return tuple(reversed(path.rstrip("/").split("/")[:-1]))


def _record(vault: FieldVault, person: Person | Row[Any], number: str = "") -> PersonRecord:
    profile = open_profile(vault, person.wrapped_key, person.id, person.profile)
    return PersonRecord(person.id, person.eid, profile.name, profile.gender, profile.birthdate, person.level, number)
