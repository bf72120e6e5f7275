"""How old somebody is, and what follows from it: under 14 a guardian decides. Pure."""

from __future__ import annotations

from datetime import date
from typing import Final

CHILD: Final = 14
ADULT: Final = 18


def age_on(birthdate: date, today: date) -> int:
    """Return how many years old somebody is; who was born on a leap day grows older on 1 March in other years."""
    return today.year - birthdate.year - ((today.month, today.day) < (birthdate.month, birthdate.day))


def is_child(birthdate: date | None, today: date) -> bool:
    """Whether a guardian decides: under 14 (PIPL article 31). `today` is the day in China."""
    return birthdate is not None and age_on(birthdate, today) < CHILD


def came_of_age(birthdate: date | None, granted: date, today: date) -> bool:
    """Whether somebody who was a child on the day `granted` decides alone today: a guardian's consent has lapsed."""
    return is_child(birthdate, granted) and not is_child(birthdate, today)
