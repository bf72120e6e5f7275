"""The claims about a person, by scope. Pure: facts in, claims out.

Names from standards for this field: `school_code`, `aff`, `loa`, `age_band` (in the place of
a birth date), `eid` and `guardian_of` only by scopes of their own. No identity document ever.
A guardian's place is left out of `aff`: it would tell where the child goes to school.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from idp.ages import ADULT, CHILD, age_on
from idp.oauth.scopes import asked_claims

SCHOOL_CODE: Final = 10
GUARDIAN: Final = "guardian"


@dataclass(frozen=True, slots=True)
class Affiliation:
    """Where somebody is (10 digits: a school, 6: an authority), in which role, since when.

    The names of the place are for pages only: a platform gets the code.
    """

    organisation: str
    role: str
    status: str | None
    grade: str | None
    since: date | None
    name: str = ""
    name_en: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is known of a person and may be told by scope; `guardian_of` counts the children, it names none."""

    name: str
    eid: str
    birthdate: date | None
    loa: str
    affiliations: tuple[Affiliation, ...]
    guardian_of: int = 0


def age_band(birthdate: date | None, today: date) -> str | None:
    """Return `u14`, `14-17` or `18+`: as much of an age as a platform needs."""
    if birthdate is None:
        return None
    age = age_on(birthdate, today)
    if age < CHILD:
        return "u14"
    return "14-17" if age < ADULT else "18+"


def released(scopes: Iterable[str], subject: Subject, today: date, *, also: Iterable[str] = ()) -> dict[str, Any]:
    """Return the claims that `scopes` release about `subject`; what is not known is left out (OIDC Core §5.3.2).

    `also` names single claims that were granted beyond the scopes (§5.5).
    """
    told = [held for held in subject.affiliations if held.role != GUARDIAN]
    places = dict.fromkeys(held.organisation for held in told)
    schools = [code for code in places if len(code) == SCHOOL_CODE]
    known: dict[str, Any] = {
        "name": subject.name,
        "age_band": age_band(subject.birthdate, today),
        "loa": subject.loa,
        "eid": subject.eid,
        "school_code": schools[0] if len(schools) == 1 else schools,
        "aff": [_affiliation(held) for held in told],
        "guardian_of": subject.guardian_of,
    }
    return {claim: known[claim] for claim in asked_claims(scopes, also) if known[claim] not in (None, "", [])}


def _affiliation(held: Affiliation) -> dict[str, str]:
    values = {
        "school" if len(held.organisation) == SCHOOL_CODE else "authority": held.organisation,
        "role": held.role,
        "status": held.status,
        "grade": held.grade,
        "since": held.since.isoformat() if held.since else None,
    }
    return {name: value for name, value in values.items() if value}
