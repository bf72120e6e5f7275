"""Names of people: what is accepted, one spelling for storing, one key for comparing.

Characters of all CJK extensions are names, the middle dot has one spelling (U+00B7), and
what cannot be displayed elsewhere (control, private use, replacement marks) is refused
rather than printed as a box on a diploma years later.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from idp.directory.input_errors import (
    NameControlError,
    NameDamagedError,
    NameLengthError,
    NameMissingError,
    NamePrivateError,
    NameSignError,
)

MAX_LENGTH: Final = 60
MAX_TITLE: Final = 120
_DOTS: Final = str.maketrans(dict.fromkeys("•‧∙⋅･・●▪．", "·"))
_SIGNS: Final = frozenset(" ·-'’.,()（）〇")
# Planes 2 and 3 hold ideographs only, some newer than this Python's tables.
_IDEOGRAPHS: Final = range(0x20000, 0x40000)
_IGNORED: Final = re.compile(r"[\s·\-'’.,()]+")


def clean_name(text: str) -> str:
    """Return a name as it is stored: NFC, single spaces, one middle dot.

    Raises:
        NameMissingError: Nothing is left.
        NameLengthError: More than 60 characters.
        NameControlError: A control, zero-width or direction character.
        NamePrivateError: A private-use character.
        NameDamagedError: A replacement mark (U+FFFD or a question mark).
        NameSignError: Another sign that no name has, such as a digit.
    """
    name = unicodedata.normalize("NFC", text).replace("　", " ").strip(" \t\r\n").translate(_DOTS)
    name = re.sub(" +", " ", name)
    if not name:
        raise NameMissingError("the name is empty")
    if len(name) > MAX_LENGTH:
        raise NameLengthError(f"a name has at most {MAX_LENGTH} characters", limit=MAX_LENGTH)
    for place, sign in enumerate(name, start=1):
        _check(place, sign)
    if not any(unicodedata.category(sign)[0] == "L" or ord(sign) in _IDEOGRAPHS for sign in name):
        raise NameSignError("a name has a letter", place=1, point=_point(name[0]))
    return name


def clean_title(text: str) -> str:
    """Return the name of an organisation as it is stored: printable characters, single spaces.

    Raises:
        NameMissingError: Nothing is left.
        NameLengthError: More than 120 characters.
        NameControlError: A control, zero-width, direction or private-use character.
    """
    title = " ".join(unicodedata.normalize("NFC", text).split())
    if not title:
        raise NameMissingError("the name is empty")
    if len(title) > MAX_TITLE:
        raise NameLengthError(f"a name has at most {MAX_TITLE} characters", limit=MAX_TITLE)
    for place, sign in enumerate(title, start=1):
        if unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Co"):
            raise NameControlError(f"control character {_point(sign)}", place=place, point=_point(sign))
    return title


def name_key(name: str) -> str:
    """Return what two spellings of one name share: no case, width, spaces, dots or hyphens."""
    return _IGNORED.sub("", unicodedata.normalize("NFKC", name).casefold())


def _check(place: int, sign: str) -> None:
    if sign in _SIGNS or ord(sign) in _IDEOGRAPHS:
        return
    category = unicodedata.category(sign)
    if category in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        raise NameControlError(f"control character {_point(sign)} at place {place}", place=place, point=_point(sign))
    if category == "Co":
        raise NamePrivateError(f"private-use character {_point(sign)}", place=place, point=_point(sign))
    if sign in "?？\ufffd":
        raise NameDamagedError("a character was lost in conversion", place=place)
    if category[0] not in "LM":
        raise NameSignError(f"{_point(sign)} does not belong in a name", place=place, point=_point(sign))


def _point(sign: str) -> str:
    return f"U+{ord(sign):04X}"
