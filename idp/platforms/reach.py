"""Which platforms an officer sees: the province's every one, others those whose owner lies in their subtree."""

from __future__ import annotations

from sqlalchemy.orm import Session

from idp.directory import store as directory
from idp.directory.models import Organisation
from idp.directory.places import superior_codes
from idp.directory.power import known_organisation
from idp.platforms import numbers
from idp.platforms.errors import SchoolNotRegisteredError
from idp.platforms.models import PlatformFiling
from kernel.errors import NotFoundError


def place_of(session: Session, owner_code: str) -> Organisation | None:
    """Return where an owner lies: the school itself, or the nearest authority of its area; None for elsewhere.

    Raises:
        SchoolNotRegisteredError: It is a school's code, and no school here has it.
    """
    if numbers.is_school(owner_code):
        school = directory.organisation_by_code(session, owner_code)
        if school is None or school.kind != "school":
            raise SchoolNotRegisteredError(f"there is no school {owner_code}", organisation=owner_code)
        return school
    area = numbers.area_of(owner_code)
    nearest = (area, *superior_codes(area))
    found = directory.organisations_by_codes(session, nearest)
    return next((found[code] for code in nearest if code in found), None)


def subtree(session: Session, officer_of: str) -> str | None:
    """Return the path whose platforms an officer of this authority sees; None for all of them."""
    own = known_organisation(session, officer_of)
    return None if own.superior_id is None else own.path


def check_within(session: Session, filing: PlatformFiling | None, *, officer_of: str) -> PlatformFiling:
    """Return the filing if its owner lies where the officer's power reaches.

    Raises:
        NotFoundError: It does not, or there is none: never told apart.
    """
    path = subtree(session, officer_of)
    if filing is not None and path is None:
        return filing
    place = session.get(Organisation, filing.place_id) if filing is not None and filing.place_id else None
    if filing is None or path is None or place is None or not place.path.startswith(path):
        raise NotFoundError("there is no such platform")
    return filing
