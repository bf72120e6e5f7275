"""Receipts as text: what is written is read again, what is no receipt is refused with its row."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ledger.errors import InvalidReceiptsError
from ledger.formats.entry import EntryType
from ledger.formats.receipts import COLUMNS, Receipt, read_receipts

NOW = datetime(2026, 6, 30, 4, 0, tzinfo=UTC)
RECEIPT = Receipt(bytes(range(32)), EntryType.CREDENTIAL, "4141010459", "urn:uuid:1", NOW, NOW + timedelta(hours=1))


def table(*rows: tuple[str, ...], headings: tuple[str, ...] = COLUMNS) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer).writerows([headings, *rows])
    return buffer.getvalue().encode()


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_what_is_written_is_read(mark: bytes) -> None:
    assert list(read_receipts(mark + table(RECEIPT.cells(), RECEIPT.cells()))) == [RECEIPT, RECEIPT]
    whole = replace(RECEIPT, complete_to=NOW)
    assert list(read_receipts(mark + table(whole.cells()))) == [whole]
    assert list(read_receipts(mark + table())) == []


def test_columns_are_found_by_their_headings() -> None:
    rows = [("7", *reversed(RECEIPT.cells()), "more")]
    assert list(read_receipts(table(*rows, headings=("row", *reversed(COLUMNS), "x")))) == [RECEIPT]


def changed(column: str, text: str) -> bytes:
    cells = dict(zip(COLUMNS, RECEIPT.cells(), strict=True)) | {column: text}
    return table(RECEIPT.cells(), tuple(cells.values()))


@pytest.mark.parametrize(
    ("content", "row"),
    [
        (b"", 1),
        (b"\xff\xfe", 0),
        (b'commitment,"', 0),
        (table(headings=COLUMNS[1:]), 1),
        (table(RECEIPT.cells(), RECEIPT.cells()[:-1]), 3),
        (changed("commitment", "00"), 3),
        (changed("commitment", "AB" * 32), 3),
        (changed("type", "2"), 3),
        (changed("type", "x"), 3),
        (changed("issuer", "10459"), 3),
        (changed("issued_at", "2026-06-30T04:00:00"), 3),
        (changed("logged_by", "soon"), 3),
        (changed("complete_to", "now"), 3),
    ],
)
def test_what_is_no_receipt(content: bytes, row: int) -> None:
    with pytest.raises(InvalidReceiptsError) as refused:
        list(read_receipts(content))
    assert refused.value.params == {"row": row}
