"""Strict base64 and JSON: one spelling each, everything else refused.

A verifier that reads two spellings of a value can be told two stories. So: no padding in
base64url and full padding in base64, no stray bits in the last sign, no whitespace; in
JSON no repeated name, no NaN, no integer beyond 2^53 (JavaScript would round it).
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from typing import Any

from xinji_client.errors import FormatError

MAX_DEPTH = 32
MAX_SAFE_INTEGER = 2**53 - 1


def b64u(data: bytes) -> str:
    """Encode as base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_b64u(text: object) -> bytes:
    """Decode base64url without padding.

    Raises:
        FormatError: Not a string, another alphabet, padding, or bits left over.
    """
    if not isinstance(text, str):
        raise FormatError("base64url must be a string")
    try:
        data = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError) as error:
        raise FormatError("not base64url") from error
    if b64u(data) != text:
        raise FormatError("not the one base64url spelling of its bytes")
    return data


def from_b64(text: object) -> bytes:
    """Decode standard base64 with padding (signed notes, proofs).

    Raises:
        FormatError: Anything but the one spelling.
    """
    if not isinstance(text, str):
        raise FormatError("base64 must be a string")
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError) as error:
        raise FormatError("not base64") from error
    if base64.b64encode(data).decode("ascii") != text:
        raise FormatError("not the one base64 spelling of its bytes")
    return data


def strict_json(data: bytes | str) -> Any:
    """Parse JSON that says each thing once.

    Raises:
        FormatError: Not UTF-8 JSON, a repeated name, NaN or Infinity, an integer beyond
            2^53, a lone surrogate, or more than 32 levels.
    """
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        text.encode("utf-8")
        value = json.loads(
            text,
            object_pairs_hook=_once,
            parse_constant=_no_constant,
            parse_int=_safe_integer,
            parse_float=_finite,
        )
        _bounded(value, MAX_DEPTH)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"not JSON: {error}") from error
    return value


def strict_again(value: Any) -> Any:
    """Read what was parsed elsewhere as strictly as if it had been parsed here.

    Raises:
        FormatError: As `strict_json`; or the value is none that JSON can hold.
    """
    try:
        return strict_json(json.dumps(value))
    except (TypeError, ValueError, RecursionError) as error:
        raise FormatError("not a JSON value") from error


def canonical(value: Any) -> str:
    """Return one text for one JSON value, to compare values by. Unlike `==` it tells true from 1."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise FormatError("a name stands twice in one JSON object")
    return members


def _no_constant(name: str) -> Any:
    raise FormatError(f"{name} is not JSON")


def _safe_integer(digits: str) -> int:
    if len(digits) > len(str(MAX_SAFE_INTEGER)) + 1 or abs(int(digits)) > MAX_SAFE_INTEGER:
        raise FormatError("an integer beyond 2^53")
    return int(digits)


def _finite(digits: str) -> float | int:
    number = float(digits)
    if not abs(number) < math.inf:
        raise FormatError("a number beyond what JSON readers can hold")
    return int(number) if number.is_integer() and abs(number) <= MAX_SAFE_INTEGER else number


def _bounded(value: Any, levels: int) -> None:
    if levels == 0:
        raise FormatError(f"JSON deeper than {MAX_DEPTH} levels")
    if isinstance(value, str):
        value.encode("utf-8")  # A lone surrogate (\ud800) is no text.
    elif isinstance(value, dict):
        for name, member in value.items():
            name.encode("utf-8")
            _bounded(member, levels - 1)
    elif isinstance(value, list):
        for member in value:
            _bounded(member, levels - 1)
