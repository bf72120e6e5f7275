"""The records' rows, and which log entries have none yet, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, and_, exists, func, literal, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from ledger.anchors.store import Contract
from ledger.anchors.transactions import TransactionState
from ledger.formats.entry import EntryType
from ledger.models import LogEntry, LogHead
from ledger.records.models import LogRecord
from ledger.registry.models import LogStatement, LogStatementStatus

SOME = 100
"""How many entries are looked at in one turn."""
ON_THE_WAY = (TransactionState.PREPARED, TransactionState.SENT, TransactionState.MINED)


class ListEntry(NamedTuple):
    """A published status list's log entry, and where it stands."""

    shard: int
    leaf_index: int
    commitment: bytes


def on_the_way(session: Session, contract: Contract) -> LogRecord | None:
    """Return the one record on its way to the contract, or the earliest if there should be several."""
    statement = _on(contract).where(LogRecord.state.in_(ON_THE_WAY))
    return session.scalar(statement.order_by(LogRecord.id).limit(1))


def failed(session: Session, contract: Contract) -> Sequence[LogRecord]:
    """Return the records that the contract refused, the one that waited longest first."""
    statement = _on(contract).where(LogRecord.state == TransactionState.FAILED)
    return session.scalars(statement.order_by(LogRecord.changed_at, LogRecord.id).limit(SOME)).all()


def finals(session: Session, contract: Contract, *, after: bytes | None, limit: int = SOME) -> Sequence[LogRecord]:
    """Return a page of final records in the order of their commitments, from behind `after` on."""
    statement = _on(contract).where(LogRecord.state == TransactionState.FINAL)
    if after is not None:
        statement = statement.where(LogRecord.commitment > after)
    return session.scalars(statement.order_by(LogRecord.commitment).limit(limit)).all()


def latest(session: Session, limit: int) -> Sequence[LogRecord]:
    """Return the transactions that were begun last, in whatever state, the newest first."""
    return session.scalars(select(LogRecord).order_by(LogRecord.id.desc()).limit(limit)).all()


def unrecorded_statements(session: Session, contract: Contract) -> Sequence[LogStatement]:
    """Return published statements without a record, in the order in which they were made."""
    statement = select(LogStatement).where(_unrecorded(LogStatement.commitment, contract))
    return session.scalars(statement.order_by(LogStatement.id).limit(SOME)).all()


def unrecorded_statuses(session: Session, contract: Contract) -> Sequence[tuple[LogStatementStatus, LogStatement]]:
    """Return what was published of statements later and has no record, with the statements."""
    statement = (
        select(LogStatementStatus, LogStatement)
        .join(LogStatement, LogStatement.id == LogStatementStatus.statement_id)
        .where(_unrecorded(LogStatementStatus.commitment, contract))
        .order_by(LogStatementStatus.id)
        .limit(SOME)
    )
    return [(status, about) for status, about in session.execute(statement)]


def statement_of(session: Session, commitment: bytes) -> LogStatement | None:
    """Return the statement with this commitment."""
    return session.scalar(select(LogStatement).where(LogStatement.commitment == commitment))


def status_of(session: Session, commitment: bytes) -> tuple[LogStatementStatus, LogStatement] | None:
    """Return the status with this commitment, and the statement it is about."""
    statement = (
        select(LogStatementStatus, LogStatement)
        .join(LogStatement, LogStatement.id == LogStatementStatus.statement_id)
        .where(LogStatementStatus.commitment == commitment)
    )
    row = session.execute(statement).one_or_none()
    return None if row is None else (row[0], row[1])


def unrecorded_lists(session: Session, contract: Contract, *, since: tuple[int, int]) -> list[ListEntry]:
    """Return the published entries of status lists without a record, from `since`, shard and index, on."""
    shard, leaf_index = since
    later = or_(LogEntry.shard > shard, and_(LogEntry.shard == shard, LogEntry.leaf_index >= leaf_index))
    list_entry = func.substr(LogEntry.entry, 1, 1) == bytes((EntryType.STATUS_LIST,))
    statement = (
        select(LogEntry.shard, LogEntry.leaf_index, LogEntry.commitment)
        .where(later, list_entry, _unrecorded(LogEntry.commitment, contract))
        .order_by(LogEntry.shard, LogEntry.leaf_index)
        .limit(SOME)
    )
    return [ListEntry(row.shard, row.leaf_index, row.commitment) for row in session.execute(statement)]


def published_entry(session: Session, commitment: bytes) -> bytes | None:
    """Return the published log entry with this commitment."""
    return session.scalar(select(LogEntry.entry).where(LogEntry.commitment == commitment, _published()).limit(1))


def published_end(session: Session) -> tuple[int, int]:
    """Return the shard and the index up to which everything is published: the first shard's end that is not."""
    end = (0, 0)
    statement = select(LogHead.id, LogHead.published_size, LogHead.sequenced_size).order_by(LogHead.id)
    for shard, published, sequenced in session.execute(statement):
        end = (shard, published)
        if published < sequenced:  # What it publishes late comes before what the next one has.
            break
    return end


def _unrecorded(commitment: InstrumentedAttribute[bytes], contract: Contract) -> ColumnElement[bool]:
    """Whether the entry is published, in any shard, and has no record."""
    published = exists(select(literal(1)).where(_ENTRY.commitment == commitment, _published(_ENTRY)))
    recorded = exists(
        select(literal(1)).where(
            LogRecord.chain_id == contract.chain_id,
            LogRecord.contract == contract.address,
            LogRecord.commitment == commitment,
        )
    )
    return published & ~recorded


_ENTRY = aliased(LogEntry)


def _published(entry: type[LogEntry] = LogEntry) -> ColumnElement[bool]:
    size = select(LogHead.published_size).where(LogHead.id == entry.shard).correlate(entry).scalar_subquery()
    return entry.leaf_index < size


def _on(contract: Contract) -> Select[LogRecord]:
    return select(LogRecord).where(LogRecord.chain_id == contract.chain_id, LogRecord.contract == contract.address)
