"""A log entry: who logged what, in 43 bytes.

`type (1) ‖ issuer code (10 ASCII digits) ‖ commitment (32)`. Pure: knows neither what is
committed to nor where the entry will stand. The issuer stands in clear so that a school can
watch what is logged in its name; the commitment tells nothing to who lacks the document.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from ledger.errors import InvalidEntryError

ENTRY_SIZE: Final = 43
COMMITMENT_SIZE: Final = 32
ISSUER_SIZE: Final = 11
"""How many bytes of an entry say what it is and whose: the type and the code."""
_CODE: Final = re.compile(r"[0-9]{10}", re.ASCII)


class EntryType(IntEnum):
    """What an entry tells of. 2 is not used: status changes are covered by the lists' rhythm."""

    CREDENTIAL = 1
    ACCREDITATION = 3
    STATUS_LIST = 4
    AUDIT_HEAD = 5
    RELEASE = 6


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. `issuer_code`: 10 digits, administrative codes left-padded with zeros."""

    type: EntryType
    issuer_code: str
    commitment: bytes

    def __post_init__(self) -> None:
        """Refuse what cannot be encoded.

        Raises:
            InvalidEntryError: The code or the commitment has another form.
        """
        check_code(self.issuer_code)
        if len(self.commitment) != COMMITMENT_SIZE:
            raise InvalidEntryError(f"a commitment has {COMMITMENT_SIZE} bytes, not {len(self.commitment)}")

    def encode(self) -> bytes:
        """Return the 43 bytes that the log's leaf hash covers."""
        return bytes((self.type,)) + self.issuer_code.encode("ascii") + self.commitment

    @classmethod
    def decode(cls, data: bytes) -> Entry:
        """Read the 43 bytes of an entry.

        Raises:
            InvalidEntryError: Another length, an unknown type, or a code that is no 10 digits.
        """
        if len(data) != ENTRY_SIZE:
            raise InvalidEntryError(f"an entry has {ENTRY_SIZE} bytes, not {len(data)}")
        try:
            return cls(EntryType(data[0]), data[1:11].decode("ascii"), data[11:])
        except ValueError as error:
            raise InvalidEntryError("unknown entry type, or a code that is not ASCII") from error


def check_code(issuer_code: str) -> None:
    """Check that `issuer_code` is 10 ASCII digits.

    Raises:
        InvalidEntryError: It is not.
    """
    if not _CODE.fullmatch(issuer_code):
        raise InvalidEntryError("an issuer code is 10 digits, left-padded with zeros")
