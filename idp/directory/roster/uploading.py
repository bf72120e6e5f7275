"""Take in a roster file: everything that can be refused at once is refused, the rest waits for the worker.

The file is stored in sealed pieces, each in a short transaction; until the last one is in,
no worker sees the import, and a purge removes what never got that far.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, NamedTuple
from uuid import UUID

from idp.directory.roster import store
from idp.directory.roster.columns import Heading
from idp.directory.roster.models import RosterImport
from idp.directory.roster.sealing import ImportSeal
from idp.directory.roster.tables import count_rows, open_table
from idp.directory.roster.workbooks import guard
from idp.directory.services import DirectoryServices
from kernel import audit
from kernel.db import Database
from kernel.ids import new_id
from kernel.pages import ZONE

PIECE: Final = 128 * 1024
MAX_FILE_NAME: Final = 120


class Inspected(NamedTuple):
    """What a first look at the file found; `expected` rows are exact for CSV, at most for XLSX."""

    kind: str
    heading: Heading
    expected: int


def inspect(content: bytes) -> Inspected:
    """Look at a file without keeping anything. Slow for large files: call it in a thread.

    Raises:
        InputError: The file cannot be a roster, with what is wrong: kind, encoding, columns, size.
    """
    table = open_table(content)
    if table.kind == "csv":
        table, count = count_rows(content)
        return Inspected("csv", table.heading, count)
    return Inspected("xlsx", table.heading, max(guard(content) - table.line, 0))


def accept(
    database: Database, content: bytes, *, file_name: str, school_id: UUID, actor: UUID, by: DirectoryServices
) -> UUID:
    """Inspect and store a file; return the import's id. Slow: call it in a thread.

    Raises:
        InputError: As `inspect`; nothing is stored then.
    """
    found = inspect(content)
    now = by.clock.now()
    import_id = new_id()
    wrapped = by.vault.new_key(import_id)
    seal = ImportSeal(by.vault, wrapped, import_id)
    with database.write() as session:
        session.add(
            RosterImport(
                id=import_id,
                organisation_id=school_id,
                registrar_id=actor,
                file_name=tidy_file_name(file_name),
                file_size=len(content),
                file_kind=found.kind,
                columns=list(found.heading.places),
                ignored=[heading[:40] for heading in found.heading.ignored[:20]],
                wrapped_key=wrapped,
                state="uploading",
                expected=found.expected,
                created_at=now,
                touched_at=now,
                day=now.astimezone(ZONE).date(),
            )
        )
    for number, start in enumerate(range(0, len(content), PIECE)):
        sealed = seal.seal_piece(number, content[start : start + PIECE])
        with database.write() as session:
            store.add_pieces(session, [{"import_id": import_id, "number": number, "ciphertext": sealed}])
    with database.write() as session:
        store.advance(session, import_id, "uploading", state="uploaded")
        audit.record(session, at=now, action="directory.import.uploaded", actor=actor, subject=import_id)
    return import_id


def tidy_file_name(name: str) -> str:
    """Return a file name that is safe to show: no folders, no control characters, bounded."""
    base = re.split(r"[\\/]", name)[-1]
    plain = "".join(sign for sign in base if unicodedata.category(sign)[0] != "C")
    return plain[-MAX_FILE_NAME:] or "-"
