"""Response types and response modes: what the answer holds, and how it travels. Pure.

OAuth 2.0 Multiple Response Type Encoding Practices, Form Post Response Mode, and JARM. A
refusal needs a way back before its request is understood, so the mode is found for bad
requests too. One rule is held here for all of them: a token never stands in a query.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

CODE: Final = "code"
ID_TOKEN: Final = "id_token"  # noqa: S105 - the name of a parameter
TOKEN: Final = "token"  # noqa: S105 - the name of a parameter
_ORDER: Final = (CODE, ID_TOKEN, TOKEN)

JWT: Final = "jwt"
_SIGNED: Final = ".jwt"


class Way(Enum):
    """How the browser carries the answer to the platform."""

    QUERY = "query"
    FRAGMENT = "fragment"
    FORM_POST = "form_post"


RESPONSE_MODES: Final = (
    *(way.value for way in Way),
    JWT,
    *(f"{way.value}{_SIGNED}" for way in Way),
)
"""All modes, in the order the metadata lists them."""


def canonical_type(text: str) -> str:
    """Return a response type with its words in the order of the registry; their order means nothing (RFC 6749 §3.1.1).

    Words that are unknown or repeated leave it as it is: then it is no type of ours.
    """
    words = text.split(" ")
    if len(set(words)) != len(words) or set(words) - set(_ORDER):
        return text
    return " ".join(word for word in _ORDER if word in words)


def holds(response_type: str, word: str) -> bool:
    """Whether an answer of this type holds `word`."""
    return word in response_type.split(" ")


def by_front_channel(response_type: str) -> bool:
    """Whether the answer holds more than a code: then it never stands in a query."""
    return holds(response_type, ID_TOKEN) or holds(response_type, TOKEN)


def mode_allowed(response_type: str, mode: str) -> bool:
    """Whether the mode is known and safe with the type (Multiple Response Types §2.1, §5; JARM §2.3.1)."""
    return mode in RESPONSE_MODES and not (by_front_channel(response_type) and _way_named(mode) is Way.QUERY)


def is_signed(mode: str) -> bool:
    """Whether the mode is one of JARM's."""
    return mode == JWT or mode.endswith(_SIGNED)


def way_of(values: Mapping[str, str], *, always_signed: bool = False) -> tuple[Way, bool]:
    """Return how the answer to a request goes, and whether it is signed (JARM), whatever else is wrong with it.

    `always_signed` is for platforms under FAPI 2.0 Message Signing. A mode that is unknown or
    unsafe for the type counts as the type's default (§3.1.2.6 of OIDC Core: errors go the same way).
    """
    response_type = canonical_type(values.get("response_type", CODE))
    mode = values.get("response_mode", "")
    if not mode_allowed(response_type, mode):
        # An unsafe or unknown way is not taken, but that the answer be signed was a wish one can meet.
        mode = JWT if is_signed(mode) and mode in RESPONSE_MODES else ""
    way = _way_named(mode) or (Way.FRAGMENT if by_front_channel(response_type) else Way.QUERY)
    return way, always_signed or is_signed(mode)


def _way_named(mode: str) -> Way | None:
    name = mode.removesuffix(_SIGNED)
    return Way(name) if name in {way.value for way in Way} else None
