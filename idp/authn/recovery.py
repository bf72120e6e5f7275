"""Recovery codes: ten codes of twelve signs, for when the phone is not at hand. Pure.

Eleven random signs and a check sign are 54 bits: nothing to guess online, so they need no
counter of their own beside the sign-in's.
"""

from __future__ import annotations

from typing import Final

from idp.directory.signs import check_sign, first_foreign, random_signs, tidied

COUNT: Final = 10
SIZE: Final = 12


def new_codes() -> tuple[str, ...]:
    """Return ten fresh codes, without hyphens."""
    payloads = (random_signs(SIZE - 1) for _ in range(COUNT))
    return tuple(payload + check_sign(payload) for payload in payloads)


def normal(text: str) -> str | None:
    """Return a typed code in its only spelling, or None where it can be no recovery code."""
    code = tidied(text)
    if len(code) != SIZE or first_foreign(code) is not None or check_sign(code[:-1]) != code[-1]:
        return None
    return code
