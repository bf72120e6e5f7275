"""The database: engines, the two kinds of session, and the only commit.

A reading session never writes. A writing session begins `IMMEDIATE` on SQLite, so that
it waits for the lock at its first statement and not in the middle; within a process,
writers on SQLite take turns, so that bulk work keeps no page waiting for longer than the
transactions before it. Both are opened in a
synchronous block: no `await` and no remote call stands between a writing session's first
statement and its commit.

Machine endpoints have Core connections instead, which stay open from one request to the next:
taking one from a pool, and beginning and ending a transaction around a single statement, costs
more than the statement.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Request
from sqlalchemy import Connection, DateTime, Dialect, Engine, MetaData, TypeDecorator, create_engine, event
from sqlalchemy.exc import DisconnectionError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Session

from kernel.errors import BusyError
from kernel.turns import Turns

BUSY_TIMEOUT_MS = 250
TURN_S = 2.0
STATEMENT_TIMEOUT_MS = 5_000
KEPT: Final = 4
"""Core connections of a kind that stay open for the next request."""
WAL_PAGES: Final = 4_000
"""Pages (16 MB) after which SQLite moves its log into the database: at 1 000, that was half of the time of writing."""
DOUBTFUL_S: Final = 5.0
"""After so long a silence a connection is tried before use: the database may have been restarted."""

Synchronous = Literal["full", "normal"]
"""SQLite's durability: with `normal` a power cut may take back the last commits, though never half of one."""


class Base(DeclarativeBase):
    """The base of all tables. Folder prefixes: `kernel_`, `log_`, `idp_`, `cred_`."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment in UTC; SQLite stores it without its zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Refuse a naive moment: its zone would be a guess."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime has no place in the database")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return an aware moment in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Database:
    """One database and its two kinds of session."""

    def __init__(self, url: str, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS, synchronous: Synchronous = "full") -> None:
        """Connect lazily to `url` (`sqlite:///…` or `postgresql+psycopg://…`); `synchronous` is SQLite's."""
        self.url = url
        self._turn_s = max(TURN_S, busy_timeout_ms / 1_000)
        if url.startswith("sqlite"):
            self._turns: Turns | None = Turns()
            self.engine: Engine = _sqlite(url, busy_timeout_ms, synchronous)
            self._reading: Engine = self.engine.execution_options(xinji_begin="BEGIN")
            single: Engine = self.engine.execution_options(xinji_begin=None, xinji_single=True)
            reading_single = single
        else:
            self._turns = None
            self.engine = _postgresql(url)
            # Each statement by itself, and no transaction that could write: two round trips less a session.
            self._reading = _postgresql(url, read_only=True)
            reading_single = self._reading.execution_options(xinji_single=True)
            single = self.engine.execution_options(isolation_level="AUTOCOMMIT", xinji_single=True)
        self._kept_reading = _Kept(reading_single)
        self._kept_writing = _Kept(self.engine)
        self._kept_single = _Kept(single)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session for reading; it is rolled back at the end."""
        session = Session(self._reading, expire_on_commit=False)
        try:
            yield session
        finally:
            session.close()

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a session for writing: committed at the end, rolled back on any exception.

        Raises:
            BusyError: The write lock was not to be had within the busy timeout.
        """
        with self._turn(), _told_if_busy():
            session = Session(self.engine, expire_on_commit=False)
            try:
                yield session
                session.commit()
            except BaseException:
                session.rollback()
                raise
            finally:
                session.close()

    @contextmanager
    def read_core(self) -> Iterator[Connection]:
        """Lend a connection for reading to a machine endpoint (design §2).

        Each statement sees what is committed when it runs: no transaction is around several.
        """
        with self._kept_reading.lent() as connection:
            yield connection

    @contextmanager
    def write_core(self) -> Iterator[Connection]:
        """Lend a connection for writing: committed at the end, rolled back on any exception, as with `write`.

        Raises:
            BusyError: The write lock was not to be had within the busy timeout.
        """
        with self._turn(), _told_if_busy(), self._kept_writing.lent() as connection:
            try:
                yield connection
                connection.commit()
            except BaseException:
                connection.rollback()
                raise

    @contextmanager
    def write_one(self) -> Iterator[Connection]:
        """Lend a connection for **one** writing statement, which is its own transaction: one round trip, not three.

        Raises:
            BusyError: The write lock was not to be had within the busy timeout.
        """
        with self._turn(), _told_if_busy(), self._kept_single.lent() as connection:
            yield connection

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if self._turns is not None and not self._turns.take(self._turn_s):
            raise BusyError("the database is busy")
        try:
            yield
        finally:
            if self._turns is not None:
                self._turns.end()

    def dispose(self) -> None:
        """Close all connections."""
        for kept in (self._kept_reading, self._kept_writing, self._kept_single):
            kept.close()
        self._reading.dispose()
        self.engine.dispose()


