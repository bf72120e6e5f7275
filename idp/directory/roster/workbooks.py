"""XLSX workbooks as rows of text, and the guard that looks at the archive before anything parses it.

A few kilobytes of ZIP can unpack to gigabytes, and a small sheet can hold one row of
millions of cells; both are refused by size, ratio, number of entries, and by the bytes
between the starts of two rows, which bound what the parser ever holds at once.
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from itertools import islice
from typing import IO, Any, Final

from openpyxl import load_workbook

from idp.directory.errors import InputError
from idp.directory.roster.errors import (
    RowsApartError,
    TooManyRowsError,
    WorkbookBombError,
    WorkbookBrokenError,
)
from idp.directory.roster.limits import HEADING_WITHIN, MAX_COLUMNS, MAX_GAP, MAX_ROWS

MAX_ENTRIES: Final = 500
MAX_UNPACKED: Final = 256 * 2**20
MAX_STRINGS: Final = 32 * 2**20
MAX_RATIO: Final = 200
SHEETS_LOOKED_AT: Final = 10
_SMALL: Final = 2**20
_MAX_BETWEEN_ROWS: Final = 256 * 1024
_MAX_WITHOUT_ROWS: Final = 4 * 2**20
_CHUNK: Final = 256 * 1024
_OVERLAP: Final = 64  # More than the longest token below.
_START: Final = re.compile(rb"<(?:\w{1,16}:)?(row|si)[\s/>]")
_ENTITY: Final = re.compile(rb"<!(?:DOCTYPE|ENTITY)|<\x00!\x00(?:D\x00O|E\x00N)", re.IGNORECASE)
# How a document can begin: a tag, blanks, or a byte order mark. Pictures begin otherwise.
_XML: Final = re.compile(rb"[<\s\0]|\xef\xbb|\xfe\xff|\xff\xfe")
_BROKEN: Final = (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, OSError, ValueError)
# A spreadsheet keeps 15 digits of a number; what is longer has lost its end.
_LOSSY: Final = 10**15

NumberedRow = tuple[int, list[str]]


def guard(content: bytes) -> int:
    """Look through an archive without parsing it; return the largest number of rows in a sheet.

    Raises:
        WorkbookBombError: It would unpack to far more than a roster needs, or defines entities.
        TooManyRowsError: A sheet has more rows than a roster may have.
        WorkbookBrokenError: It is no readable archive.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > MAX_UNPACKED:
                raise WorkbookBombError("too many or too large entries")
            for entry in entries:
                _guard_size(entry)
            return max((_guard_content(archive, entry) for entry in entries), default=0)
    except _BROKEN as error:
        raise WorkbookBrokenError("not a readable archive") from error


def workbook_rows(content: bytes, *, is_heading: Callable[[list[str]], bool]) -> Iterator[NumberedRow]:
    """Yield the rows that are not blank, with their numbers, of the first sheet that has a heading.

    Raises:
        WorkbookBrokenError: It cannot be read as a workbook.
        RowsApartError: A row stands far below the others.
    """
    try:
        workbook = _load(content)
        sheets = workbook.worksheets[:SHEETS_LOOKED_AT]
        for sheet in sheets:
            sheet.reset_dimensions()  # The file's own claim may be wrong, or an attack.
        with_heading = [sheet for sheet in sheets if _has_heading(sheet, is_heading)]
        for sheet in (with_heading or sheets)[:1]:
            yield from _rows(sheet)
    except InputError:
        raise
    except Exception as error:  # A parser on hostile input raises whatever it likes.
        raise WorkbookBrokenError("not readable as a workbook") from error


def _guard_size(entry: zipfile.ZipInfo) -> None:
    if entry.file_size > _SMALL and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
        raise WorkbookBombError("an entry is packed more tightly than a sheet can be")
    if entry.filename.endswith("sharedStrings.xml") and entry.file_size > MAX_STRINGS:
        raise WorkbookBombError("too many strings")


def _guard_content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> int:
    """Return the number of rows in an entry that may hold XML: a workbook names its sheets as it likes."""
    with archive.open(entry) as file:
        if not _XML.match(file.read(2)):
            return 0
    with archive.open(entry) as file:
        return _count_rows(file)


def _count_rows(file: IO[bytes]) -> int:
    rows, last, position, held = 0, 0, 0, b""
    while chunk := file.read(_CHUNK):
        window = held + chunk
        if _ENTITY.search(window):
            raise WorkbookBombError("a workbook defines no entities")
        for match in _START.finditer(window):
            start = position + match.start()
            if start <= last:  # Seen at the end of the window before.
                continue
            if last and start - last > _MAX_BETWEEN_ROWS:
                raise WorkbookBombError("a single row is too large")
            last, rows = start, rows + (match[1] == b"row")
        if rows > MAX_ROWS + HEADING_WITHIN:
            raise TooManyRowsError(f"more than {MAX_ROWS} rows", limit=MAX_ROWS)
        if position + len(window) - last > _MAX_WITHOUT_ROWS:
            raise WorkbookBombError("too much beside the rows")
        held = window[-_OVERLAP:]
        position += len(window) - len(held)
    return rows


def _load(content: bytes) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # On extensions that it does not know: they are not read here.
        return load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)


def _has_heading(sheet: Any, is_heading: Callable[[list[str]], bool]) -> bool:
    return any(is_heading(cells) for _, cells in islice(_rows(sheet), HEADING_WITHIN))


def _rows(sheet: Any) -> Iterator[NumberedRow]:
    blank = 0
    values = sheet.iter_rows(min_row=1, max_col=MAX_COLUMNS + 1, values_only=True)
    for line, row in enumerate(values, start=1):
        if not any(value is not None for value in row):
            blank += 1
            if blank > MAX_GAP:
                raise RowsApartError(f"blank rows up to line {line}", line=line, limit=MAX_GAP)
            continue
        cells = [_text(value) for value in row]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            blank = 0
            yield line, cells


def _text(value: object) -> str:
    """Return a cell's value as it would be typed."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if abs(value) >= _LOSSY:
            return f"{value:.5E}"
        return str(int(value)) if float(value).is_integer() else str(value)
    return str(value)
