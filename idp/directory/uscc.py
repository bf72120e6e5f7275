"""Unified social credit codes (统一社会信用代码, GB 32100-2015) with the organisation code inside (GB 11714)."""

from __future__ import annotations

from typing import Final

from idp.directory.input_errors import UsccCheckError, UsccInnerCheckError, UsccLengthError, UsccSignError
from idp.directory.signs import ALPHABET, VALUE, first_foreign, tidied

LENGTH: Final = 18
_INNER_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)
_INNER: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def parse_uscc(text: str) -> str:
    """Return the code in its plain form.

    Raises:
        UsccLengthError: It has not 18 characters.
        UsccSignError: A sign cannot stand at its place.
        UsccInnerCheckError: Character 17 is not the check of the organisation code.
        UsccCheckError: Character 18 is not the check of the whole.
    """
    code = tidied(text)
    if len(code) != LENGTH:
        raise UsccLengthError(f"a unified social credit code has {LENGTH} characters", length=len(code))
    area = next((place for place in range(3, 9) if not code[place - 1].isdigit()), None)
    place = first_foreign(code) or area
    if place is not None:
        raise UsccSignError(f"the sign at place {place} cannot stand there", place=place, sign=code[place - 1])
    inner = 11 - sum(_INNER.index(sign) * weight for sign, weight in zip(code[8:16], _INNER_WEIGHTS, strict=True)) % 11
    expected = "0" if inner == 11 else "X" if inner == 10 else str(inner)  # noqa: PLR2004 - remainders 1 and 0
    if code[16] != expected:
        raise UsccInnerCheckError(f"character 17 should be {expected}", expected=expected)
    total = sum(VALUE[sign] * pow(3, at, 31) for at, sign in enumerate(code[:17]))
    expected = ALPHABET[-total % 31]
    if code[17] != expected:
        raise UsccCheckError(f"the last character should be {expected}", expected=expected)
    return code
