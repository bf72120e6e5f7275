"""Reading a form field by field: each mistake is kept beside its field, none ends the reading. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from idp.platforms.errors import FormRefusedError, MissingError, TooLongError
from kernel.errors import XinjiError

Typed = Mapping[str, Sequence[str]]
"""What somebody typed: every value of every field, as it came."""
T = TypeVar("T")


@dataclass(slots=True)
class FormReader:
    """What was typed, and the mistakes found so far."""

    typed: Typed
    problems: dict[str, XinjiError] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """Return the last value of a field on one line, without spaces around it."""
        values = self.typed.get(name) or ("",)
        return " ".join(unicodedata.normalize("NFC", values[-1]).split())

    def raw(self, name: str) -> str:
        """Return the last value of a field with its lines."""
        return (self.typed.get(name) or ("",))[-1]

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of a field."""
        return tuple(self.typed.get(name, ()))

    def lines(self, name: str) -> tuple[str, ...]:
        """Return the lines of a field that hold something."""
        return tuple(line.strip() for line in self.raw(name).splitlines() if line.strip())

    def line(self, name: str, limit: int, *, needed: bool = True) -> str:
        """Return a field of at most `limit` characters; note a mistake where it is longer, or empty and needed."""
        text = self.text(name)
        if needed and not text:
            self.note(name, MissingError(f"{name} is empty"))
        if len(text) > limit:
            self.note(name, TooLongError(f"{name} is too long", limit=limit))
        return text

    def parsed(self, name: str, parse: Callable[[str], T], *, otherwise: T) -> T:
        """Return what `parse` makes of a field that must not be empty; note why it cannot."""
        text = self.text(name)
        if not text:
            self.note(name, MissingError(f"{name} is empty"))
            return otherwise
        try:
            return parse(text)
        except XinjiError as error:
            self.note(name, error)
            return otherwise

    def note(self, name: str, error: XinjiError) -> None:
        """Keep the first mistake of a field."""
        self.problems.setdefault(name, error)

    def finish(self) -> None:
        """End the reading.

        Raises:
            FormRefusedError: There were mistakes.
        """
        if self.problems:
            raise FormRefusedError(self.problems)
