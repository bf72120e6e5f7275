"""Dates as people type them: 2005-01-31, 2005/1/31, 20050131, 2005年1月31日, 2005.1.31."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Final

from idp.directory.input_errors import DayError, DayRangeError

EARLIEST: Final = date(1900, 1, 1)
_DAY: Final = re.compile(
    r"(\d{4})(?:-(\d{1,2})-(\d{1,2})|/(\d{1,2})/(\d{1,2})|\.(\d{1,2})\.(\d{1,2})|年(\d{1,2})月(\d{1,2})日?|(\d{2})(\d{2}))"
    r"(?:[ T]00:00(?::00)?)?"
)
_MONTH: Final = re.compile(r"(\d{4})(?:[-/.年]?)(\d{1,2})(?:月|[-/.月](?:\d{1,2})日?)?")
_LAST_MONTH: Final = 12


def parse_day(text: str, *, today: date) -> date:
    """Return a day between 1900 and `today`.

    Raises:
        DayError: It is no date.
        DayRangeError: It is before 1900 or after `today`.
    """
    match = _DAY.fullmatch(unicodedata.normalize("NFKC", text).strip())
    if match is None:
        raise DayError("this is no date")
    year, *rest = (int(part) for part in match.groups() if part is not None)
    try:
        day = date(year, *rest)
    except ValueError as error:
        raise DayError("this is no date") from error
    if not EARLIEST <= day <= today:
        raise DayRangeError("the date is before 1900 or in the future")
    return day


def parse_month(text: str) -> str | None:
    """Return `YYYYMM` of a month (or of the day in it) typed in one of the usual ways, or None."""
    tidy = unicodedata.normalize("NFKC", text).strip()
    if re.fullmatch(r"\d{8}", tidy):
        tidy = tidy[:6]
    match = _MONTH.fullmatch(tidy)
    if match is None or not 1 <= int(match[2]) <= _LAST_MONTH or int(match[1]) < EARLIEST.year:
        return None
    return f"{match[1]}{int(match[2]):02}"
