"""Register authorities and schools, and follow what becomes of them: renaming, a new code after a change of type.

Rules of codes (学校（机构）代码编制规则): renaming keeps the code, a change of type gives a
new one, and a dead code is never given to another school.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from idp.directory import store
from idp.directory.errors import (
    OrganisationExistsError,
    SchoolOutsideProvinceError,
    SuperiorError,
)
from idp.directory.models import Organisation, OrganisationCode, Succession
from idp.directory.names import clean_title
from idp.directory.places import parse_place, superior_codes
from idp.directory.power import known_organisation, within_power
from idp.directory.school_code import parse_school_code
from kernel import audit
from kernel.ids import new_id
from kernel.pages import ZONE


def found_province(session: Session, *, code: str, name: str, name_en: str, now: datetime) -> Organisation:
    """Register the root of a province's tree. The installation does this, not an officer.

    Raises:
        InputError: The code is no province's, or taken.
    """
    place = parse_place(code, now.astimezone(ZONE).date())
    if superior_codes(place):
        raise SuperiorError(f"{place} is no province", organisation=place, superior="-")
    return _register(session, "authority", place, None, name=name, name_en=name_en, now=now, actor=None)


def register_authority(  # noqa: PLR0913 - the fields of a form, all by name
    session: Session,
    *,
    code: str,
    name: str,
    name_en: str,
    superior: str,
    officer_of: str | None,
    actor: UUID | None,
    now: datetime,
) -> Organisation:
    """Register a city's or county's authority under `superior`, by an officer of `officer_of` (None: the installation).

    Raises:
        InputError: The code breaks a rule, does not belong under `superior`, or is taken.
        OutsideSubtreeError: `superior` is not in the officer's subtree.
    """
    above = _superior(session, superior, officer_of)
    place = parse_place(code, now.astimezone(ZONE).date())
    if above.code not in superior_codes(place):
        raise SuperiorError(f"{place} does not stand under {above.code}", organisation=place, superior=above.code)
    return _register(session, "authority", place, above, name=name, name_en=name_en, now=now, actor=actor)


def register_school(  # noqa: PLR0913 - the fields of a form, all by name
    session: Session,
    *,
    code: str,
    name: str,
    name_en: str,
    superior: str,
    officer_of: str | None,
    actor: UUID | None,
    now: datetime,
) -> Organisation:
    """Register a school under the authority `superior`, by an officer of `officer_of` (None: the installation).

    Raises:
        InputError: The code breaks a rule (which digit, why), names another province, or is or was taken.
        OutsideSubtreeError: `superior` is not in the officer's subtree.
    """
    above = _superior(session, superior, officer_of)
    parsed = parse_school_code(code, within=above.code[:2])
    if parsed.province != above.code[:2]:
        raise SchoolOutsideProvinceError(
            f"digits 3-4 ({parsed.province}) are not {above.code[:2]}",
            province=parsed.province,
            expected=above.code[:2],
            superior=above.code,
        )
    return _register(session, "school", parsed.code, above, name=name, name_en=name_en, now=now, actor=actor)


def rename(session: Session, school: Organisation, *, name: str, name_en: str, now: datetime) -> None:
    """Give an organisation a new name; the code stays, the history keeps the old name."""
    edge = _edge("renamed", school, now)
    school.name, school.name_en = clean_title(name), clean_title(name_en) if name_en else ""
    session.add(edge)


def retype(session: Session, school: Organisation, *, code: str, now: datetime) -> None:
    """Give a school that changed its type a new code; the old one is dead for ever and still leads to it.

    Raises:
        InputError: The new code breaks a rule, or is or was taken by another school.
    """
    parsed = parse_school_code(code)
    edge = _edge("retyped_as", school, now)
    old = store.code_entry(session, school.code)
    today = now.astimezone(ZONE).date()
    if old is not None:
        old.valid_to = today
    _claim_code(session, school.id, parsed.code, now)
    school.path = school.path.removesuffix(f"{school.code}/") + f"{parsed.code}/"
    school.code = parsed.code
    session.add(edge)


def _superior(session: Session, code: str, officer_of: str | None) -> Organisation:
    above = known_organisation(session, code)
    if above.kind != "authority":
        raise SuperiorError(f"{code} is a school", organisation="-", superior=code)
    return above if officer_of is None else within_power(session, officer_of=officer_of, code=code)


def _register(  # noqa: PLR0913 - the fields of a form, all by name
    session: Session,
    kind: str,
    code: str,
    above: Organisation | None,
    *,
    name: str,
    name_en: str,
    now: datetime,
    actor: UUID | None,
) -> Organisation:
    made = Organisation(
        id=new_id(),
        kind=kind,
        code=code,
        name=clean_title(name),
        name_en=clean_title(name_en) if name_en.strip() else "",
        superior_id=None if above is None else above.id,
        path=("" if above is None else above.path) + code + "/",
        created_at=now,
    )
    taken = store.code_entry(session, code)
    if taken is not None:
        raise OrganisationExistsError(f"{code} is or was taken", organisation=code)
    session.add(made)
    _flush(session, code)
    _claim_code(session, made.id, code, now)
    audit.record(
        session, at=now, action=f"directory.{kind}.registered", actor=actor, subject=made.id, organisation=code
    )
    return made


def _claim_code(session: Session, organisation_id: UUID, code: str, now: datetime) -> None:
    entry = store.code_entry(session, code)
    if entry is not None and entry.organisation_id != organisation_id:
        raise OrganisationExistsError(f"{code} is or was taken", organisation=code)
    if entry is not None:  # Reopened, or retyped back: the old code lives again.
        entry.valid_to = None
        return
    session.add(OrganisationCode(code=code, organisation_id=organisation_id, valid_from=now.astimezone(ZONE).date()))
    _flush(session, code)


def _flush(session: Session, code: str) -> None:
    try:
        session.flush()  # The database decides who is first.
    except IntegrityError as error:
        raise OrganisationExistsError(f"{code} is or was taken", organisation=code) from error


def _edge(kind: str, school: Organisation, now: datetime) -> Succession:
    return Succession(
        kind=kind,
        predecessor_id=school.id,
        successor_id=school.id,
        on=now.astimezone(ZONE).date(),
        old_code=school.code,
        old_name=school.name,
    )
