"""People and schools, as credentials needs them: a Protocol that server/app.py wires.

Refuses to know where they come from: no table of the identity side is imported here, and no
identity document is part of what is asked for.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class School:
    """A school: 10-digit code, province (2 digits), type (2 digits), authorities from the nearest to the root."""

    code: str
    name: str
    name_en: str
    province: str
    type: str
    authority_codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """A person of a school's roster; `gender` is a GB/T 2261.1 code, `eid` the 14-sign person number."""

    person_id: UUID
    name: str
    gender: str
    birthdate: date
    student_no: str
    eid: str


class Directory(Protocol):
    """Looks schools and people up. Returns None, or leaves a key out, for what is not there."""

    def school(self, code: str) -> School | None:
        """Return the school with the 10-digit `code`."""
        ...

    def graduates(self, school_code: str, student_numbers: Collection[str]) -> dict[str, Person]:
        """Return the people of this school's own roster by student number; nobody else's."""
        ...

    def person(self, person_id: UUID) -> Person | None:
        """Return one person; `student_no` may be empty."""
        ...
