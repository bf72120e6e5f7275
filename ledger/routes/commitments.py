"""Commitments in addresses and forms: 64 hexadecimal digits."""

from __future__ import annotations

import re

from ledger.entry import COMMITMENT_SIZE

_HEX = re.compile(rf"[0-9a-fA-F]{{{2 * COMMITMENT_SIZE}}}", re.ASCII)


def parse_commitment(text: str) -> bytes | None:
    """Return the 32 bytes, or None where the text is no commitment."""
    return bytes.fromhex(text) if _HEX.fullmatch(text) else None
