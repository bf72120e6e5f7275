"""Say of a statement that it is retired, or that its keys are compromised: signed and logged like itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from kernel.audit import record
from kernel.db import Database
from kernel.ids import new_id
from ledger.formats.commitment import ACCREDITATION, commit
from ledger.formats.entry import Entry, EntryType
from ledger.registry import store
from ledger.registry.accreditation import Accreditation, sign_in_suites
from ledger.registry.entities import parse_entity_id
from ledger.registry.errors import StatusConflictError, UnknownStatementError
from ledger.registry.models import LogStatement, LogStatementStatus
from ledger.registry.statement_status import TYP, State, StatementStatus, status_payload


@dataclass(frozen=True, slots=True)
class SignedStatus:
    """A status that is signed in both suites and not yet stored."""

    status: StatementStatus
    tokens: Mapping[str, str]
    commitment: bytes


def is_withdrawn(session: Session, subject: str) -> bool:
    """Whether the latest word on `subject` was retired or counts as compromised: only a person may accredit it anew."""
    latest = store.about(session, subject)[:1]
    return bool(latest and store.statuses_of(session, [row.id for row in latest]))


def set_statement_status(
    database: Database,
    commitment: bytes,
    state: State,
    *,
    since: datetime | None = None,
    by: Accreditation,
    actor: UUID | None = None,
) -> LogStatementStatus:
    """Say that a statement is retired, or its keys compromised, from `since` on (now unless given).

    Saying again what has been said already changes nothing.

    Raises:
        UnknownStatementError: There is no statement with this commitment.
        StatusConflictError: It would take back what was said before.
        InvalidStatementError: A statement is to be retired in the past.
    """
    now = by.clock.now()
    since = since or now
    with database.read() as session:
        statement = _statement(session, commitment)
        said = _said_already(session, statement, state, since)
    if said is not None:
        return said
    signed = prepare_status(statement, state, since=since, by=by)
    with database.write() as session:
        return store_status(session, signed, by=by, actor=actor)


def prepare_status(statement: LogStatement, state: State, *, since: datetime, by: Accreditation) -> SignedStatus:
    """Sign the status in both suites. No transaction may be open: the signer is another process."""
    subject = parse_entity_id(statement.subject)
    status = StatementStatus(
        issuer=parse_entity_id(statement.issuer),
        subject=subject,
        statement=statement.commitment,
        state=state,
        since=int(since.timestamp()),
        issued_at=int(by.clock.now().timestamp()),
    )
    tokens = sign_in_suites(by.signer, statement.issuer, status_payload(status), typ=TYP)
    return SignedStatus(status, tokens, commit(ACCREDITATION, subject.log_code, tokens))


def store_status(
    session: Session, signed: SignedStatus, *, by: Accreditation, actor: UUID | None = None
) -> LogStatementStatus:
    """Store a signed status and queue it for the log; the statement is no longer the current one.

    Raises:
        UnknownStatementError, StatusConflictError: As `set_statement_status`.
    """
    status = signed.status
    statement = _statement(session, status.statement)
    since = datetime.fromtimestamp(status.since, UTC)
    said = _said_already(session, statement, status.state, since)
    if said is not None:
        return said
    store.supersede(session, statement.id)
    row = LogStatementStatus(
        id=new_id(),
        statement_id=statement.id,
        commitment=signed.commitment,
        state=status.state.value,
        since=since,
        tokens=dict(signed.tokens),
        issued_at=datetime.fromtimestamp(status.issued_at, UTC),
    )
    session.add(row)
    by.log.submit(
        session,
        Entry(EntryType.ACCREDITATION, status.subject.log_code, signed.commitment),
        evidence=dict(signed.tokens),
    )
    record(
        session,
        at=by.clock.now(),
        action=f"accreditation.{status.state.value}",
        actor=actor,
        subject=status.subject.code,
        organisation=status.issuer.code,
        commitment=status.statement.hex(),
    )
    return row


def _statement(session: Session, commitment: bytes) -> LogStatement:
    statement = store.by_commitment(session, commitment)
    if statement is None:
        raise UnknownStatementError("no such statement was made here", commitment=commitment.hex())
    return statement


def _said_already(
    session: Session, statement: LogStatement, state: State, since: datetime
) -> LogStatementStatus | None:
    """Return what was said before if it covers this: what is said of a statement only grows stricter.

    Raises:
        StatusConflictError: Compromised keys do not become merely retired.
    """
    for before in store.statuses_of(session, [statement.id]):
        if before.state == state and before.since <= since:
            return before
        if before.state == State.COMPROMISED and state is State.RETIRED:
            raise StatusConflictError("its keys count as compromised already", code=statement.code)
    return None
