"""An issuer's history, as the log makes it public: who accredited it for what and when, what is logged in its name.

Public data only: codes, registered names, keys and counts. No credential, no person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from crypto.jose import peek
from ledger import shard_store, store
from ledger.bundles import Publication, publication
from ledger.explorer import store as explorer_store
from ledger.formats.entry import Entry, EntryType
from ledger.registry import store as registry_store
from ledger.registry.entities import Kind
from ledger.registry.models import LogStatement, LogStatementStatus
from ledger.registry.statement import ISSUER, STATUS_PROVIDER, Names, parse_statement
from ledger.shard_store import Shard

PAGE: Final = 20
RANGE: Final = 1 << 16
"""How many entries one page looks through: the log is not indexed by issuer, and a page answers at once."""


@dataclass(frozen=True, slots=True)
class StatementView:
    """A statement about the issuer, with what was said of it later."""

    commitment: str
    issuer: str
    subject: str
    names: Names | None
    issued_at: datetime
    expires_at: datetime
    credential_types: tuple[str, ...]
    service_keys: tuple[str, ...]
    state: str
    since: datetime | None
    publication: Publication | None


@dataclass(frozen=True, slots=True)
class NamedView:
    """An entry in the issuer's name."""

    index: int
    type: EntryType
    commitment: str


@dataclass(frozen=True, slots=True)
class History:
    """What is public of one code. Entries and counts are those among [begin, end) of a shard."""

    code: str
    shard: int
    shards: tuple[Shard, ...]
    kind: Kind
    statements: tuple[StatementView, ...]
    begin: int
    end: int
    tree_size: int
    counts: dict[EntryType, int]
    entries: tuple[NamedView, ...]
    older: int | None

    @property
    def names(self) -> Names | None:
        """Whatever its superior registered last."""
        return next((one.names for one in self.statements if one.names), None)

    @property
    def is_known(self) -> bool:
        """Whether there is anything to show."""
        return bool(self.statements or self.entries)


def history(
    session: Session, code: str, *, now: datetime, below: int | None = None, shard: int | None = None
) -> History:
    """Return a page of the history of `code` (10 digits, an authority's after four zeros).

    Args:
        session: A reading session.
        code: The code as log entries carry it.
        now: The present time, to tell which statement is in force.
        below: Show entries before this index only.
        shard: Show entries of this shard; of the open one unless given.
    """
    number = shard_store.open_shard(session) if shard is None else shard
    kind = Kind.AUTHORITY if code.startswith("0000") else Kind.SCHOOL
    rows = list(registry_store.of_code(session, code, kind))
    if kind is Kind.AUTHORITY:
        rows += registry_store.of_code(session, code, Kind.STATUS)
    latest = store.latest_published(session, 1, shard=number)
    size = latest[0].tree_size if latest else 0
    end = size if below is None else min(below, size)
    begin = max(end - RANGE, 0)
    found = explorer_store.entries_named(session, code, begin=begin, end=end, limit=PAGE + 1, shard=number)
    counts = explorer_store.counts_named(session, code, begin=begin, end=end, shard=number)
    more = found[PAGE - 1].leaf_index if len(found) > PAGE else begin
    return History(
        code=code,
        shard=number,
        shards=tuple(reversed(shard_store.shards(session))),
        kind=kind,
        statements=_statements(session, rows, now=now) if below is None else (),
        begin=begin,
        end=end,
        tree_size=size,
        counts={EntryType(kind): count for kind, count in sorted(counts.items())},
        entries=tuple(_named(row.leaf_index, row.entry) for row in found[:PAGE]),
        older=more or None,
    )


def _named(index: int, data: bytes) -> NamedView:
    entry = Entry.decode(data)
    return NamedView(index, entry.type, entry.commitment.hex())


def _statements(session: Session, rows: Sequence[LogStatement], *, now: datetime) -> tuple[StatementView, ...]:
    later: dict[object, LogStatementStatus] = {}
    for said in registry_store.statuses_of(session, [row.id for row in rows]):
        later.setdefault(said.statement_id, said)
    published = publication(session, [row.commitment for row in rows])
    return tuple(_statement(row, later.get(row.id), published.get(row.commitment), now) for row in rows)


def _statement(
    row: LogStatement, status: LogStatementStatus | None, published: Publication | None, now: datetime
) -> StatementView:
    said = parse_statement(peek(next(iter(row.tokens.values())))[1])
    service = said.metadata.get(ISSUER) or said.metadata.get(STATUS_PROVIDER) or {}
    return StatementView(
        commitment=row.commitment.hex(),
        issuer=row.issuer,
        subject=row.subject,
        names=said.names,
        issued_at=row.issued_at,
        expires_at=row.expires_at,
        credential_types=tuple(service.get("credential_types", ())),
        service_keys=tuple(row.service_keys),
        state=_state(row, status, now),
        since=None if status is None else status.since,
        publication=published,
    )


def _state(row: LogStatement, status: LogStatementStatus | None, now: datetime) -> str:
    if status is not None and status.since <= now:
        return status.state
    if now >= row.expires_at:
        return "expired"
    return "current" if row.current_subject else "superseded"
