"""Credentials in the database: look-ups, inserts, status. Callers hold the session and the meaning."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session, load_only

from credentials.models import (
    Credential,
    ErrorReport,
    HolderKey,
    IssuerPolicy,
    Share,
    StatusStatement,
)

PAGE = 50
_LIVE = (0, 2)


def holders(session: Session, issuer_code: str, limit: int) -> int:
    """Count a school's holders, up to `limit`."""
    some = select(Credential.person_id).where(Credential.issuer_code == issuer_code).distinct().limit(limit)
    return session.scalar(select(func.count()).select_from(some.subquery())) or 0


def suites_of(session: Session, issuer_code: str) -> str | None:
    """Return the comma-separated suites that a school's policy names, if it has one."""
    return session.scalar(select(IssuerPolicy.suites).where(IssuerPolicy.issuer_code == issuer_code))


def set_suites(session: Session, issuer_code: str, suites: str) -> None:
    """Store a school's policy."""
    session.merge(IssuerPolicy(issuer_code=issuer_code, suites=suites))


def credential(session: Session, credential_id: UUID) -> Credential | None:
    """Return one credential."""
    return session.get(Credential, credential_id)


def credential_for_update(session: Session, credential_id: UUID) -> Credential | None:
    """Return one credential and keep others from changing it until the transaction ends."""
    return session.get(Credential, credential_id, with_for_update=True)


def credentials_of_person(session: Session, person_id: UUID, *, limit: int = PAGE, offset: int = 0) -> list[Credential]:
    """Return a holder's credentials, the newest first."""
    query = select(Credential).where(Credential.person_id == person_id).order_by(Credential.id.desc())
    return list(session.scalars(query.limit(limit).offset(offset)))


def credentials_of_school(
    session: Session,
    issuer_code: str,
    *,
    number_index: bytes | None = None,
    person_id: UUID | None = None,
    before: UUID | None = None,
    limit: int = PAGE,
) -> list[Credential]:
    """Return a school's credentials, the newest first, before the one with id `before`."""
    query = select(Credential).where(Credential.issuer_code == issuer_code)
    if number_index is not None:
        query = query.where(Credential.number_index == number_index)
    if person_id is not None:
        query = query.where(Credential.person_id == person_id)
    if before is not None:
        query = query.where(Credential.id < before)
    return list(session.scalars(query.order_by(Credential.id.desc()).limit(limit)))


def taken_numbers(session: Session, number_indices: Collection[bytes]) -> dict[bytes, tuple[UUID, bytes]]:
    """Return, for each number in use, whose it is and the award index of that credential."""
    query = select(Credential.number_index, Credential.person_id, Credential.award_index).where(
        Credential.number_index.in_(number_indices), Credential.superseded_by.is_(None)
    )
    return {number: (person_id, award) for number, person_id, award in session.execute(query)}


def taken_awards(session: Session, award_indices: Collection[bytes]) -> set[bytes]:
    """Return those award indices for which a live credential exists."""
    query = select(Credential.award_index).where(
        Credential.award_index.in_(award_indices), Credential.status.in_(_LIVE)
    )
    return set(session.scalars(query))


def taken_status_indices(session: Session, list_id: UUID, indices: Collection[int]) -> set[int]:
    """Return those of `indices` that a credential of this status list has."""
    query = select(Credential.status_index).where(
        Credential.status_list_id == list_id, Credential.status_index.in_(indices)
    )
    return set(session.scalars(query))


