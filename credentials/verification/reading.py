"""Strict readers of what comes from outside: JSON that says each thing once, typed members, tokens of one suite."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from credentials.verification.findings import UnreadableError
from crypto.jose import SUITE_ALG, SUITES, peek

MAX_BYTES: Final = 4 * 1024 * 1024
MAX_DEPTH: Final = 32
LAST_SECOND: Final = 253_402_300_799  # The end of the year 9999: beyond it no calendar here reaches.
_MAX_INTEGER: Final = 2**53 - 1
_CRITICAL: Final = frozenset({"crit", "b64"})


def strict_json(data: bytes | str) -> Any:
    """Parse JSON.

    Raises:
        UnreadableError: Too long, not UTF-8, no JSON, a repeated name, NaN, an integer beyond
            2^53, a lone surrogate, or more than 32 levels.
    """
    if len(data) > MAX_BYTES:
        raise UnreadableError("too long")
    try:
        source = data if isinstance(data, str) else data.decode("utf-8")
        value = json.loads(source, object_pairs_hook=_once, parse_constant=_no_constant, parse_int=_integer)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise UnreadableError("not JSON in UTF-8") from error
    if _depth(value) > MAX_DEPTH:
        raise UnreadableError("too many levels")
    return value


def member(part: object, name: str) -> Any:
    """Return a member of an object; None where there is none, or no object."""
    return part.get(name) if isinstance(part, Mapping) else None


def text(part: Mapping[str, Any], name: str) -> str:
    """Return a member that is text and not empty.

    Raises:
        UnreadableError: It is not.
    """
    value = part.get(name)
    if not isinstance(value, str) or not value:
        raise UnreadableError(f"{name} is not a text")
    return value


def number(part: Mapping[str, Any], name: str, *, limit: int = _MAX_INTEGER) -> int:
    """Return a member that is an integer from 0 to `limit`.

    Raises:
        UnreadableError: It is not.
    """
    value = part.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= limit:
        raise UnreadableError(f"{name} is not a number from 0 to {limit}")
    return value


def read_token(token: object, *, suite: str, typ: str) -> dict[str, Any]:
    """Return the payload of a token that says it is of this suite and type. Nothing is verified.

    Raises:
        UnreadableError: It is no text, or its header says otherwise.
        InvalidTokenError: It is no compact token.
    """
    if not isinstance(token, str):
        raise UnreadableError("a token is a text")
    header, payload = peek(token)
    if header.get("alg") != SUITE_ALG[suite] or header.get("typ") != typ or not header.get("kid"):
        raise UnreadableError(f"not a {typ} of the suite {suite}")
    if _CRITICAL & header.keys():
        raise UnreadableError("the header has an extension that is not known here")
    return payload


def tokens_of(part: object) -> dict[str, Any]:
    """Return the tokens of the suites that a part carries."""
    return {suite: member(part, suite) for suite in SUITES if member(part, suite) is not None}


def read_pair(part: object, *, typ: str) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the tokens of one thing said in one or both suites, and the payload that they share.

    Raises:
        UnreadableError, InvalidTokenError: There is none, one has another form, or they differ.
    """
    tokens = tokens_of(part)
    payloads = [read_token(token, suite=suite, typ=typ) for suite, token in tokens.items()]
    if not payloads or any(as_text(payload) != as_text(payloads[0]) for payload in payloads):
        raise UnreadableError("the suites are missing or say different things")
    return tokens, payloads[0]


def as_text(value: object) -> str:
    """Return one text for one JSON value: unlike `==` it tells true from 1."""
    return json.dumps(value, sort_keys=True)


def key_id_of(token: str) -> str:
    """Return the key that a token names."""
    return str(peek(token)[0].get("kid", ""))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise UnreadableError("a name stands twice")
    return value


def _no_constant(name: str) -> Any:
    raise UnreadableError(f"{name} is not JSON")


def _integer(digits: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > _MAX_INTEGER:  # noqa: PLR2004 - 2^53 has 16 digits, and a sign
        raise UnreadableError("a number that not every reader can hold")
    return int(digits)


def _depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0
