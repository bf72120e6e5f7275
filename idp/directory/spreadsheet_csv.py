"""CSV that spreadsheets open: UTF-8 with BOM, CRLF, and no cell that they would run as a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Final

BOM: Final = "\ufeff"
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def harmless(cell: object) -> str:
    """Return a cell that no spreadsheet takes for a formula (an apostrophe before = + - @ and blanks)."""
    text = str(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text


def csv_lines(header: Iterable[object], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Yield the lines of a file, the BOM before the first."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow([harmless(cell) for cell in header])
    yield BOM + _taken(buffer)
    for row in rows:
        writer.writerow([harmless(cell) for cell in row])
        yield _taken(buffer)


def _taken(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text
