"""Signature lines that are good, forged, or somebody else's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.vectors.making.keys import note_line
from tests.vectors.making.recipe import Recipe
from tests.vectors.making.world import T


def forged(line: str) -> str:
    """Return a signature line with one bit of the signature changed."""
    return line[:-8] + ("A" if line[-8] != "A" else "B") + line[-7:]


def cosigned(*witnesses: Any, more: Callable[[str], list[str]] = lambda _: []) -> Recipe:
    return Recipe(cosigners=[(witness, T) for witness in witnesses], more_lines=more)


def cosignature(witness: tuple[str, str, bytes, str], time: int = T) -> Callable[[str], str]:
    return lambda text: note_line(text, *witness[1:], time=time)
