"""Tables that people upload: CSV in UTF-8, GB 18030 (GBK) or UTF-16, and XLSX. Bytes in, rows out.

Knows no column by its meaning. Everything is bounded before it is unpacked: a workbook is a
zip of XML, and both can grow a thousandfold.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple
from xml.etree.ElementTree import ParseError

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from credentials.errors import (
    EmptySheetError,
    SheetEncodingError,
    SheetError,
    SheetTooLargeError,
    TooManyRowsError,
)
from credentials.workbook_guard import guarded

MAX_BYTES: Final = 20 << 20
MAX_COLUMNS: Final = 64
MAX_ROWS: Final = 20_000
_ROWS_LOOKED_AT: Final = 300_000  # Worksheets may end in very many empty rows.
_ZIP: Final = b"PK\x03\x04"
_OLD_EXCEL: Final = b"\xd0\xcf\x11\xe0"
_EXACT: Final = 10**15  # Excel keeps 15 digits of a number; what is longer has been rounded.
_FORMULA: Final = re.compile(r"[=+\-@\t\r\n＝＋－＠]")


class SheetRow(NamedTuple):
    """One row: its number in the file as a spreadsheet shows it, and its cells."""

    row: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The headings and the rows below them; empty rows are left out."""

    headings: tuple[str, ...]
    rows: tuple[SheetRow, ...]


def read_sheet(content: bytes, *, max_rows: int = MAX_ROWS) -> Sheet:
    """Read an uploaded table.

    Raises:
        SheetTooLargeError: The file, or what it unpacks to, is too large.
        SheetEncodingError: The text is in no encoding that is read here.
        TooManyRowsError: More rows than one batch takes.
        EmptySheetError: Nothing under the headings.
        SheetError: No table at all: another format, a damaged workbook, an open quotation mark.
    """
    if len(content) > MAX_BYTES:
        raise SheetTooLargeError("the file is too large", limit=MAX_BYTES >> 20)
    if content.startswith(_OLD_EXCEL):
        raise SheetError("an .xls file: save it as .xlsx or .csv")
    rows = _workbook_rows(content) if content.startswith(_ZIP) else _text_rows(content)
    headings: tuple[str, ...] | None = None
    found: list[SheetRow] = []
    count = 0
    for row in rows:
        if not any(row.cells):
            continue
        if headings is None:
            headings = row.cells
            continue
        count += 1
        if count <= max_rows:
            found.append(row)
    if headings is None or not found:
        raise EmptySheetError("no rows under the headings")
    if count > max_rows:
        raise TooManyRowsError("too many rows for one batch", rows=count, limit=max_rows)
    return Sheet(headings, tuple(found))


def write_csv(headings: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    """Yield a CSV that spreadsheets open as UTF-8; a cell that looks like a formula is made text.

    The leading apostrophe that does so is what spreadsheets write themselves, and `read_sheet`
    takes it off again.
    """
    yield "\ufeff"
    for row in (headings, *rows):
        buffer = io.StringIO()
        csv.writer(buffer).writerow([f"'{cell}" if _FORMULA.match(cell) else cell for cell in row])
        yield buffer.getvalue()


def _clean(cell: str) -> str:
    text = cell.strip().strip("\ufeff\u200b").strip()
    return text[1:].strip() if text.startswith("'") else text


def _text_rows(content: bytes) -> Iterator[SheetRow]:
    text = _decode(content)
    if "\0" in text:
        raise SheetError("the file is no table of text")
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(",\t;", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    row = 0
    while True:
        row = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise SheetError(f"row {row} cannot be read: {error}", row=row) from error
        if cells is None:
            return
        if len(cells) > MAX_COLUMNS:
            raise SheetError(f"row {row} has more than {MAX_COLUMNS} columns", row=row)
        yield SheetRow(row, tuple(_clean(cell) for cell in cells))


def _decode(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _decode_as(content, "utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return _decode_as(content, "gb18030")  # A superset of GBK that can write every character.


def _decode_as(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        raise SheetEncodingError(f"row {row} is neither UTF-8 nor GBK", row=row) from error


def _workbook_rows(content: bytes) -> Iterator[SheetRow]:
    archive = guarded(content)
    try:
        book = openpyxl.load_workbook(archive, read_only=True, data_only=True, keep_links=False)
        try:
            sheet: Any = book.worksheets[0]
            sheet.reset_dimensions()  # What the file says about its own size is not believed.
            for number, cells in enumerate(sheet.iter_rows(max_col=MAX_COLUMNS, values_only=True), start=1):
                if number > _ROWS_LOOKED_AT:
                    raise SheetError("the worksheet goes on for too many rows")
                if cells.count(None) == len(cells):
                    continue
                yield SheetRow(number, _trimmed(tuple(_cell(value) for value in cells)))
        finally:
            book.close()
    except (InvalidFileException, zipfile.BadZipFile, ParseError, KeyError, ValueError, IndexError, EOFError) as error:
        raise SheetError("the workbook is damaged or is no .xlsx") from error
    except (AttributeError, TypeError, OSError, NotImplementedError, RuntimeError, zlib.error) as error:
        raise SheetError("the workbook is damaged, or locked with a password") from error


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number(value)
    return "" if value is None else _clean(str(value))


def _number(value: float) -> str:
    if abs(value) >= _EXACT:
        return f"{value:.6E}"
    return str(int(value)) if value == int(value) else repr(value)


def _trimmed(cells: tuple[str, ...]) -> tuple[str, ...]:
    end = len(cells)
    while end and not cells[end - 1]:
        end -= 1
    return cells[:end]
