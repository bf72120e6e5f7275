"""School codes (学校（机构）标识码): 10 digits of type, province and serial; no check digit.

Source: 学校（机构）代码编制规则. Type comes first, the province second: the other order is a
common mistake and gets a message of its own. Knows no register of schools.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, NamedTuple

from idp.directory.input_errors import (
    SchoolCodeDigitError,
    SchoolCodeLengthError,
    SchoolCodeOrderError,
    SchoolProvinceError,
    SchoolSerialError,
    SchoolTypeError,
)
from idp.directory.places import PROVINCES

LENGTH: Final = 10
HIGHER_EDUCATION: Final = frozenset({"41", "42"})

SCHOOL_TYPES: Final = {
    "11": "幼儿园",
    "21": "普通小学",
    "22": "成人小学",
    "31": "普通初中",
    "32": "职业初中",
    "33": "成人初中",
    "34": "普通高中",
    "35": "成人高中",
    "36": "中等职业学校",
    "37": "专门学校",
    "41": "普通高等学校",
    "42": "成人高等学校",
    "51": "特殊教育学校",
    "91": "培养研究生的科研机构",
    "92": "民办的其他高等教育机构",
    "93": "中等职业培训机构",
}


class SchoolCode(NamedTuple):
    """A well-formed school code and its parts."""

    code: str
    type: str
    province: str
    serial: str


def parse_school_code(text: str, *, within: str | None = None) -> SchoolCode:
    """Return the parts of a school code; full width and spaces are accepted.

    `within` is the province where the school should lie: 41 is Henan as well as a college,
    so that only this tells a swapped 41 21 … from a college of Liaoning.

    Raises:
        SchoolCodeLengthError: It has not 10 digits.
        SchoolCodeDigitError: Something in it is no digit.
        SchoolCodeOrderError: The province stands before the type.
        SchoolTypeError: Digits 1-2 are no school type.
        SchoolProvinceError: Digits 3-4 are no province.
        SchoolSerialError: Digit 5 of a college's code is not 0.
    """
    code = re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))
    if len(code) != LENGTH:
        raise SchoolCodeLengthError(f"a school code has {LENGTH} digits, not {len(code)}", length=len(code))
    for place, sign in enumerate(code, start=1):
        if sign not in "0123456789":
            raise SchoolCodeDigitError(f"place {place} of a school code is no digit", place=place, sign=sign)
    kind, province, serial = code[:2], code[2:4], code[4:]
    swapped = kind not in SCHOOL_TYPES if within is None else kind == within != province
    if swapped and kind in PROVINCES and province in SCHOOL_TYPES:
        raise SchoolCodeOrderError("type and province are swapped", swapped=province + kind + serial)
    if kind not in SCHOOL_TYPES:
        raise SchoolTypeError(f"digits 1-2 ({kind}) are no school type", type=kind)
    if province not in PROVINCES:
        raise SchoolProvinceError(f"digits 3-4 ({province}) are no province", province=province)
    if kind in HIGHER_EDUCATION and not serial.startswith("0"):
        raise SchoolSerialError("digit 5 of a college's code is 0", digit=serial[0])
    return SchoolCode(code, kind, province, serial)
