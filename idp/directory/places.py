"""Administrative codes (GB/T 2260) with the days between which they are in force.

Our own table: all provinces, and the cities of Henan and Shaanxi with the county-level
units that stand directly under a province. An empty day means: for as long as this table
looks back, or until further notice. Counties of other codes are checked by form alone.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

from idp.directory.input_errors import (
    PlaceDigitError,
    PlaceFutureError,
    PlaceLengthError,
    PlaceProvinceError,
    PlaceRetiredError,
    PlaceUnknownError,
)

LENGTH: Final = 6


class Place(NamedTuple):
    """A row of the table: in force on `valid_from` and after, until the day before `valid_to`."""

    code: str
    name: str
    name_en: str
    valid_from: date | None
    valid_to: date | None


def _read(path: Path) -> dict[str, Place]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        return {
            row["code"]: Place(row["code"], row["name"], row["name_en"], _day(row["valid_from"]), _day(row["valid_to"]))
            for row in rows
        }


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


PLACES: Final = _read(Path(__file__).parent / "data" / "places.csv")
PROVINCES: Final = {code[:2]: place for code, place in PLACES.items() if code.endswith("0000")}
# Provinces whose cities the table holds in full: there an unknown city is an error.
COVERED: Final = frozenset({"41", "61"})


def parse_place(text: str, today: date) -> str:
    """Return an administrative code that is in force on `today`.

    Raises:
        PlaceLengthError: It has not 6 digits.
        PlaceDigitError: Something in it is no digit.
        PlaceProvinceError: Digits 1-2 are no province.
        PlaceUnknownError: There is no such city in a province that the table covers.
        PlaceRetiredError: It is no longer in force.
        PlaceFutureError: It is not in force yet.
    """
    code = re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))
    if len(code) != LENGTH:
        raise PlaceLengthError(f"an administrative code has {LENGTH} digits, not {len(code)}", length=len(code))
    for place, sign in enumerate(code, start=1):
        if sign not in "0123456789":
            raise PlaceDigitError(f"place {place} of an administrative code is no digit", place=place, sign=sign)
    if code[:2] not in PROVINCES:
        raise PlaceProvinceError(f"digits 1-2 ({code[:2]}) are no province", province=code[:2])
    known = PLACES.get(code)
    if known is None:
        _refuse_unknown(code)
    elif known.valid_to is not None and today >= known.valid_to:
        raise PlaceRetiredError(f"{code} was in force until {known.valid_to}", until=known.valid_to.isoformat())
    elif known.valid_from is not None and today < known.valid_from:
        raise PlaceFutureError(f"{code} is in force from {known.valid_from}", since=known.valid_from.isoformat())
    return code


def _refuse_unknown(code: str) -> None:
    """Refuse a city that cannot exist; a county outside the table passes where its city may exist."""
    if code[2:4] == "00":
        raise PlaceUnknownError(f"there is no {code}", city=code)
    if code[:2] in COVERED:
        city = code if code[2:4] == "90" else code[:4] + "00"  # xx90xx stands under the province directly.
        if code == city or city not in PLACES:
            raise PlaceUnknownError(f"there is no {city}", city=city)


def superior_codes(code: str) -> tuple[str, ...]:
    """Return the codes of the authorities that may stand directly above `code`, nearest first.

    A county stands under its city or, like 济源, directly under its province; a city under its
    province; a province under nobody.
    """
    province, city = code[:2] + "0000", code[:4] + "00"
    if code == province:
        return ()
    if code == city or code[2:4] == "90":
        return (province,)
    return (city, province)


def level_of(code: str) -> str:
    """Return `province`, `city` or `county`."""
    if code.endswith("0000"):
        return "province"
    return "city" if code.endswith("00") else "county"
