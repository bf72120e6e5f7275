"""A roster file becomes a heading and a stream of rows of text. Pure: bytes in, rows out.

CSV in UTF-8 (with or without BOM), UTF-16 with BOM or GB18030 (of which GBK is a part),
separated by commas, tabs or semicolons; XLSX through `workbooks`. A title line above the
heading is skipped. Limits are checked before the rows are used.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

from idp.directory.roster.columns import Heading, read_heading, recognised
from idp.directory.roster.errors import (
    FileEmptyError,
    FileEncodingError,
    FileKindError,
    FileQuotesError,
    FileTooLargeError,
    OldWorkbookError,
    TooManyColumnsError,
    TooManyRowsError,
)
from idp.directory.roster.limits import HEADING_WITHIN, MAX_BYTES, MAX_COLUMNS, MAX_ROWS
from idp.directory.roster.workbooks import NumberedRow, guard, workbook_rows

_DELIMITERS: Final = (",", "\t", ";")
_HEAD: Final = 20_000
_BLANK: Final = " \t\r\n\u3000\u00a0\ufeff"
_AS_TEXT: Final = re.compile(r'="(.*)"', re.DOTALL)


class Table(NamedTuple):
    """A file's kind (`csv` or `xlsx`), its heading, line and width, and the rows below it, read lazily."""

    kind: str
    heading: Heading
    line: int
    width: int
    rows: Iterator[NumberedRow]


def open_table(content: bytes) -> Table:
    """Find the heading of a roster; its rows are parsed as they are taken.

    Raises (here, or while rows are taken):
        InputError: One of `idp.directory.roster.errors`, by what is wrong with the file.
    """
    if len(content) > MAX_BYTES:
        limit = MAX_BYTES // 2**20
        raise FileTooLargeError(f"the file is larger than {limit} MB", limit=limit)
    if not content.strip():
        raise FileEmptyError("the file is empty")
    if content.startswith(b"PK\x03\x04"):
        guard(content)
        lines = workbook_rows(content, is_heading=lambda cells: recognised(cells) > 0)
        return _table("xlsx", ((line, [_tidied(cell) for cell in cells]) for line, cells in lines))
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise OldWorkbookError("an old workbook, or one with a password")
    text = _decode(content)
    return _table("csv", _csv_rows(text, _delimiter(text)))


def count_rows(content: bytes) -> tuple[Table, int]:
    """Read a file through, without keeping it; return its table (rows taken) and the number of rows.

    Raises:
        InputError: Something in the file makes it unreadable, or it has no row or too many.
    """
    table = open_table(content)
    count = sum(1 for _ in table.rows)
    if not count:
        raise FileEmptyError("there is no row below the heading")
    return table, count


def _table(kind: str, lines: Iterator[NumberedRow]) -> Table:
    first = list(islice(lines, HEADING_WITHIN))
    if not first:
        raise FileEmptyError("the file is empty")
    at = max(range(len(first)), key=lambda place: recognised(first[place][1]))
    line, cells = first[at]
    if len(cells) > MAX_COLUMNS:
        raise TooManyColumnsError(f"more than {MAX_COLUMNS} columns", limit=MAX_COLUMNS)
    return Table(kind, read_heading(cells), line, len(cells), _limited([*first[at + 1 :]], lines))


def _limited(first: list[NumberedRow], rest: Iterator[NumberedRow]) -> Iterator[NumberedRow]:
    count = 0
    for rows in (first, rest):
        for row in rows:
            count += 1
            if count > MAX_ROWS:
                raise TooManyRowsError(f"more than {MAX_ROWS} rows", limit=MAX_ROWS)
            yield row


def _decode(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings: tuple[str, ...] = ("utf-16",)
    elif b"\x00" in content:
        raise FileKindError("neither CSV nor XLSX")
    elif content.startswith(b"\xef\xbb\xbf"):
        encodings = ("utf-8-sig",)
    else:
        encodings = ("utf-8", "gb18030")
    reached = 0
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError as error:
            reached = max(reached, error.start)
    line = content.count(b"\n", 0, reached) + 1
    raise FileEncodingError(f"undecodable in line {line}", line=line)


def _delimiter(text: str) -> str:
    head = text[:_HEAD].splitlines()[: 2 * HEADING_WITHIN]

    def fits(delimiter: str) -> int:
        return max((recognised(line.split(delimiter)) for line in head), default=0)

    return max(_DELIMITERS, key=fits)


def _csv_rows(text: str, delimiter: str) -> Iterator[NumberedRow]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            tidy = [_tidied(cell) for cell in cells]
            if any(tidy):
                yield line, tidy
            line = reader.line_num + 1  # A quoted cell may span lines: a row is named by its first.
    except csv.Error as error:
        raise FileQuotesError(f"a quotation mark near line {line}", line=line) from error


def _tidied(cell: str) -> str:
    """Take off blanks and what spreadsheets put around numbers to keep them text (`="0123"`, `'0123`)."""
    tidy = cell.strip(_BLANK)
    wrapped = _AS_TEXT.fullmatch(tidy)
    if wrapped:
        return wrapped[1].strip(_BLANK)
    return tidy[1:] if tidy[:1] == "'" and tidy[1:2].isdigit() else tidy
