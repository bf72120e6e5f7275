"""Activation codes: 11 random signs (54 bits) and a check sign, typed once at the first sign-in.

The check sign finds a typing error before a try is counted. Storing and counting are the
business of `activation`.
"""

from __future__ import annotations

from typing import Final

from idp.directory.input_errors import ActivationCodeFormError
from idp.directory.signs import check_sign, first_foreign, random_signs, tidied

LENGTH: Final = 12


def new_activation_code() -> str:
    """Return a new code."""
    payload = random_signs(LENGTH - 1)
    return payload + check_sign(payload)


def parse_activation_code(text: str) -> str:
    """Return the code in its plain form; lower case, spaces, hyphens and full width are accepted.

    Raises:
        ActivationCodeFormError: It was mistyped.
    """
    code = tidied(text)
    if len(code) != LENGTH or first_foreign(code) is not None or check_sign(code[:-1]) != code[-1]:
        raise ActivationCodeFormError("the activation code was mistyped")
    return code