class _Kept:
    """A few open connections of one kind, lent one at a time. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._remote = engine.dialect.name != "sqlite"
        self._idle: deque[tuple[Connection, float]] = deque()

    @contextmanager
    def lent(self) -> Iterator[Connection]:
        connection = self._take()
        try:
            yield connection
        except SQLAlchemyError:
            connection.close()  # Whatever became of it, the next request gets another.
            raise
        except BaseException:
            self._put_back(connection)
            raise
        self._put_back(connection)

    def close(self) -> None:
        while self._idle:
            self._idle.pop()[0].close()

    def _take(self) -> Connection:
        while True:
            try:
                connection, since = self._idle.pop()
            except IndexError:
                return self._engine.connect()
            if not self._remote or time.monotonic() - since < DOUBTFUL_S:
                return connection
            try:
                connection.exec_driver_sql("SELECT 1")
                connection.rollback()
            except SQLAlchemyError:
                connection.close()
            else:
                return connection

    def _put_back(self, connection: Connection) -> None:
        if connection.closed or connection.invalidated or len(self._idle) >= KEPT:
            connection.close()
        else:
            self._idle.append((connection, time.monotonic()))


@contextmanager
def _told_if_busy() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        if "database is locked" in str(error.orig):
            raise BusyError("the database is busy") from error
        raise


def _sqlite(url: str, busy_timeout_ms: int, synchronous: Synchronous) -> Engine:
    engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": busy_timeout_ms / 1000})

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # SQLAlchemy's BEGIN below is the only one.
        for pragma in (
            "journal_mode=WAL",
            f"synchronous={synchronous.upper()}",
            "foreign_keys=ON",
            f"wal_autocheckpoint={WAL_PAGES}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        begin = connection.get_execution_options().get("xinji_begin", "BEGIN IMMEDIATE")
        if begin is not None:
            connection.exec_driver_sql(begin)

    return engine


def _postgresql(url: str, *, read_only: bool = False) -> Engine:
    options = f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c timezone=UTC"
    if read_only:
        options += " -c default_transaction_read_only=on"
    engine = create_engine(
        url,
        connect_args={"options": options},
        **({"isolation_level": "AUTOCOMMIT"} if read_only else {}),
    )

    # `pool_pre_ping` would ask at every request: a round trip each.
    @event.listens_for(engine, "checkin")
    def _note(_connection: Any, record: Any) -> None:
        record.info["xinji_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _try(connection: Any, record: Any, _fairy: object) -> None:
        if time.monotonic() - record.info.get("xinji_since", time.monotonic()) < DOUBTFUL_S:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError("the database closed the connection") from error

    return engine


def database_of(request: Request) -> Database:
    """Return the application's database."""
    database: Database = request.app.state.database
    return database


async def _open_read(request: Request) -> AsyncIterator[Session]:
    with database_of(request).read() as session:
        yield session


async def _open_write(request: Request) -> AsyncIterator[Session]:
    with database_of(request).write() as session:
        yield session


# `scope="function"`: the commit comes before the answer, so that a failing one is no 200.
ReadSession = Annotated[Session, Depends(_open_read, scope="function")]
WriteSession = Annotated[Session, Depends(_open_write, scope="function")]
