from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Integer, select
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db import Base, Database, UtcDateTime
from kernel.errors import BusyError


class Moment(Base):
    __tablename__ = "test_moment"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


def test_a_moment_comes_back_aware_and_in_utc(database: Database) -> None:
    beijing = datetime(2026, 6, 30, 12, 0, tzinfo=timezone(timedelta(hours=8)))
    with database.write() as session:
        session.add(Moment(id=1, at=beijing))
    with database.read() as session:
        stored = session.scalars(select(Moment)).one().at
    assert stored == datetime(2026, 6, 30, 4, 0, tzinfo=UTC)
    assert stored.tzinfo is UTC


def test_a_naive_moment_is_refused(sqlite_database: Database) -> None:
    with pytest.raises(StatementError, match="naive"), sqlite_database.write() as session:
        session.add(Moment(id=1, at=datetime(2026, 6, 30, 12, 0)))  # noqa: DTZ001 - the defect under test


def test_an_exception_rolls_everything_back(database: Database) -> None:
    with pytest.raises(RuntimeError), database.write() as session:
        session.add(Moment(id=1, at=datetime(2026, 6, 30, tzinfo=UTC)))
        session.flush()
        raise RuntimeError("half way")
    with database.read() as session:
        assert session.scalars(select(Moment)).all() == []


def test_a_second_writer_on_sqlite_is_told_to_come_back(sqlite_database: Database) -> None:
    impatient = Database(sqlite_database.url, busy_timeout_ms=50)
    with sqlite_database.write() as first:
        first.add(Moment(id=1, at=datetime(2026, 6, 30, tzinfo=UTC)))
        first.flush()
        with pytest.raises(BusyError), impatient.write() as second:
            second.add(Moment(id=2, at=datetime(2026, 6, 30, tzinfo=UTC)))
    impatient.dispose()
    with sqlite_database.read() as session:
        assert [moment.id for moment in session.scalars(select(Moment))] == [1]


def test_a_reader_does_not_wait_for_a_writer(sqlite_database: Database) -> None:
    with sqlite_database.write() as writer:
        writer.add(Moment(id=1, at=datetime(2026, 6, 30, tzinfo=UTC)))
        writer.flush()
        with sqlite_database.read() as reader:
            assert reader.scalars(select(Moment)).all() == []
