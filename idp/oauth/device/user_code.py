"""User codes: eight signs that a person reads on one screen and types on another (RFC 8628 §6.1). Pure.

Twenty consonants: no digits and no vowels, so that none looks like another and no word is
spelt. 20^8 codes are 34.5 bits; with five tries a person in half an hour (`idp.authn.throttle`)
and ten minutes of life a guess finds nothing (§5.1).
"""

from __future__ import annotations

from typing import Final

from idp.directory.signs import random_signs, tidied

ALPHABET: Final = "BCDFGHJKLMNPQRSTVWXZ"
LENGTH: Final = 8
HALF: Final = LENGTH // 2
MAX_TYPED: Final = 64


def new_user_code() -> str:
    """Return a new code in its plain form."""
    return random_signs(LENGTH, alphabet=ALPHABET)


def shown(code: str) -> str:
    """Return a code as screens show it: `WDJB-MJHT`."""
    return f"{code[:HALF]}-{code[HALF:]}"


def read_user_code(text: str) -> str | None:
    """Return the plain form of what somebody typed, lower case and separators accepted; None where it is no code."""
    if len(text) > MAX_TYPED:
        return None
    code = tidied(text)
    return code if len(code) == LENGTH and set(code) <= set(ALPHABET) else None
