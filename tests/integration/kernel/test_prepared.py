from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

import pytest
from sqlalchemy import JSON, Column, LargeBinary, MetaData, String, Table, Uuid, bindparam, insert, select
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.orm import Mapped, mapped_column

from kernel.db import Base, Database, UtcDateTime
from kernel.prepared import Prepared


class Thing(Base):
    __tablename__ = "test_thing"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    words: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    name: Mapped[str | None] = mapped_column(String(20))


THING = cast(Table, Thing.__table__)
INSERT = Prepared(insert(THING))
BY_HASH = Prepared(select(THING, THING.c.name.label("called")).where(THING.c.hash == bindparam("hash")))
ROW: dict[str, Any] = {
    "id": UUID(int=7),
    "hash": b"\x00%s" * 8,
    "at": datetime(2026, 6, 30, 4, 0, 0, 123456, tzinfo=UTC),
    "words": ["一", "%(x)s"],
}


def test_a_row_comes_back_with_its_types_the_same_on_every_kind_of_connection(database: Database) -> None:
    with database.write_one() as connection:
        INSERT.execute(connection, ROW)
    for lent in (database.read_core, database.write_core, database.write_one, database.read):
        with lent() as on:
            found = BY_HASH.one_or_none(on, {"hash": ROW["hash"]})
        assert found is not None
        assert (found.id, found.hash, found.at, found.words, found.name, found.called) == (
            *(ROW[name] for name in ("id", "hash", "at", "words")),
            None,
            None,
        )
        assert found.at.tzinfo is UTC


def test_nothing_is_none(database: Database) -> None:
    with database.read_core() as connection:
        assert BY_HASH.one_or_none(connection, {"hash": b"x"}) is None


def test_within_a_transaction_it_is_part_of_it(database: Database) -> None:
    with pytest.raises(RuntimeError), database.write_core() as connection:
        INSERT.execute(connection, ROW)
        raise RuntimeError("half way")
    with database.read_core() as connection:
        assert BY_HASH.one_or_none(connection, {"hash": ROW["hash"]}) is None


def test_errors_are_those_of_sqlalchemy_and_the_connection_is_replaced(database: Database) -> None:
    with database.write_one() as connection:
        INSERT.execute(connection, ROW)
    with pytest.raises(IntegrityError), database.write_one() as connection:
        INSERT.execute(connection, {**ROW, "id": UUID(int=8)})
    missing = Prepared(select(Table("test_missing", MetaData(), Column("name", String))))
    with pytest.raises((OperationalError, ProgrammingError)), database.read_core() as connection:
        missing.one_or_none(connection, {})
    with database.write_one() as connection:
        INSERT.execute(connection, {**ROW, "id": UUID(int=9), "hash": b"other"})


def test_a_parameter_that_is_missing_is_an_error(database: Database) -> None:
    with pytest.raises(KeyError), database.read_core() as connection:
        BY_HASH.one_or_none(connection, {"wrong": b"x"})


def test_a_naive_moment_is_refused(database: Database) -> None:
    with pytest.raises(ValueError, match="naive"), database.write_one() as connection:
        INSERT.execute(connection, {**ROW, "at": datetime(2026, 6, 30)})  # noqa: DTZ001 - the defect under test
