"""The states of filings and platforms, and of what lists are filtered by. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

WAITING: Final = "waiting"
APPROVED: Final = "approved"
REFUSED: Final = "refused"
REPLACED: Final = "replaced"

PENDING: Final = "pending"
ACTIVE: Final = "active"
BLOCKED: Final = "blocked"
REMOVED: Final = "removed"

FILED: Final = "filed"
OPENED: Final = "opened"

EXPIRING: Final = "expiring"
FILTERS: Final = (WAITING, ACTIVE, EXPIRING, REFUSED, BLOCKED)

REMINDED: Final = timedelta(days=30)
"""How long before its end an approval is said to end soon."""
