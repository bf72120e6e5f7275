from __future__ import annotations

import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from itertools import count

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


def test_a_page_gets_its_turn_between_writers_that_never_pause(sqlite_database: Database) -> None:
    hurried = Database(sqlite_database.url)  # As an installation opens it.
    over = threading.Event()

    def write_all_the_time(first: int) -> None:
        numbers = count(first, 2)
        while not over.is_set():
            with suppress(BusyError), hurried.write() as session:
                session.add(Moment(id=next(numbers), at=datetime(2026, 6, 30, tzinfo=UTC)))
                session.flush()
                time.sleep(0.02)

    workers = [threading.Thread(target=write_all_the_time, args=(first,)) for first in (1_000, 1_001)]
    for worker in workers:
        worker.start()
    try:
        slowest = 0.0
        for number in range(25):
            began = time.perf_counter()
            with hurried.write() as session:
                session.add(Moment(id=number, at=datetime(2026, 6, 30, tzinfo=UTC)))
            slowest = max(slowest, time.perf_counter() - began)
    finally:
        over.set()
        for worker in workers:
            worker.join()
        hurried.dispose()
    assert slowest < 1


def test_a_write_within_a_write_is_refused_and_the_next_one_is_not(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kernel.db.TURN_S", 0.05)
    with sqlite_database.write(), pytest.raises(BusyError), sqlite_database.write():
        pytest.fail("two writers at once")
    with sqlite_database.write() as session:
        session.add(Moment(id=1, at=datetime(2026, 6, 30, tzinfo=UTC)))
