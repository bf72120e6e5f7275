"""What people type to name an entry or an issuer: commitments, indices, codes."""

from __future__ import annotations

import re
from typing import Final

from ledger.formats.entry import COMMITMENT_SIZE

_HEX = re.compile(rf"[0-9a-fA-F]{{{2 * COMMITMENT_SIZE}}}", re.ASCII)
_INDEX = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
_CODE: Final = re.compile(r"[0-9]{6}|[0-9]{10}", re.ASCII)


def parse_commitment(text: str) -> bytes | None:
    """Return the 32 bytes, or None where the text is no commitment."""
    return bytes.fromhex(text) if _HEX.fullmatch(text) else None


def parse_index(text: str) -> int | None:
    """Return the index of an entry, or None where the text is no number."""
    return int(text) if _INDEX.fullmatch(text) else None


def parse_code(text: str) -> str | None:
    """Return the 10 digits of a code as entries carry them, or None: an authority's 6 follow four zeros."""
    return text.rjust(10, "0") if _CODE.fullmatch(text) else None
