"""A look through a workbook's archive before anything parses it. Pure: bytes in, harmless bytes out.

A parser of XML holds a row until it ends, and everything that is no row until the file does. A
few kilobytes of ZIP can hold one row of millions of cells, each a hundred bytes in memory, so
the bytes between the starts of two rows are bounded as well as their sum.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from typing import IO, Final

from credentials.errors import SheetError, SheetTooLargeError

MAX_UNPACKED: Final = 64 << 20
MAX_PARTS: Final = 500
_BETWEEN_ROWS: Final = 256 << 10
_WITHOUT_ROWS: Final = 2 << 20  # Before the first row stand styles and widths; other parts have no rows at all.
_CHUNK: Final = 256 << 10
_OVERLAP: Final = 32  # More than the longest start of a row.
_ROW: Final = re.compile(rb"<(?:\w{1,16}:)?(?:row|si)[\s/>]")


def guarded(content: bytes) -> io.BytesIO:
    """Look through an archive; return one with its XML parts alone, which are all that was looked at.

    A workbook may call any part its worksheet, whatever the name: what is not here cannot be.

    Raises:
        SheetTooLargeError: It unpacks to more than a table needs, in one row or in all.
        SheetError: It is no readable archive.
    """
    checked = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive, zipfile.ZipFile(checked, "w") as kept:
            parts = archive.infolist()
            # zipfile never unpacks a part beyond the size declared here, so the sum is a promise.
            if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
                raise _too_large()
            for part in parts:
                if part.filename.lower().endswith((".xml", ".rels")):
                    with archive.open(part) as file, kept.open(part.filename, "w") as copy:
                        _scan(file, copy)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise SheetError("the workbook is damaged, or locked with a password") from error
    checked.seek(0)
    return checked


def _scan(file: IO[bytes], copy: IO[bytes]) -> None:
    position, last, seen, held = 0, 0, False, b""
    while chunk := file.read(_CHUNK):
        copy.write(chunk)
        window = held + chunk
        for match in _ROW.finditer(window):
            start = position + match.start()
            if start - last > (_BETWEEN_ROWS if seen else _WITHOUT_ROWS):
                raise _too_large()
            last, seen = start, True
        position += max(0, len(window) - _OVERLAP)
        held = window[-_OVERLAP:]
        if position - last > _WITHOUT_ROWS:
            raise _too_large()


def _too_large() -> SheetTooLargeError:
    return SheetTooLargeError("the workbook unpacks to too much", limit=MAX_UNPACKED >> 20)
