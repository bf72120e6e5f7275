from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update

from kernel.audit import AuditEvent, chain_events, first_broken_event, purge_events, record
from kernel.db import Database

START = datetime(2026, 6, 1, tzinfo=UTC)


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def fill(database: Database, count: int) -> None:
    with database.write() as session:
        for day in range(count):
            record(session, at=START + timedelta(days=day), action="sign_in", subject=f"s{day}", tries=day)


def test_events_are_linked_once_and_in_order(database: Database) -> None:
    fill(database, 5)
    with database.write() as session:
        assert chain_events(session, sha256, limit=3) == 3
    with database.write() as session:
        assert chain_events(session, sha256) == 2
    with database.write() as session:
        assert chain_events(session, sha256) == 0
        positions = session.scalars(select(AuditEvent.position).order_by(AuditEvent.id)).all()
        assert positions == [1, 2, 3, 4, 5]
        assert first_broken_event(session, sha256) is None


def test_a_changed_event_is_found(database: Database) -> None:
    fill(database, 5)
    with database.write() as session:
        chain_events(session, sha256)
        third = session.scalars(select(AuditEvent.id).where(AuditEvent.position == 3)).one()
        session.execute(update(AuditEvent).where(AuditEvent.id == third).values(result="refused"))
    with database.read() as session:
        assert first_broken_event(session, sha256) == third


def test_the_first_event_is_checked_against_the_beginning(database: Database) -> None:
    fill(database, 2)
    with database.write() as session:
        chain_events(session, sha256)
        session.execute(update(AuditEvent).where(AuditEvent.position == 1).values(action="sign_out"))
    with database.read() as session:
        assert first_broken_event(session, sha256) is not None


def test_a_purge_keeps_the_chain_going(database: Database) -> None:
    fill(database, 5)
    with database.write() as session:
        chain_events(session, sha256)
        assert purge_events(session, START + timedelta(days=30)) == 4
    fill(database, 2)
    with database.write() as session:
        assert chain_events(session, sha256) == 2
        assert first_broken_event(session, sha256) is None
        assert session.scalars(select(AuditEvent.position).order_by(AuditEvent.position)).all() == [5, 6, 7]


def test_an_empty_trail_purges_nothing(database: Database) -> None:
    with database.write() as session:
        assert purge_events(session, START) == 0
