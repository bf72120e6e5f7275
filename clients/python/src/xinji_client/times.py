"""Moments: POSIX seconds in the formats, ISO 8601 in UTC in reports, Beijing time for readers."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

BEIJING = timedelta(hours=8)
MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def iso(seconds: int) -> str:
    """Write POSIX seconds as an instant in UTC; the number itself where no calendar reaches."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (ValueError, OverflowError, OSError):
        return str(seconds)


def in_beijing(instant: str, language: str) -> str:
    """Write an instant of `iso` for a reader: 2026年6月30日 14:03, 30 June 2026 14:03. Other text stays as it is."""
    if not MOMENT.fullmatch(instant):
        return instant
    at = datetime.fromisoformat(instant) + BEIJING
    return f"{day(at.date().isoformat(), language)} {at:%H:%M}"


def day(text: str, language: str) -> str:
    """Write an ISO day for a reader: 2026年6月30日, 30 June 2026. What is no day stays as it is."""
    try:
        at = date.fromisoformat(text)
    except ValueError:
        return text
    return f"{at.year}年{at.month}月{at.day}日" if language == "zh" else f"{at.day} {_MONTHS[at.month - 1]} {at.year}"
