"""Receipts: what issuing hands a school, so that it can tell its own log entries from others in its name.

A table of text with a heading: CSV (RFC 4180) in UTF-8, with or without a byte order mark. Holds
no personal data. Pure: `credentials` writes it, the monitor reads it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from ledger.errors import InvalidEntryError, InvalidReceiptsError
from ledger.formats.entry import COMMITMENT_SIZE, EntryType, check_code

COLUMNS: Final = ("commitment", "type", "issuer", "credential", "issued_at", "logged_by", "complete_to")
PUBLISHING: Final = timedelta(hours=1)
"""How long a log may take, after the window in which it gathers, until witnesses have cosigned."""
_HEX: Final = re.compile(rf"[0-9a-f]{{{2 * COMMITMENT_SIZE}}}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Receipt:
    """One entry that is to appear in the log by `logged_by`; `credential` is the document's own id.

    `complete_to`: the file holds all that its issuer had issued at that time; None if it is of a part.
    """

    commitment: bytes
    type: EntryType
    issuer_code: str
    credential: str
    issued_at: datetime
    logged_by: datetime
    complete_to: datetime | None = None

    def cells(self) -> tuple[str, ...]:
        """Return the row, in the order of `COLUMNS`."""
        return (
            self.commitment.hex(),
            str(int(self.type)),
            self.issuer_code,
            self.credential,
            _text(self.issued_at),
            _text(self.logged_by),
            "" if self.complete_to is None else _text(self.complete_to),
        )


def read_receipts(content: bytes) -> Iterator[Receipt]:
    """Give the receipts of a file. Columns are found by their headings; others than ours are left alone.

    Raises:
        InvalidReceiptsError: It is no such table; `row` says where, the headings being row 1.
    """
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise InvalidReceiptsError(f"the receipts lack the columns {', '.join(missing)}", row=1)
        for cells in reader:
            yield _receipt(cells, reader.line_num)
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidReceiptsError("the receipts are no table of text in UTF-8", row=0) from error


def _receipt(cells: dict[str, str], row: int) -> Receipt:
    try:
        check_code(cells["issuer"])
        if None in map(cells.get, COLUMNS):
            raise InvalidReceiptsError("a row is too short", row=row)
        if not _HEX.fullmatch(cells["commitment"]):
            raise InvalidReceiptsError("a commitment is 64 small hex digits", row=row)
        return Receipt(
            bytes.fromhex(cells["commitment"]),
            EntryType(int(cells["type"])),
            cells["issuer"],
            cells["credential"],
            _moment(cells["issued_at"]),
            _moment(cells["logged_by"]),
            _moment(cells["complete_to"]) if cells["complete_to"] else None,
        )
    except (TypeError, ValueError, InvalidEntryError) as error:
        raise InvalidReceiptsError(f"row {row} of the receipts cannot be read", row=row) from error


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return moment
