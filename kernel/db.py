"""The database: engines, the two kinds of session, and the only commit.

A reading session never writes. A writing session begins `IMMEDIATE` on SQLite, so that
it waits for the lock at its first statement and not in the middle; within a process,
writers on SQLite take turns, so that bulk work keeps no page waiting for longer than the
transactions before it. Both are opened in a
synchronous block: no `await` and no remote call stands between a writing session's first
statement and its commit.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from sqlalchemy import Connection, DateTime, Dialect, Engine, MetaData, TypeDecorator, create_engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase, Session

from kernel.errors import BusyError
from kernel.turns import Turns

BUSY_TIMEOUT_MS = 250
TURN_S = 2.0
STATEMENT_TIMEOUT_MS = 5_000


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

    def __init__(self, url: str, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> None:
        """Connect lazily to `url` (`sqlite:///…` or `postgresql+psycopg://…`)."""
        self.url = url
        self.engine = _engine(url, busy_timeout_ms)
        self._reading = self.engine.execution_options(xinji_write=False)
        self._writing = self.engine.execution_options(xinji_write=True)
        self._turns = Turns() if url.startswith("sqlite") else None

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
        with self._turn(), _writing(Session(self._writing, expire_on_commit=False)) as session:
            yield session

    @contextmanager
    def read_core(self) -> Iterator[Connection]:
        """Open a connection for reading: for machine endpoints, where an ORM session costs too much (design §2)."""
        with self._reading.connect() as connection:
            yield connection

    @contextmanager
    def write_core(self) -> Iterator[Connection]:
        """Open a connection for writing, as `write` does.

        Raises:
            BusyError: The write lock was not to be had within the busy timeout.
        """
        with self._turn(), _writing(self._writing.connect()) as connection:
            yield connection

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if self._turns is not None and not self._turns.take(TURN_S):
            raise BusyError("the database is busy")
        try:
            yield
        finally:
            if self._turns is not None:
                self._turns.end()

    def dispose(self) -> None:
        """Close all connections."""
        self.engine.dispose()


_Writer = TypeVar("_Writer", Session, Connection)


@contextmanager
def _writing(writer: _Writer) -> Iterator[_Writer]:
    try:
        yield writer
        writer.commit()
    except OperationalError as error:
        writer.rollback()
        if "database is locked" in str(error.orig):
            raise BusyError("the database is busy") from error
        raise
    except BaseException:
        writer.rollback()
        raise
    finally:
        writer.close()


def _engine(url: str, busy_timeout_ms: int) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(
            url,
            pool_pre_ping=True,
            connect_args={"options": f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c timezone=UTC"},
        )
    engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": busy_timeout_ms / 1000})

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # SQLAlchemy's BEGIN below is the only one.
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        write = connection.get_execution_options().get("xinji_write", True)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

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
