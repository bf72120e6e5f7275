"""The person number (一人一号, EID): 14 signs, random, one of them a check sign, for life.

It carries nothing (no place, year, school, sex, order of issue) and is no secret: knowing
it gives no access. Uniqueness is the database's part.
"""

from __future__ import annotations

from typing import Final

from idp.directory.input_errors import EidCheckError, EidLengthError, EidSignError
from idp.directory.signs import LETTERS, check_sign, first_foreign, random_signs, tidied

LENGTH: Final = 14


def new_eid() -> str:
    """Return a new number: a letter, 12 random signs (21 · 31^12 numbers), the check sign."""
    payload = random_signs(1, alphabet=LETTERS) + random_signs(LENGTH - 2)
    return payload + check_sign(payload)


def parse_eid(text: str) -> str:
    """Return the number in its plain form; lower case, spaces, hyphens and full width are accepted.

    Raises:
        EidLengthError: It has not 14 signs.
        EidSignError: A sign is not in the alphabet, or the first is no letter.
        EidCheckError: A sign is wrong or two are swapped.
    """
    eid = tidied(text)
    if len(eid) != LENGTH:
        raise EidLengthError(f"a person number has {LENGTH} signs, not {len(eid)}", length=len(eid))
    place = 1 if eid[0].isdigit() else first_foreign(eid)
    if place is not None:
        raise EidSignError(f"the sign at place {place} cannot stand there", place=place, sign=eid[place - 1])
    if check_sign(eid[:-1]) != eid[-1]:
        raise EidCheckError("the check sign does not fit")
    return eid
