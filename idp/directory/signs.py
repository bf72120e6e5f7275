"""The 31 signs of GB 32100 and a check sign over them (weights 3^1, 3^2, … modulo 31).

31 is prime and 3 generates its multiplicative group, so all weights of up to 30 places
differ: every single wrong sign and every swap of two signs changes the sum. Person numbers
and activation codes are made of these. Knows neither.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
LETTERS: Final = ALPHABET[10:]
VALUE: Final = {sign: value for value, sign in enumerate(ALPHABET)}
_SEPARATORS: Final = re.compile(r"[\s\-_‐‑‒–—―−·.]+")


def check_sign(payload: str) -> str:
    """Return the sign that makes the weighted sum of `payload` and itself zero modulo 31.

    Raises:
        KeyError: A sign is not in the alphabet; callers look first.
    """
    total, weight = 0, 1
    for sign in payload:
        weight = weight * 3 % 31
        total += VALUE[sign] * weight
    return ALPHABET[-total % 31]


def random_signs(count: int, *, alphabet: str = ALPHABET) -> str:
    """Return `count` independent random signs from the system's generator."""
    return "".join(secrets.choice(alphabet) for _ in range(count))


def tidied(text: str) -> str:
    """Return what a person typed in the form that is checked: upper case, half width, no separators."""
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", text)).upper()


def first_foreign(text: str) -> int | None:
    """Return the place (from 1) of the first sign that is not in the alphabet."""
    return next((place for place, sign in enumerate(text, start=1) if sign not in VALUE), None)
