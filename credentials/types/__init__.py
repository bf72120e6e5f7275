"""The credential types: one small module each."""

from __future__ import annotations

from typing import Final

from credentials.errors import UnknownCredentialTypeError
from credentials.types.credential_type import CredentialType
from credentials.types.diploma import DIPLOMA

TYPES: Final[dict[str, CredentialType]] = {DIPLOMA.vct: DIPLOMA}


def type_of(vct: str) -> CredentialType:
    """Return the type called `vct`.

    Raises:
        UnknownCredentialTypeError: There is none.
    """
    try:
        return TYPES[vct]
    except KeyError as error:
        raise UnknownCredentialTypeError("no such credential type") from error
