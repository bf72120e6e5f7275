"""A bundle as a file: one JSON object with its parts, each of which its own module reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xinji_client.encoding import strict_again, strict_json
from xinji_client.errors import CheckFailed, FormatError

FORMATS = ("xinji/bundle/1", "xinji/bundle/2")
"""In the second the status may name a `log` of its own; nothing else differs."""

MAX_BYTES = 1 << 22


@dataclass(frozen=True, slots=True)
class Log:
    """The `log` part: where the credential stands, by which path, under which checkpoint. Not checked yet."""

    origin: Any
    entry: Any
    index: Any
    path: Any
    checkpoint: Any


def parse_bundle(data: bytes | str) -> dict[str, Any]:
    """Read the bytes of a bundle.

    Raises:
        FormatError: Too large, not strict JSON, or not a bundle of this format.
    """
    if len(data) > MAX_BYTES:
        raise FormatError(f"a bundle has at most {MAX_BYTES >> 20} MiB")
    return _checked(strict_json(data))


def _checked(bundle: Any) -> dict[str, Any]:
    if not isinstance(bundle, dict) or bundle.get("format") not in FORMATS:
        raise FormatError(f"not a bundle of format {' or '.join(FORMATS)}")
    return bundle


def read_bundle(bundle: bytes | str | Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the parts of a bundle.

    One that cannot be read is taken for an empty one: every step then says what is missing.
    """
    try:
        return parse_bundle(bundle) if isinstance(bundle, str | bytes) else _checked(strict_again(bundle))
    except FormatError:
        return {}


def read_log(part: Any) -> Log:
    """Take the `log` part apart.

    Raises:
        CheckFailed: `inclusion_missing`.
    """
    names = ("origin", "entry", "index", "path", "checkpoint")
    if not isinstance(part, Mapping) or any(part.get(name) is None for name in names):
        raise CheckFailed("inclusion_missing")
    return Log(**{name: part[name] for name in names})


def part_of(part: Any, name: str) -> Any:
    """Return a member of an object; None where there is none."""
    return part.get(name) if isinstance(part, Mapping) else None
