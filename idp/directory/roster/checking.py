"""Second stage, the dry run: what would become of each row. Writes outcomes and counts, never people."""

from __future__ import annotations

from collections import Counter
from typing import Final

from idp.directory.errors import LookupsExhaustedError
from idp.directory.index_use import count_lookups, next_day
from idp.directory.roster import store
from idp.directory.roster.comparing import Comparison
from idp.directory.roster.errors import StaleError
from idp.directory.roster.matching import WRONG, Decision
from idp.directory.roster.models import ImportBlock, RosterImport
from idp.directory.roster.pace import Pace
from idp.directory.roster.rows import Fault, RosterRow
from idp.directory.roster.sealing import ImportSeal, NumberedLine
from idp.directory.services import DirectoryServices
from kernel import audit
from kernel.db import Database

BLOCKS_AT_ONCE: Final = 16

Outcomes = list[tuple[str, Fault | None]]


def check_blocks(database: Database, job: RosterImport, *, pace: Pace, by: DirectoryServices) -> int:
    """Check the next blocks of a claimed import; return how many rows (0: waiting, or all are checked).

    Raises:
        StaleError: Another worker went on with this import.
    """
    seal = ImportSeal(by.vault, job.wrapped_key or b"", job.id)
    with database.read() as session:
        blocks = store.blocks_in(session, job.id, "read", BLOCKS_AT_ONCE)
    if not blocks:
        with database.write() as session:
            now = pace.keep(session, job, "checking", done=job.checked, state="checked")
            audit.record(session, at=now, action="directory.import.checked", actor=job.registrar_id, subject=job.id)
        return 0
    lines = [line for block in blocks for line in seal.open_rows(block.number, block.rows)]
    decisions = _decide(database, job, [row for _, row in lines if isinstance(row, RosterRow)], by)
    if decisions is None:
        return 0
    outcomes = merge(lines, decisions)
    sealed = [
        (block, portion, seal.seal_outcomes(block.number, portion)) for block, portion in _split(blocks, outcomes)
    ]
    counts = Counter(outcome for outcome, _ in outcomes)
    with database.write() as session:
        for block, _, text in sealed:
            if not store.move_block(session, block, "checked", outcomes=text):
                raise StaleError("another worker checked this block")
        job.checked += len(lines)
        pace.keep(session, job, "checking", done=job.checked, checked=job.checked, **store.tally(dict(counts)))
    return len(lines)


def merge(lines: list[NumberedLine], decisions: list[Decision]) -> Outcomes:
    """Put the decisions back between the rows that are wrong by themselves (with their first fault)."""
    rest = iter(decisions)
    outcomes: Outcomes = []
    for _, row in lines:
        if isinstance(row, RosterRow):
            decision = next(rest)
            outcomes.append((decision.outcome, decision.fault))
        else:
            outcomes.append((WRONG, None))
    return outcomes


def _decide(
    database: Database, job: RosterImport, rows: list[RosterRow], by: DirectoryServices
) -> list[Decision] | None:
    """Decide on `rows`; None where the registrar's look-ups of the day are used up: the import then waits."""
    comparison = Comparison(job.organisation_id, rows, by)
    with database.read() as session:
        lookups = comparison.load_roster(session)
    now = by.clock.now()
    try:
        if lookups:
            with database.write() as session:
                count_lookups(session, actor=job.registrar_id, lookups=lookups, now=now, limit=by.lookups_per_day)
    except LookupsExhaustedError:
        with database.write() as session:
            store.advance(session, job.id, "checking", waits_until=next_day(now), claimed_until=None)
            audit.record(
                session,
                at=now,
                action="directory.index.exhausted",
                actor=job.registrar_id,
                subject=job.id,
                result="refused",
            )
        return None
    with database.read() as session:
        comparison.load_holders(session)
    return comparison.decisions()


def _split(blocks: list[ImportBlock], outcomes: Outcomes) -> list[tuple[ImportBlock, Outcomes]]:
    parts, at = [], 0
    for block in blocks:
        parts.append((block, outcomes[at : at + block.size]))
        at += block.size
    return parts
