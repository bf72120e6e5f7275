"""How large a roster may be. A file above a limit is refused as a whole, with the limit named."""

from __future__ import annotations

from typing import Final

MAX_ROWS: Final = 100_000
MAX_BYTES: Final = 32 * 2**20
MAX_COLUMNS: Final = 64
# The heading may stand below a title, within this many rows.
HEADING_WITHIN: Final = 10
# Blank rows between two rows: more is a stray cell far below, or an attack.
MAX_GAP: Final = 1_000
