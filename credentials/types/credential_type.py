"""What a credential type is: its code, titles, fields, issuers and how it prints. Pure data.

A type is a small module beside this one. Field names and code tables come from the JY/T and
GB/T standards (standards.md §3 and §4); every field is selectively disclosable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

Language = Literal["zh", "en"]
Words = Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its name in the credential, its headings, its JSON Schema and, if coded, its words."""

    name: str
    zh: str
    en: str
    schema: Mapping[str, Any]
    words: Words | None = None
    required: bool = True

    def title(self, language: str) -> str:
        """Return the field's heading in `language` (`zh` or `en`)."""
        return self.en if language == "en" else self.zh

    def show(self, value: object, language: str) -> str:
        """Return `value` as a reader of `language` wants it: codes in words, dates in full."""
        if self.words is not None and str(value) in self.words:
            return self.words[str(value)][1 if language == "en" else 0]
        if self.schema.get("format") == "date" and isinstance(value, str):
            day = date.fromisoformat(value)
            return f"{day.day} {day:%B %Y}" if language == "en" else f"{day.year}年{day.month}月{day.day}日"
        return str(value)


@dataclass(frozen=True, slots=True)
class Layout:
    """How a type prints: who it is about, the lines in order, and who signs."""

    holder: str
    lines: tuple[str, ...]
    number: str
    signed_by: str


@dataclass(frozen=True, slots=True)
class CredentialType:
    """A credential type.

    `digests` is the fixed number of `_sd` entries, decoys included, so that their count
    tells nothing. `school_types` are the first two digits of the school codes that may issue it.
    """

    code: str
    version: int
    zh: str
    en: str
    fields: tuple[Field, ...]
    school_types: frozenset[str]
    digests: int
    layout: Layout

    @property
    def vct(self) -> str:
        """The type's name inside credentials: `urn:xinji:credential:<code>:<version>`."""
        return f"urn:xinji:credential:{self.code}:{self.version}"

    def title(self, language: str) -> str:
        """Return the type's title in `language`."""
        return self.en if language == "en" else self.zh

    def field(self, name: str) -> Field:
        """Return the field called `name`.

        Raises:
            KeyError: The type has no such field.
        """
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all fields, in their order."""
        return tuple(field.name for field in self.fields)

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema (2020-12) of the fields as one object."""
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": self.vct,
            "title": self.zh,
            "type": "object",
            "properties": {field.name: dict(field.schema) for field in self.fields},
            "required": [field.name for field in self.fields if field.required],
            "additionalProperties": False,
        }
