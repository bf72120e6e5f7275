"""The chain of statements that accredits somebody, from the rows stored here. Judges nothing: `chain` does."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from ledger.registry import store
from ledger.registry.chain import LONGEST, Link
from ledger.registry.entities import Kind
from ledger.registry.errors import UnknownStatementError
from ledger.registry.models import LogStatement, LogStatementStatus


@dataclass(frozen=True, slots=True)
class StoredStatus:
    """What was said of a statement later: the part of it that takes effect first."""

    tokens: Mapping[str, str]
    commitment: bytes
    state: str
    since: datetime


@dataclass(frozen=True, slots=True)
class StoredStatement:
    """A statement as bundles carry it, with the commitments whose log proofs belong to it."""

    issuer: str
    subject: str
    code: str
    tokens: Mapping[str, str]
    commitment: bytes
    status: StoredStatus | None

    @property
    def link(self) -> Link:
        """The statement as `chain.verify_chain` takes it."""
        return Link(self.tokens, None if self.status is None else self.status.tokens)


def statements_for(
    session: Session,
    code: str,
    *,
    kind: Kind = Kind.SCHOOL,
    key_ids: Collection[str] = (),
    at: datetime | None = None,
) -> tuple[StoredStatement, ...]:
    """Return the statements that accredit the school with `code`, its own first, the root's last.

    Args:
        session: A reading session.
        code: 10 digits of a school; 6 of an authority, for `kind` authority or status.
        kind: What kind of entity the code belongs to.
        key_ids: The issuing keys that the chain must vouch for; any if empty.
        at: The time that counts. The statements in force then are chosen, the newest of them
            first; the newest of all where none was, for the verifier to say why that fails.

    Raises:
        UnknownStatementError: Nobody has accredited it here.
    """
    rows = store.of_code(session, code.rjust(10, "0"), kind)
    if key_ids:
        rows = [row for row in rows if set(key_ids) <= set(row.service_keys)]
    path: list[StoredStatement] = []
    while rows and len(path) < LONGEST:
        chosen = _in_force(session, rows, at)
        path.append(chosen[0])
        signers = chosen[1]
        rows = [row for row in store.about(session, chosen[0].issuer) if signers <= set(row.federation_keys)]
    if not path:
        raise UnknownStatementError(f"nobody has accredited {code} here", code=code)
    return tuple(path)


def _in_force(
    session: Session, rows: Sequence[LogStatement], at: datetime | None
) -> tuple[StoredStatement, frozenset[str]]:
    """Return the statement to show, and the keys that signed it."""
    statuses: dict[object, LogStatementStatus] = {}
    for said in store.statuses_of(session, [row.id for row in rows]):
        statuses.setdefault(said.statement_id, said)  # The earliest effect comes first.
    chosen = next((row for row in rows if _stands(row, statuses.get(row.id), at)), rows[0])
    status = statuses.get(chosen.id)
    later = None if status is None else StoredStatus(status.tokens, status.commitment, status.state, status.since)
    stored = StoredStatement(chosen.issuer, chosen.subject, chosen.code, chosen.tokens, chosen.commitment, later)
    return stored, frozenset(chosen.signed_by)


def _stands(row: LogStatement, status: LogStatementStatus | None, at: datetime | None) -> bool:
    if at is None:
        return status is None
    return row.issued_at <= at < row.expires_at and (status is None or at < status.since)
