"""Whether a name looks like what it is: no sign that cannot be seen, no letters of look-alike alphabets mixed. Pure.

A platform's name, owner and purpose stand on the consent page, and little else there tells a
real platform from its counterfeit. What this knows of likeness is coarse: signs that are blank or
change others, and alphabets whose letters look alike (UTS #39 §5.1). Two names that are alike in
one script, the officer must see.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_BLANK: Final = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and signs that Unicode calls visible and fonts draw empty."""
_CHANGING: Final = ("COMBINING ", "VARIATION SELECTOR")
"""What changes the sign before it; vowel signs, such as the Tibetan ones, belong to their script."""
_ALIKE: Final = frozenset({"LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "CHEROKEE"})


def is_visible(text: str) -> bool:
    """Whether every sign of `text` can be seen where it stands: none is blank, turns the line or changes another."""
    if not text.isprintable() or _BLANK & set(text):
        return False
    return not any(_called(sign).startswith(_CHANGING) for sign in unicodedata.normalize("NFC", text))


def is_honest(name: str) -> bool:
    """Whether `name` is visible and does not mix alphabets that look alike."""
    scripts = {_called(sign).removeprefix("FULLWIDTH ").split(" ")[0] for sign in name if sign.isalpha()}
    return is_visible(name) and len(scripts & _ALIKE) <= 1


def _called(sign: str) -> str:
    return unicodedata.name(sign, "")
