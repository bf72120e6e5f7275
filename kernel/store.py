"""Statements that every folder's store repeats: insert unless it is there, count what changed, delete what expired."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Insert, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.orm import InstrumentedAttribute, Session

Executor = Session | Connection
"""What a statement runs on: pages have an ORM session, machine endpoints a Core connection."""

Expired = tuple[InstrumentedAttribute[Any], ColumnElement[bool]]
"""A table's key, and the condition under which its rows have had their time."""


def insert_new(on: Executor, model: type[Any], values: Mapping[str, Any]) -> bool:
    """Insert a row unless its key is there already; return whether it was new."""
    dialect = (on.get_bind() if isinstance(on, Session) else on).dialect.name
    insert: Insert = (
        postgresql.insert(model).values(values).on_conflict_do_nothing()
        if dialect == "postgresql"
        else sqlite.insert(model).values(values).on_conflict_do_nothing()
    )
    # Without the option psycopg's count of an INSERT is not kept for a Core connection.
    return changed(on.execute(insert, execution_options={"preserve_rowcount": True})) == 1


def changed(result: Any) -> int:
    """Return how many rows an INSERT, UPDATE or DELETE touched."""
    return int(cast("CursorResult[Any]", result).rowcount)


def delete_expired(session: Session, tables: Iterable[Expired], *, limit: int) -> int:
    """Delete up to `limit` rows of each table that have had their time; return how many rows went."""
    gone = 0
    for key, expired in tables:
        rows = delete(key.class_).where(key.in_(select(key).where(expired).limit(limit)))
        gone += changed(session.execute(rows, execution_options={"synchronize_session": False}))
    return gone
