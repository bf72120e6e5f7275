"""Seal and open what an import holds of people: pieces of the file, blocks of rows, their outcomes.

All under the import's own data key: destroying it ends them.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from crypto.encoding import b64u, from_b64u
from crypto.envelope import FieldVault
from idp.directory.roster.rows import Fault, RosterRow

# A row as a block holds it: its line in the file, and either the row or what is wrong with it.
NumberedLine = tuple[int, RosterRow | list[Fault]]


class ImportSeal:
    """Seals for one import."""

    def __init__(self, vault: FieldVault, wrapped: bytes, import_id: UUID) -> None:
        """Use the data key `wrapped` of the import `import_id`."""
        self._vault = vault
        self._wrapped = wrapped
        self._id = import_id

    def seal_piece(self, number: int, content: bytes) -> bytes:
        """Seal piece `number` of the file."""
        return self._seal("idp_import_piece", "ciphertext", number, b64u(content))

    def open_piece(self, number: int, sealed: bytes) -> bytes:
        """Open piece `number` of the file."""
        return from_b64u(self._open("idp_import_piece", "ciphertext", number, sealed))

    def seal_rows(self, number: int, lines: list[NumberedLine]) -> bytes:
        """Seal the rows of block `number`."""
        values = [
            [line, row.to_json(), None] if isinstance(row, RosterRow) else [line, None, [list(fault) for fault in row]]
            for line, row in lines
        ]
        return self._seal("idp_import_block", "rows", number, _dump(values))

    def open_rows(self, number: int, sealed: bytes) -> list[NumberedLine]:
        """Open the rows of block `number`."""
        values = json.loads(self._open("idp_import_block", "rows", number, sealed))
        return [
            (line, [Fault(*fault) for fault in faults] if row is None else RosterRow.from_json(row))
            for line, row, faults in values
        ]

    def seal_outcomes(self, number: int, outcomes: list[tuple[str, Fault | None]]) -> bytes:
        """Seal what became of each row of block `number`."""
        values = [[outcome, None if fault is None else list(fault)] for outcome, fault in outcomes]
        return self._seal("idp_import_block", "outcomes", number, _dump(values))

    def open_outcomes(self, number: int, sealed: bytes) -> list[tuple[str, Fault | None]]:
        """Open what became of each row of block `number`."""
        values = json.loads(self._open("idp_import_block", "outcomes", number, sealed))
        return [(outcome, None if fault is None else Fault(*fault)) for outcome, fault in values]

    def _seal(self, table: str, column: str, number: int, text: str) -> bytes:
        return self._vault.encrypt(self._wrapped, self._id, text, table=table, column=column, row=str(number))

    def _open(self, table: str, column: str, number: int, sealed: bytes) -> str:
        return self._vault.decrypt(self._wrapped, self._id, sealed, table=table, column=column, row=str(number))


def _dump(values: Any) -> str:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))
