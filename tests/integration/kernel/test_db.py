from __future__ import annotations

import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Integer, func, insert, select, text
from sqlalchemy.exc import IntegrityError, InternalError, StatementError
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db import Base, Database, Synchronous, UtcDateTime
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
    impatient = Database(sqlite_database.url, busy_timeout_ms=50)
    with impatient.write(), pytest.raises(BusyError), impatient.write():
        pytest.fail("two writers at once")
    with impatient.write() as session:
        session.add(Moment(id=1, at=datetime(2026, 6, 30, tzinfo=UTC)))
    impatient.dispose()


@pytest.mark.parametrize(("synchronous", "level"), [("full", 2), ("normal", 1)])
def test_sqlite_commits_as_durably_as_it_is_told(tmp_path: Path, synchronous: Synchronous, level: int) -> None:
    database = Database(f"sqlite:///{tmp_path / 'd.sqlite3'}", synchronous=synchronous)
    with database.read_core() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == level
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
    database.dispose()


def test_a_reading_connection_sees_what_was_committed_since_it_was_opened(database: Database) -> None:
    with database.read_core() as reader:
        assert reader.execute(select(func.count()).select_from(Moment)).scalar_one() == 0
        with database.write_core() as writer:
            writer.execute(insert(Moment), {"id": 1, "at": datetime(2026, 6, 30, tzinfo=UTC)})
        assert reader.execute(select(func.count()).select_from(Moment)).scalar_one() == 1
    with database.read_core() as again:
        assert again is reader  # Kept open: that is what it is for.


def test_a_core_writer_rolls_back_and_its_connection_goes_on(database: Database) -> None:
    for kept in range(3):
        with pytest.raises(RuntimeError), database.write_core() as connection:
            connection.execute(insert(Moment), {"id": 1, "at": datetime(2026, 6, 30, tzinfo=UTC)})
            raise RuntimeError("half way")
        with pytest.raises(IntegrityError), database.write_core() as connection:
            for _ in range(2):
                connection.execute(insert(Moment), {"id": 1, "at": datetime(2026, 6, 30, tzinfo=UTC)})
        with database.write_core() as connection:
            connection.execute(insert(Moment), {"id": kept + 10, "at": datetime(2026, 6, 30, tzinfo=UTC)})
    with database.read() as session:
        assert sorted(moment.id for moment in session.scalars(select(Moment))) == [10, 11, 12]


def test_one_statement_is_a_transaction_of_its_own(database: Database) -> None:
    row = {"id": 1, "at": datetime(2026, 6, 30, tzinfo=UTC)}
    with database.write_one() as connection:
        connection.execute(insert(Moment), row)
        with database.read() as session:  # Committed already.
            assert session.scalars(select(Moment)).one().id == 1
    with pytest.raises(IntegrityError), database.write_one() as connection:
        connection.execute(insert(Moment), row)
    with database.write_one() as connection:
        connection.execute(insert(Moment), {**row, "id": 2})


def test_one_statement_on_sqlite_is_told_to_come_back_too(sqlite_database: Database) -> None:
    impatient = Database(sqlite_database.url, busy_timeout_ms=50)
    row = {"id": 1, "at": datetime(2026, 6, 30, tzinfo=UTC)}
    with sqlite_database.write_core() as first:
        first.execute(insert(Moment), row)
        with pytest.raises(BusyError), impatient.write_one() as second:
            second.execute(insert(Moment), {**row, "id": 2})
        with pytest.raises(BusyError), impatient.write_core() as second:
            second.execute(insert(Moment), {**row, "id": 2})
    with impatient.write_one() as second:
        second.execute(insert(Moment), {**row, "id": 2})
    impatient.dispose()


@pytest.mark.postgresql
def test_what_reads_on_postgresql_cannot_write(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    Base.metadata.create_all(database.engine)
    for lent in (database.read, database.read_core):
        with pytest.raises(InternalError, match="read-only"), lent() as reader:
            reader.execute(insert(Moment), {"id": 99, "at": datetime(2026, 6, 30, tzinfo=UTC)})
    database.dispose()


@pytest.mark.postgresql
def test_a_connection_that_the_server_closed_is_replaced_after_a_silence(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kernel.db.DOUBTFUL_S", 0.0)
    database = Database(postgresql_url)
    Base.metadata.create_all(database.engine)
    for _ in range(2):
        for lent in (database.read, database.read_core, database.write, database.write_core, database.write_one):
            with lent() as connection:
                assert connection.execute(text("SELECT 1")).scalar_one() == 1
        other = Database(postgresql_url)
        with other.write() as session:
            session.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
            )
        other.dispose()
    database.dispose()
