"""How strongly somebody signed in: `amr` (RFC 8176) and `acr` (OIDC Core §2). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

PASSWORD: Final = "pwd"  # noqa: S105 - the name of a method
OTP: Final = "otp"
MFA: Final = "mfa"

ACR_ONE: Final = "urn:xinji:acr:1fa"
ACR_TWO: Final = "urn:xinji:acr:2fa"
ACR_VALUES: Final = (ACR_ONE, ACR_TWO)


def amr_of(methods: Iterable[str]) -> tuple[str, ...]:
    """Return the methods in order, with `mfa` where they are of two kinds (RFC 8176 §2)."""
    used = tuple(dict.fromkeys(method for method in methods if method != MFA))
    return (*used, MFA) if len(used) > 1 else used


def acr_of(amr: Iterable[str]) -> str:
    """Return the authentication context class that `amr` reaches."""
    return ACR_TWO if MFA in amr else ACR_ONE
