"""Authorization details (RFC 9396): what a platform asks for where a scope is too coarse. Pure.

Two types, each with its own members and no others (§5: an unknown member, a missing one or a
wrong value refuses the request):

- `xinji_credential`: read credentials of some types, from any school or from some.
- `xinji_data_sharing`: be told some claims for a purpose that the platform words, until a day.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any, Final

from idp.directory.errors import InputError
from idp.directory.school_code import parse_school_code
from idp.oauth.authorization.bounded_json import BoundedJsonError, read_json
from idp.oauth.errors import AuthorizationError

ERROR: Final = "invalid_authorization_details"
CREDENTIAL: Final = "xinji_credential"
DATA_SHARING: Final = "xinji_data_sharing"
READ: Final = "read"

MAX_DETAILS: Final = 10
MAX_LIST: Final = 20
MAX_PURPOSE: Final = 60
LONGEST: Final = timedelta(days=180)
_CREDENTIAL_TYPE: Final = re.compile(r"urn:xinji:credential:[a-z][a-z0-9-]{0,39}:[1-9][0-9]{0,2}")
_QUOTES: Final = frozenset('"“”„‟«»‹›「」『』〝〞〟＂｢｣')
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

Detail = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DetailRules:
    """What a platform may ask for: types that it registered, claims of its scopes; and the day it is."""

    types: Collection[str]
    claims: Collection[str]
    today: date


@dataclass(frozen=True, slots=True)
class ShownDetail:
    """A detail as the consent page shows it; what does not belong to its type is empty."""

    type: str
    credential_types: tuple[str, ...] = ()
    issuers: tuple[str, ...] = ()
    """School codes; none: of every school."""
    fields: tuple[str, ...] = ()
    purpose: str = ""
    """The platform's own words: to be shown as a quotation."""
    until: date | None = None


def parse_details(text: str | None, rules: DetailRules) -> list[dict[str, Any]]:
    """Return the details of a request, lists without repetitions; none where there is no parameter.

    Raises:
        AuthorizationError: `invalid_authorization_details` (§5).
    """
    if text is None:
        return []
    try:
        value = read_json(text)
    except BoundedJsonError as error:
        raise _refusal("authorization_details cannot be read") from error
    if not isinstance(value, list) or not 0 < len(value) <= MAX_DETAILS:
        raise _refusal(f"authorization_details is a list of 1 to {MAX_DETAILS} objects")
    return [_parsed(detail, rules) for detail in value]


def details_cover(given: Sequence[Detail], asked: Sequence[Detail]) -> bool:
    """Whether what was consented to includes all that is asked for: the same, or less of one of them."""
    return all(any(_covers(one, wanted) for one in given) for wanted in asked)


def shown(details: Sequence[Detail]) -> list[ShownDetail]:
    """Return parsed details for display."""
    return [
        ShownDetail(
            type=detail["type"],
            credential_types=tuple(detail.get("credential_types", ())),
            issuers=tuple(detail.get("issuers", ())),
            fields=tuple(detail.get("fields", ())),
            purpose=detail.get("purpose", ""),
            until=date.fromisoformat(detail["until"]) if "until" in detail else None,
        )
        for detail in details
    ]


def _parsed(detail: Any, rules: DetailRules) -> dict[str, Any]:
    if not isinstance(detail, dict) or not isinstance(detail.get("type"), str):
        raise _refusal("each of authorization_details is an object with a type")
    parse = TYPES.get(detail["type"])
    if parse is None or detail["type"] not in rules.types:
        raise _refusal("a type of authorization_details is not one that the client registered")
    return {"type": detail["type"], **parse(detail, rules)}


def _credential(detail: Detail, rules: DetailRules) -> dict[str, Any]:  # noqa: ARG001 - one of TYPES
    _members(detail, needed={"credential_types", "actions"}, optional={"issuers"})
    types = _texts(detail, "credential_types")
    if not all(_CREDENTIAL_TYPE.fullmatch(name) for name in types):
        raise _refusal("credential_types are names such as urn:xinji:credential:diploma:1")
    if _texts(detail, "actions") != [READ]:
        raise _refusal("the only action is read")
    parsed: dict[str, Any] = {"credential_types": types, "actions": [READ]}
    if "issuers" in detail:
        parsed["issuers"] = [_school(code) for code in _texts(detail, "issuers")]
    return parsed


def _data_sharing(detail: Detail, rules: DetailRules) -> dict[str, Any]:
    _members(detail, needed={"fields", "purpose", "until"}, optional=set())
    fields = _texts(detail, "fields")
    if set(fields) - set(rules.claims):
        raise _refusal("fields are claims of the scopes that the client registered")
    purpose = detail["purpose"]
    if not isinstance(purpose, str) or not purpose.strip() or len(purpose) > MAX_PURPOSE:
        raise _refusal(f"purpose is a text of up to {MAX_PURPOSE} characters")
    if not purpose.isprintable() or _QUOTES & set(purpose):  # Pages show it between quotation marks, as not ours.
        raise _refusal("purpose holds a quotation mark, or a sign that cannot be shown")
    return {"fields": fields, "purpose": purpose, "until": _until(detail["until"], rules.today)}


TYPES: Final[Mapping[str, Callable[[Detail, DetailRules], dict[str, Any]]]] = MappingProxyType(
    {CREDENTIAL: _credential, DATA_SHARING: _data_sharing}
)


def _members(detail: Detail, *, needed: set[str], optional: set[str]) -> None:
    names = detail.keys() - {"type"}
    if names - needed - optional:
        raise _refusal("a detail has a member that its type has not")
    if needed - names:
        raise _refusal("a detail lacks a member that its type needs")


def _texts(detail: Detail, name: str) -> list[str]:
    values = detail[name]
    if not isinstance(values, list) or not 0 < len(values) <= MAX_LIST:
        raise _refusal(f"a list of a detail has 1 to {MAX_LIST} members")
    if not all(isinstance(value, str) for value in values):
        raise _refusal("the lists of a detail hold text")
    return list(dict.fromkeys(values))


def _school(code: str) -> str:
    try:
        parsed = parse_school_code(code).code
    except InputError as error:
        raise _refusal("issuers are school codes") from error
    if parsed != code:  # Full width and spaces are for people; machines compare signs.
        raise _refusal("issuers are school codes")
    return parsed


def _until(value: Any, today: date) -> str:
    try:
        day = date.fromisoformat(value) if isinstance(value, str) and _DAY.fullmatch(value) else None
    except ValueError:
        day = None
    if day is None:
        raise _refusal("until is a day such as 2026-06-30")
    if not today <= day <= today + LONGEST:
        raise _refusal(f"until is today or a day of the next {LONGEST.days}")
    return day.isoformat()


def _covers(given: Detail, asked: Detail) -> bool:
    if given["type"] != asked["type"]:
        return False
    if given["type"] == CREDENTIAL:
        schools = set(given.get("issuers", ()))
        narrower = not schools or ("issuers" in asked and set(asked["issuers"]) <= schools)
        return narrower and set(asked["credential_types"]) <= set(given["credential_types"])
    return (
        set(asked["fields"]) <= set(given["fields"])
        and asked["purpose"] == given["purpose"]
        and str(asked["until"]) <= str(given["until"])
    )


def _refusal(description: str) -> AuthorizationError:
    return AuthorizationError(ERROR, description)
