"""What is wrong with an import's rows, by line: for the page and for the file to download."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from idp.directory.roster import store
from idp.directory.roster.matching import WRONG
from idp.directory.roster.models import RosterImport
from idp.directory.roster.rows import Fault, RosterRow
from idp.directory.roster.sealing import ImportSeal
from idp.directory.services import DirectoryServices
from kernel.db import Database

BLOCKS_AT_ONCE: Final = 20


class Finding(NamedTuple):
    """A fault and the line of the file where it stands."""

    line: int
    fault: Fault


def findings(database: Database, job: RosterImport, *, by: DirectoryServices) -> Iterator[Finding]:
    """Yield every fault of a checked import in the order of the file; nothing once its rows are purged."""
    if job.wrapped_key is None:
        return
    seal = ImportSeal(by.vault, job.wrapped_key, job.id)
    number = -1
    while True:
        with database.read() as session:
            blocks = store.blocks_after(session, job.id, number, BLOCKS_AT_ONCE)
        if not blocks:
            return
        for block in blocks:
            number = block.number
            outcomes = seal.open_outcomes(number, block.outcomes) if block.outcomes else []
            rows = seal.open_rows(number, block.rows)
            for (line, row), (outcome, fault) in zip(rows, outcomes, strict=False):
                if outcome != WRONG:
                    continue
                faults = [fault] if isinstance(row, RosterRow) and fault is not None else row
                yield from (Finding(line, found) for found in faults if isinstance(found, Fault))
