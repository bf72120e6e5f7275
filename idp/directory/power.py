"""Whose power reaches where: an officer's is the subtree of the own authority, that authority included."""

from __future__ import annotations

from sqlalchemy.orm import Session

from idp.directory import store
from idp.directory.errors import OrganisationUnknownError, OutsideSubtreeError
from idp.directory.models import Organisation


def known_organisation(session: Session, code: str) -> Organisation:
    """Return the organisation with this code today.

    Raises:
        OrganisationUnknownError: There is none.
    """
    found = store.organisation_by_code(session, code)
    if found is None:
        raise OrganisationUnknownError(f"there is no organisation {code}", organisation=code)
    return found


def within_power(session: Session, *, officer_of: str, code: str) -> Organisation:
    """Return the organisation `code` if an officer of the authority `officer_of` has power over it.

    Raises:
        OrganisationUnknownError: There is no such organisation.
        OutsideSubtreeError: It lies elsewhere in the tree.
    """
    found = known_organisation(session, code)
    if not found.path.startswith(known_organisation(session, officer_of).path):
        raise OutsideSubtreeError(f"{code} is not below {officer_of}", organisation=code, authority=officer_of)
    return found
