"""What a new password must be (GB/T 22239 8.1.4.1 a, NIST SP 800-63B §3.1.1). Pure.

Length and a list of what attackers try first do the work; kinds of signs are asked of staff
only, as assessors do, and not of a passphrase. No forced change.
"""

from __future__ import annotations

import itertools
import unicodedata
from functools import cache
from pathlib import Path
from typing import Final

from idp.errors import (
    PasswordCommonError,
    PasswordIsLoginError,
    PasswordMismatchError,
    PasswordTooLongError,
    PasswordTooShortError,
    PasswordTooSimpleError,
)

MINIMUM: Final = 8
STAFF_MINIMUM: Final = 10
MAXIMUM: Final = 128
STAFF_KINDS: Final = 3
PASSPHRASE: Final = 20
_COMMON: Final = Path(__file__).with_name("common_passwords.txt")


def check_new_password(password: str, again: str, *, eid: str, staff: bool) -> None:
    """Check a new password and its repetition.

    Raises:
        PasswordRefusedError: One of its kinds, naming the rule.
    """
    if password != again:
        raise PasswordMismatchError("the two entries differ")
    minimum = STAFF_MINIMUM if staff else MINIMUM
    if len(password) < minimum:
        raise PasswordTooShortError(f"fewer than {minimum} characters", minimum=minimum)
    if len(password) > MAXIMUM:
        raise PasswordTooLongError(f"more than {MAXIMUM} characters", maximum=MAXIMUM)
    plain = unicodedata.normalize("NFKC", password).casefold()
    if eid.casefold() in plain.replace("-", "").replace(" ", ""):
        raise PasswordIsLoginError("it holds the person number")
    if _is_common(plain):
        raise PasswordCommonError("it is among the first that attackers try")
    if staff and len(password) < PASSPHRASE and _kinds(password) < STAFF_KINDS:
        raise PasswordTooSimpleError(f"fewer than {STAFF_KINDS} kinds of signs", kinds=STAFF_KINDS)


def _is_common(plain: str) -> bool:
    steps = {ord(after) - ord(before) for before, after in itertools.pairwise(plain)}
    # One step throughout is 11111111, 12345678 or hgfedcba.
    return plain in _common_passwords() or (len(steps) == 1 and steps <= {-1, 0, 1})


def _kinds(password: str) -> int:
    tests = (str.isdigit, str.islower, str.isupper, lambda sign: not sign.isalnum())
    return sum(any(test(sign) for sign in password) for test in tests)


@cache
def _common_passwords() -> frozenset[str]:
    return frozenset(_COMMON.read_text("utf-8").split())
