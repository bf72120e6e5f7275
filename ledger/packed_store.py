"""Many values of one width as one parameter: packed side by side, taken apart by the database.

Such a statement has one text and two parameters, however many values it is about: nothing is
rendered, bound or sent for each of them. Knows no table.

The look-ups are subqueries in the list of columns on purpose: PostgreSQL answers those from the
index, value by value, while its plan for a join is kept from when the table was small.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Function, Integer, LargeBinary, bindparam, func, literal_column, select

_COUNT: Final = bindparam("count", type_=Integer)
_ONE: Final = literal_column("1", Integer)
# Inside the subquery that uses it: Python's SQLite driver counts the rows of no statement that begins with WITH.
_places = select(literal_column("0", Integer).label("place")).cte("packed", recursive=True, nesting=True)
_places = _places.union_all(select(_places.c.place + _ONE).where(_places.c.place + _ONE < _COUNT))

PLACE: Final[ColumnElement[int]] = _places.c.place
"""Which of the values a row is about, from 0 on. Selecting it gives one row for each value, in their order."""
SOME: Final[ColumnElement[bool]] = PLACE < _COUNT
"""Holds where there is a value: without it, no values would still give one row."""


def pack(values: Sequence[bytes], width: int) -> dict[str, Any]:
    """Return the parameters of a statement about `values`, each of `width` bytes.

    Raises:
        ValueError: One has another width: all after it would be taken for others.
    """
    if set(map(len, values)) - {width}:
        raise ValueError(f"not every value has {width} bytes")
    return {"packed": b"".join(values), "count": len(values)}


def cut(width: int, begin: int = 0, end: int | None = None) -> Function[bytes]:
    """Return the bytes [begin, end) of each value; `width` is how many bytes a value has."""
    at, size = PLACE * _constant(width) + _constant(begin + 1), (width if end is None else end) - begin
    return func.substr(bindparam("packed", type_=LargeBinary), at, _constant(size), type_=LargeBinary())


def _constant(number: int) -> ColumnElement[int]:
    return literal_column(str(number), Integer)
