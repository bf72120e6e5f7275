"""The shards of an installation's log: the first log, and after it one a year. Pure.

A shard is a log of its own: origin, keys, tree and files. Its number is 1 for the first log, and its
year for a later one; the origin, the address and the folder of a later one end in that year.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

FIRST: Final = 1
DIGITS: Final = 4
YEARS: Final = range(2000, 10_000)
"""The numbers that a later shard may have: four digits, so that the origin says which year is meant."""


class ShardState(StrEnum):
    """How far a shard is. Exactly one is open: it alone gives indices. States only go forward."""

    ANNOUNCED = "announced"
    """Verifiers and witnesses learn of it; it holds nothing yet."""
    OPEN = "open"
    CLOSING = "closing"
    """It gives no more indices; what has one is integrated and published."""
    FROZEN = "frozen"
    """Its last checkpoint is published and final."""


def name_of(shard: int) -> str:
    """Return what the shard's address and folder have below those of the first log; nothing for that itself."""
    return "" if shard == FIRST else str(shard)


def parse_name(name: str) -> int | None:
    """Return the number of the later shard that is called so, or None where none can be."""
    return int(name) if len(name) == DIGITS and name.isascii() and name.isdigit() and int(name) in YEARS else None


def origin_of(first_origin: str, shard: int) -> str:
    """Return a shard's origin line."""
    return first_origin if shard == FIRST else f"{first_origin}/{shard}"