def insert_credentials(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Insert credentials in one statement; a unique index decides who was first."""
    session.execute(insert(Credential), rows)


def marked_indices(session: Session, list_id: UUID) -> dict[int, int]:
    """Return the status of each index of a list that is not valid."""
    query = select(Credential.status_index, Credential.status).where(
        Credential.status_list_id == list_id, Credential.status != 0
    )
    return {row.status_index: row.status for row in session.execute(query)}


def supersede(session: Session, credential_id: UUID, by: UUID) -> None:
    """Mark a credential as superseded by another; afterwards its number is free for that one."""
    session.execute(
        update(Credential).where(Credential.id == credential_id).values(status=3, superseded_by=by),
        execution_options={"synchronize_session": "fetch"},
    )


def holder_keys(session: Session, person_ids: Collection[UUID]) -> dict[UUID, bytes]:
    """Return the wrapped data keys of those people who have one."""
    query = select(HolderKey.person_id, HolderKey.wrapped).where(HolderKey.person_id.in_(person_ids))
    return {row.person_id: row.wrapped for row in session.execute(query)}


def insert_holder_keys(session: Session, keys: dict[UUID, bytes]) -> None:
    """Insert new data keys; two at once for one person fail on the primary key."""
    if keys:
        session.execute(insert(HolderKey), [{"person_id": person, "wrapped": key} for person, key in keys.items()])


def erase_holder(session: Session, person_id: UUID) -> int:
    """Destroy a holder's data key and the ciphertexts of their shares; return how many shares."""
    session.execute(delete(HolderKey).where(HolderKey.person_id == person_id))
    result = session.execute(
        update(Share).where(Share.person_id == person_id).values(ciphertext=None, nonce=None, pin=None)
    )
    return int(result.rowcount)  # type: ignore[attr-defined]  # An UPDATE's CursorResult has it.


def add_statement(session: Session, statement: StatusStatement) -> None:
    """Store a signed status statement."""
    session.add(statement)


def statements_of(session: Session, credential_id: UUID) -> list[StatusStatement]:
    """Return a credential's changes of status, the newest first."""
    query = select(StatusStatement).where(StatusStatement.credential_id == credential_id)
    return list(session.scalars(query.order_by(StatusStatement.id.desc()).limit(PAGE)))


def issued_after(
    session: Session, after: UUID | None, *, limit: int, issuer_code: str | None = None, batch_id: UUID | None = None
) -> list[Credential]:
    """Return what a school, or a batch, issued behind `after`, the oldest first.

    Loaded without what is large or personal: what is left is for receipts.
    """
    query = select(Credential).where(
        Credential.issuer_code == issuer_code if batch_id is None else Credential.batch_id == batch_id
    )
    if after is not None:
        query = query.where(Credential.id > after)
    columns = load_only(
        Credential.row, Credential.commitment, Credential.issuer_code, Credential.issued_at, raiseload=True
    )
    return list(session.scalars(query.order_by(Credential.id).limit(limit).options(columns)))


def add_report(session: Session, report: ErrorReport) -> None:
    """Store a holder's report of a wrong field."""
    session.add(report)


def open_reports(session: Session, issuer_code: str, *, limit: int = PAGE) -> list[ErrorReport]:
    """Return a school's open reports, the oldest first."""
    query = select(ErrorReport).where(ErrorReport.issuer_code == issuer_code, ErrorReport.closed_at.is_(None))
    return list(session.scalars(query.order_by(ErrorReport.id).limit(limit)))


def reports_of(session: Session, credential_id: UUID) -> list[ErrorReport]:
    """Return the reports about one credential, the newest first."""
    query = select(ErrorReport).where(ErrorReport.credential_id == credential_id)
    return list(session.scalars(query.order_by(ErrorReport.id.desc()).limit(PAGE)))


def close_reports(session: Session, credential_id: UUID, at: datetime) -> None:
    """Close the open reports about a credential."""
    session.execute(
        update(ErrorReport)
        .where(ErrorReport.credential_id == credential_id, ErrorReport.closed_at.is_(None))
        .values(closed_at=at)
    )


def count_credentials(session: Session, issuer_code: str) -> int:
    """Return how many credentials a school has issued."""
    return (
        session.scalar(select(func.count()).select_from(Credential).where(Credential.issuer_code == issuer_code)) or 0
    )
