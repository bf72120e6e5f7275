"""The numbers that a filing names, by their form: owner code, ICP, classified protection, education app. Pure.

None of them is looked up: what the form cannot tell, the officer checks against the public registers.
Sources: 工业和信息化部 ICP 备案 (province's short name, 备, serial, site); 等级保护备案证明 (6 digits of the
accepting police authority, 5 of the organisation, 5 of the system); 教技厅〔2019〕3号 (教APP备).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from idp.directory import school_code, uscc
from idp.directory.places import PROVINCES
from idp.platforms.errors import (
    AppNumberError,
    ContactError,
    IcpNumberError,
    OwnerCodeError,
    ProtectionLevelError,
    ProtectionNumberError,
)

PROVINCE_SIGNS: Final = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川蜀贵黔云滇藏陕秦甘陇青宁新"
PROTECTION_LEVELS: Final = (2, 3, 4)
"""Level 1 is not filed; level 5 is no business of a platform (GB/T 22240)."""
_ICP: Final = re.compile(rf"[{PROVINCE_SIGNS}]ICP备\d{{6,10}}号(-\d{{1,4}})?[AX]?")
_PROTECTION: Final = re.compile(r"\d{11}-\d{5}")
_APP: Final = re.compile(r"教APP备\d{7,10}号(-\d{1,4})?")
_MAIL: Final = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_PHONE: Final = re.compile(r"\+?[0-9()\- ]{7,20}")
_PHONE_DIGITS: Final = 7
_DASHES: Final = str.maketrans(dict.fromkeys("‐‑‒–—―－", "-"))
CONTACT_LENGTH: Final = 120


def parse_owner_code(text: str) -> str:
    """Return a school code (10 digits) or a unified social credit code (18 signs) in its plain form.

    Raises:
        OwnerCodeError: It has neither length.
        InputError: It is wrong in a way that its own rule names.
    """
    code = _tidy(text)
    if len(code) == school_code.LENGTH:
        return school_code.parse_school_code(code).code
    if len(code) == uscc.LENGTH:
        return uscc.parse_uscc(code)
    raise OwnerCodeError("an owner's code has 10 digits or 18 signs", length=len(code))


def is_school(owner_code: str) -> bool:
    """Whether an owner's code is a school's."""
    return len(owner_code) == school_code.LENGTH


def area_of(owner_code: str) -> str:
    """Return the administrative code inside a unified social credit code (places 3 to 8)."""
    return owner_code[2:8]


def parse_icp(text: str) -> str:
    """Return an ICP filing number, such as 豫ICP备2021012345号-1.

    Raises:
        IcpNumberError: It has not this form.
    """
    number = _tidy(text)
    if not _ICP.fullmatch(number):
        raise IcpNumberError("this is no ICP filing number")
    return number


def parse_protection(level: str, number: str) -> tuple[int, str]:
    """Return level and number of a classified-protection filing, such as 3 and 41010043001-22001.

    Raises:
        ProtectionLevelError: The level is not filed.
        ProtectionNumberError: The number has not 11 and 5 digits, or begins with no province.
    """
    return parse_protection_level(level), parse_protection_number(number)


def parse_protection_level(text: str) -> int:
    """Return the level.

    Raises:
        ProtectionLevelError: It is not filed.
    """
    if text not in {str(level) for level in PROTECTION_LEVELS}:
        raise ProtectionLevelError("only levels 2 to 4 are filed")
    return int(text)


def parse_protection_number(text: str) -> str:
    """Return the number.

    Raises:
        ProtectionNumberError: It has not 11 and 5 digits, or begins with no province.
    """
    number = _tidy(text)
    if not _PROTECTION.fullmatch(number) or number[:2] not in PROVINCES:
        raise ProtectionNumberError("this is no number of a classified-protection filing")
    return number


def parse_app_number(text: str) -> str:
    """Return the filing number of a provider of education apps, such as 教APP备4100123号.

    Raises:
        AppNumberError: It has not this form.
    """
    number = _tidy(text)
    if not _APP.fullmatch(number):
        raise AppNumberError("this is no filing number of a provider of education apps")
    return number


def parse_contact(text: str) -> str:
    """Return an organisation's e-mail address or phone number.

    Raises:
        ContactError: It is neither.
    """
    contact = " ".join(unicodedata.normalize("NFKC", text).translate(_DASHES).split())
    phone = _PHONE.fullmatch(contact) and sum(sign.isdigit() for sign in contact) >= _PHONE_DIGITS
    if len(contact) > CONTACT_LENGTH or not (phone or _MAIL.fullmatch(contact)):
        raise ContactError("this is neither an e-mail address nor a phone number")
    return contact


def _tidy(text: str) -> str:
    """Return `text` without spaces, in half width and capitals."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).translate(_DASHES).upper()
