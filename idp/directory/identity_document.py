"""Identity documents: the kinds of SFZJLX, one normal form of each number, and its checks.

Two spellings of one number must give one normal form, or a person gets two numbers:
NFKC, upper case, only 0-9 and A-Z kept, 15 digits made 18, a permit's issue count cut.
Sources: GB 11643 with ISO 7064 MOD 11-2 (1, C, F), 国家移民管理局 on the 2023 permanent
residence card (F). What is no evidence of one person (B, Z) has no index text.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Final, NamedTuple

from idp.directory.input_errors import (
    DocumentBirthError,
    DocumentCheckError,
    DocumentCountryError,
    DocumentFormError,
    DocumentLengthError,
    DocumentMangledError,
    DocumentNumberMissingError,
    DocumentProvinceError,
    DocumentTypeError,
)
from idp.directory.places import PROVINCES

RESIDENT, HK_PERMIT, MO_PERMIT, TW_PERMIT, PASSPORT = "1", "6", "7", "8", "A"
RESIDENCE_PERMIT, PERMANENT_RESIDENCE, HOUSEHOLD_BOOK, OTHER = "C", "F", "B", "Z"

# C is in newer student systems only; F is our own extension. The first name is the one shown.
TYPES: Final[dict[str, tuple[str, ...]]] = {
    RESIDENT: ("居民身份证", "身份证", "二代身份证", "id card", "resident identity card"),
    "2": ("军官证",),
    "3": ("士兵证",),
    "4": ("文职干部证",),
    "5": ("部队离退休证",),
    HK_PERMIT: ("香港居民来往内地通行证", "香港特区护照/身份证明", "香港特区护照", "港澳居民来往内地通行证", "回乡证"),
    MO_PERMIT: ("澳门居民来往内地通行证", "澳门特区护照/身份证明", "澳门特区护照"),
    TW_PERMIT: ("台湾居民来往大陆通行证", "台胞证"),
    "9": ("境外永久居住证",),
    PASSPORT: ("护照", "passport"),
    HOUSEHOLD_BOOK: ("户口簿", "户口本"),
    RESIDENCE_PERMIT: ("港澳台居民居住证", "居住证"),
    PERMANENT_RESIDENCE: ("外国人永久居留身份证", "外国人永久居留证", "永居证"),
    OTHER: ("其他", "无", "无证件", "other", "none"),
}
_BY_NAME: Final = {name: code for code, names in TYPES.items() for name in names}
NO_EVIDENCE: Final = frozenset({HOUSEHOLD_BOOK, OTHER})
MADE_IN_CHINA: Final = "CHN"

_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS: Final = "10X98765432"
_SCIENTIFIC: Final = re.compile(r"\d(\.\d+)?E\+?\d{1,3}")
_RESIDENCE_AREAS: Final = ("810000", "820000", "830000")
_MIN_GENERIC, _MAX_GENERIC = 4, 20
_NOT_RESIDENT: Final = ("71", "81", "82")
_LONG, _OLD = 18, 15


class IdentityDocument(NamedTuple):
    """A document whose number passed the checks of its kind; `number` is in normal form."""

    type: str
    country: str
    number: str

    @property
    def index_text(self) -> str | None:
        """What the blind index is computed over, or None where the kind identifies nobody."""
        if self.type in NO_EVIDENCE or not self.number:
            return None
        return f"bidx:v1|{self.country}|{self.type}|{self.number}"

    @property
    def birthdate(self) -> date | None:
        """The date of birth that the number carries, if it carries one."""
        if self.type in (RESIDENT, RESIDENCE_PERMIT) or (
            self.type == PERMANENT_RESIDENCE and len(self.number) == _LONG
        ):
            return _birth(self.number)
        return None

    @property
    def gender(self) -> str | None:
        """The gender (GB/T 2261.1) that the number carries, if it carries one."""
        if self.type in (RESIDENT, RESIDENCE_PERMIT):
            return "1" if int(self.number[16]) % 2 else "2"
        return None


def parse_document_type(text: str) -> str:
    """Return the code of a kind of document, given by its code or one of its names.

    Raises:
        DocumentTypeError: It is neither.
    """
    tidy = re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text)).strip()
    if tidy.upper() in TYPES:
        return tidy.upper()
    code = _BY_NAME.get(tidy.lower())
    if code is None:
        raise DocumentTypeError("this is no kind of identity document")
    return code


def parse_document(type_: str, text: str, *, nationality: str | None = None) -> IdentityDocument:
    """Return the document in normal form.

    `type_` is a code of `TYPES`, `nationality` an ISO 3166-1 alpha-3 code (passports need it).

    Raises:
        InputError: One of `idp.directory.input_errors.Document…`, by the rule that is broken.
    """
    number = _normal(text)
    if not number:
        if type_ == OTHER:
            return IdentityDocument(type_, MADE_IN_CHINA, "")
        raise DocumentNumberMissingError("this kind of document needs its number")
    if type_ == PASSPORT and nationality is None:
        raise DocumentCountryError("a passport needs the nationality")
    type_, number = _RULES.get(type_, _generic)(type_, number)
    country = nationality if type_ == PASSPORT and nationality else MADE_IN_CHINA
    return IdentityDocument(type_, country, number)


def mod_11_2(payload: str) -> str:
    """Return the check sign of 17 digits (ISO 7064 MOD 11-2, GB 11643 §4)."""
    total = sum(int(digit) * weight for digit, weight in zip(payload, _WEIGHTS, strict=True))
    return _CHECKS[total % 11]


def _normal(text: str) -> str:
    upper = unicodedata.normalize("NFKC", text).upper()
    if _SCIENTIFIC.fullmatch(upper.strip()):
        raise DocumentMangledError("the number was turned into scientific notation")
    return re.sub(r"[^0-9A-Z]", "", upper)


def _resident(type_: str, number: str) -> tuple[str, str]:
    if len(number) == _OLD:
        _form(number, r"\d{15}")
        number = number[:6] + "19" + number[6:]
        number += mod_11_2(number)
    _checked(number)
    if number[:2] not in PROVINCES or number[:2] in _NOT_RESIDENT:
        raise DocumentProvinceError("the first two digits are no province", province=number[:2])
    return type_, number


def _residence_permit(type_: str, number: str) -> tuple[str, str]:
    _checked(number)
    if number[:6] not in _RESIDENCE_AREAS:
        raise DocumentFormError("the number of a residence permit begins 810000, 820000 or 830000")
    return type_, number


def _permanent_residence(type_: str, number: str) -> tuple[str, str]:
    if len(number) == _OLD:
        _form(number, r"[A-Z]{3}\d{12}")
        return type_, number
    _checked(number)
    if number[0] != "9":
        raise DocumentFormError("the number of a permanent residence card begins with 9")
    return type_, number


def _taiwan_permit(type_: str, number: str) -> tuple[str, str]:
    _form(number, r"\d{8}")
    return type_, number


def _permit(type_: str, number: str) -> tuple[str, str]:
    """Cut the count of issues that old permits carry; the letter decides between the two regions."""
    permit = re.fullmatch(r"([HM])(\d{8})(\d{2})?", number)
    if permit is None:
        return _generic(type_, number)
    return (HK_PERMIT if permit[1] == "H" else MO_PERMIT), permit[1] + permit[2]


def _checked(number: str) -> None:
    if len(number) != _LONG:
        raise DocumentLengthError(f"expected {_LONG} characters", expected=_LONG, length=len(number))
    _form(number, r"\d{17}[\dX]")
    if _birth(number) is None:
        raise DocumentBirthError("digits 7-14 are no date")
    expected = mod_11_2(number[:17])
    if number[17] != expected:
        raise DocumentCheckError(f"the last sign should be {expected}", expected=expected)


def _birth(number: str) -> date | None:
    try:
        return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return None


def _form(number: str, pattern: str) -> None:
    if not re.fullmatch(pattern, number):
        raise DocumentFormError("the number does not have the form of its kind")


def _generic(type_: str, number: str) -> tuple[str, str]:
    if not _MIN_GENERIC <= len(number) <= _MAX_GENERIC:
        raise DocumentFormError(f"a number of this kind has {_MIN_GENERIC} to {_MAX_GENERIC} letters and digits")
    return type_, number


_RULES: Final = {
    RESIDENT: _resident,
    RESIDENCE_PERMIT: _residence_permit,
    PERMANENT_RESIDENCE: _permanent_residence,
    TW_PERMIT: _taiwan_permit,
    HK_PERMIT: _permit,
    MO_PERMIT: _permit,
}
