"""The columns of a roster, recognised by Chinese and English headings."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final, NamedTuple

from idp.directory.roster.errors import ColumnRepeatedError, ColumnsMissingError


class Column(NamedTuple):
    """A column: its key, the heading we write, and further headings we read."""

    key: str
    title: str
    required: bool
    aliases: tuple[str, ...]


COLUMNS: Final = (
    Column("number", "学号", True, ("学生学号", "student number", "student no", "student id", "xh")),
    Column("name", "姓名", True, ("学生姓名", "name", "full name", "xm")),
    Column("gender", "性别", True, ("性别码", "gender", "sex", "xbm")),
    Column("birthdate", "出生日期", True, ("出生年月日", "生日", "birthdate", "birth date", "date of birth", "csrq")),
    Column(
        "document_type",
        "证件类型",
        True,
        ("身份证件类型", "证件种类", "document type", "id type", "id document type", "sfzjlxm"),
    ),
    Column(
        "document_number",
        "证件号码",
        True,
        ("证件号", "身份证件号", "身份证件号码", "身份证号", "身份证号码", "document number", "id number", "sfzjh"),
    ),
    Column("grade", "年级", False, ("所在年级", "grade", "nj")),
    Column("class_name", "班级", False, ("所在班级", "行政班级", "班级名称", "class", "class name", "bj")),
    Column("ethnicity", "民族", False, ("民族码", "ethnicity", "ethnic group", "mzm")),
    Column("nationality", "国籍", False, ("国籍/地区", "国籍地区", "nationality", "gjdqm")),
    Column("entered", "入学年月", False, ("入学时间", "入学日期", "entry month", "enrolled", "rxny")),
    Column("status", "学生状态", False, ("学籍状态", "学生当前状态", "状态", "student status", "status", "xsdqztm")),
)
TITLES: Final = {column.key: column.title for column in COLUMNS}
_DECORATION: Final = re.compile(r"[\s*★_:：、\-]+|\(.*?\)")


class Heading(NamedTuple):
    """Where each recognised column stands, and the headings that were not recognised."""

    places: dict[str, int]
    ignored: tuple[str, ...]


def _tidied(heading: str) -> str:
    return _DECORATION.sub("", unicodedata.normalize("NFKC", heading)).casefold()


_KEY_OF: Final = {_tidied(heading): column.key for column in COLUMNS for heading in (column.title, *column.aliases)}


def recognised(cells: Sequence[str]) -> int:
    """Return how many of `cells` are headings: the header is the row with most of them."""
    return sum(_tidied(cell) in _KEY_OF for cell in cells)


def read_heading(cells: Sequence[str]) -> Heading:
    """Find the columns in a header row.

    Raises:
        ColumnsMissingError: Required columns are missing; all of them are named at once.
        ColumnRepeatedError: Two headings mean the same column.
    """
    places: dict[str, int] = {}
    ignored = []
    for place, cell in enumerate(cells):
        key = _KEY_OF.get(_tidied(cell))
        if key is None:
            ignored.extend([cell.strip()] if cell.strip() else [])
        elif key in places:
            raise ColumnRepeatedError(f"two columns are {TITLES[key]}", column=TITLES[key])
        else:
            places[key] = place
    missing = [column for column in COLUMNS if column.required and column.key not in places]
    if missing:
        titles = "、".join(column.title for column in missing)
        raise ColumnsMissingError(f"columns are missing: {titles}", columns=titles, count=len(missing))
    return Heading(places, tuple(ignored))
