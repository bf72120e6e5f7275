"""JSON inside a parameter: small, shallow, no name twice. Pure; what it means is the readers' business."""

from __future__ import annotations

import json
from typing import Any, Final

MAX_TEXT: Final = 4_000
MAX_DEPTH: Final = 5
MAX_MEMBERS: Final = 200


class BoundedJsonError(ValueError):
    """The text is no JSON, or more of it than a parameter may hold."""


def read_json(text: str) -> Any:
    """Return the value of `text`.

    Raises:
        BoundedJsonError: It is no JSON, too long, too deep or too broad, or a name stands twice in an object.
    """
    if len(text) > MAX_TEXT:
        raise BoundedJsonError("too long")
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        raise BoundedJsonError("no JSON") from error
    _measure(value)
    return value


def _measure(value: Any) -> None:
    """Walk level by level, so that depth costs no stack."""
    level, members = [value], 0
    for _ in range(MAX_DEPTH + 1):
        level = [inner for outer in level for inner in _inner(outer)]
        members += len(level)
        if members > MAX_MEMBERS:
            raise BoundedJsonError("too broad")
        if not level:
            return
    raise BoundedJsonError("too deep")


def _inner(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise BoundedJsonError("a name stands twice")
    return value


def _refused(name: str) -> Any:
    raise BoundedJsonError(f"{name} is not JSON")
