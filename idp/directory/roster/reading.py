"""First stage: the file becomes blocks of checked rows. Resumable: blocks that are stored are not stored again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

from idp.directory.roster import store
from idp.directory.roster.errors import DocumentRepeatedError, FileEmptyError, NumberRepeatedError, RowTooWideError
from idp.directory.roster.models import RosterImport
from idp.directory.roster.pace import Pace
from idp.directory.roster.rows import Fault, RosterRow, check_row
from idp.directory.roster.sealing import ImportSeal, NumberedLine
from idp.directory.roster.tables import Table, open_table
from idp.directory.services import DirectoryServices
from idp.directory.store import portions
from kernel.db import Database

# A row becomes up to three rows of tables: a block is written in some 5 ms.
BLOCK_ROWS: Final = 25
BLOCKS_AT_ONCE: Final = 16
PIECES_AT_ONCE: Final = 8


def read_file(database: Database, job: RosterImport, *, pace: Pace, by: DirectoryServices) -> int:
    """Read the whole file of a claimed import into blocks; return how many rows were read.

    Raises:
        InputError: The file turns out to be unreadable further down.
        StaleError: Another worker went on with this import.
    """
    seal = ImportSeal(by.vault, job.wrapped_key or b"", job.id)
    table = open_table(_content(database, job.id, seal))
    lines = _checked(table, job)
    with database.read() as session:
        stored = store.block_count(session, job.id)
    count = 0
    blocks = enumerate(portions(lines, BLOCK_ROWS))
    for portion in portions(blocks, BLOCKS_AT_ONCE):
        count += sum(len(rows) for _, rows in portion)
        fresh = [_block(job.id, number, rows, seal) for number, rows in portion if number >= stored]
        if fresh:
            with database.write() as session:
                store.add_blocks(session, fresh)
                pace.keep(session, job, "reading", done=count, read=count)
    if not count:
        raise FileEmptyError("there is no row below the heading")
    _finish(database, job, count, pace)
    return count


def _content(database: Database, import_id: UUID, seal: ImportSeal) -> bytes:
    with database.read() as session:
        numbers = store.piece_numbers(session, import_id)
        return b"".join(seal.open_piece(number, store.piece(session, import_id, number)) for number in numbers)


def _block(import_id: UUID, number: int, rows: list[NumberedLine], seal: ImportSeal) -> dict[str, Any]:
    return {
        "import_id": import_id,
        "number": number,
        "rows": seal.seal_rows(number, rows),
        "outcomes": None,
        "size": len(rows),
        "state": "read",
    }


def _finish(database: Database, job: RosterImport, count: int, pace: Pace) -> None:
    """Go on to checking, then drop the file: the blocks hold all of it."""
    with database.write() as session:
        pace.keep(session, job, "reading", done=count, read=count, expected=count, state="checking")
    with database.read() as session:
        numbers = store.piece_numbers(session, job.id)
    for portion in portions(numbers, PIECES_AT_ONCE):
        with database.write() as session:
            store.drop_pieces(session, job.id, portion)


def _checked(table: Table, job: RosterImport) -> Iterator[NumberedLine]:
    """Yield each row, checked alone and against those above it in the file."""
    numbers: dict[str, int] = {}
    documents: dict[str, int] = {}
    places = table.heading.places
    width = max(places.values()) + 1
    strict = table.kind == "csv"
    for line, cells in table.rows:
        padded = [*cells, *[""] * (width - len(cells))]
        row = check_row({key: padded[place] for key, place in places.items()}, today=job.day)
        if strict and any(cells[table.width :]):
            # An unquoted comma moves every later cell: only this is worth saying.
            yield line, [Fault.of("", RowTooWideError("more cells than columns"))]
        elif isinstance(row, RosterRow):
            yield line, _repeated(line, row, numbers, documents) or row
        else:
            yield line, row


def _repeated(line: int, row: RosterRow, numbers: dict[str, int], documents: dict[str, int]) -> list[Fault]:
    faults = []
    if (first := numbers.setdefault(row.number, line)) != line:
        faults.append(Fault.of("number", NumberRepeatedError(f"is in line {first}", first=first)))
    text = None if row.document is None else row.document.index_text
    if text is not None and (first := documents.setdefault(text, line)) != line:
        faults.append(Fault.of("document_number", DocumentRepeatedError(f"is in line {first}", first=first)))
    return faults
