"""Statements compiled once and run on the driver's own cursor: for the few that machines repeat all day.

On an index a statement takes 20 to 30 microseconds; SQLAlchemy's way there and back takes 70
more, which is a quarter of an introspection. Only a connection that `Database.read_core` or
`write_one` lent, where no transaction is to be begun, is used so; on any other the statement
goes the usual way. Columns keep their types, errors are SQLAlchemy's, listeners hear of it.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeGuard

from sqlalchemy import Connection, Delete, Insert, Select, Update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

SINGLE: Final = "xinji_single"
"""The execution option of a connection whose statements are transactions of their own."""

Process = Callable[[Any], Any] | None


class Prepared:
    """A statement whose parameters are all `bindparam`s. Safe to share between threads."""

    def __init__(self, statement: Select[Any] | Insert | Update | Delete) -> None:
        """Compile nothing yet: the dialect is the connection's."""
        self._statement = statement
        self._forms: dict[str, _Form] = {}

    def one_or_none(self, on: Session | Connection, parameters: Mapping[str, Any]) -> Any | None:
        """Return the only row, its columns by name, or None.

        Raises:
            MultipleResultsFound: There are several.
        """
        if not _is_single(on):
            return on.execute(self._statement, parameters).one_or_none()
        rows = self._form(on).run(on, parameters)
        assert len(rows) < 2, "a look-up by a unique key found two rows"  # noqa: PLR2004, S101
        return rows[0] if rows else None

    def execute(self, on: Session | Connection, parameters: Mapping[str, Any]) -> None:
        """Run a statement that returns nothing."""
        if _is_single(on):
            self._form(on).run(on, parameters)
        else:
            on.execute(self._statement, parameters)

    def _form(self, on: Connection) -> _Form:
        form = self._forms.get(on.dialect.name)
        if form is None:
            form = self._forms[on.dialect.name] = _Form(self._statement, on)
        return form


class _Form:
    """A statement in the words of one dialect, with what turns values into the driver's and back."""

    def __init__(self, statement: Select[Any] | Insert | Update | Delete, on: Connection) -> None:
        dialect = on.dialect
        compiled = statement.compile(dialect=dialect)
        self.text = str(compiled)
        self._positions: list[str] | None = compiled.positiontup if compiled.positional else None
        self._processes: dict[str, Process] = {
            name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in compiled.binds.items()
        }
        self._returns = isinstance(statement, Select)
        self._strict = not isinstance(statement, Insert)  # What an INSERT is not given stays NULL.
        columns = list(statement.selected_columns) if isinstance(statement, Select) else []
        self._row: Any = _row_of([str(column.key) for column in columns])
        self._results: list[Process] = [
            column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns
        ]
        self._error: type[Exception] = dialect.loaded_dbapi.Error

    def run(self, on: Connection, parameters: Mapping[str, Any]) -> list[Any]:
        value = parameters.__getitem__ if self._strict else parameters.get
        given = {name: _through(process, value(name)) for name, process in self._processes.items()}
        values: Any = given if self._positions is None else [given[name] for name in self._positions]
        cursor = on.connection.cursor()
        try:
            for listener in on.dispatch.before_cursor_execute:
                listener(on, cursor, self.text, values, None, False)
            cursor.execute(self.text, values)
            if not self._returns:
                return []
            return [self._row._make(map(_through, self._results, row)) for row in cursor.fetchall()]
        except self._error as error:
            raise DBAPIError.instance(self.text, None, error, self._error, dialect=on.dialect) from error
        finally:
            cursor.close()


def _row_of(names: list[str]) -> Any:
    return namedtuple("Found", names)  # noqa: PYI024 - the statement has the names


def _through(process: Process, value: Any) -> Any:
    return value if process is None else process(value)


def _is_single(on: Session | Connection) -> TypeGuard[Connection]:
    return isinstance(on, Connection) and SINGLE in on.get_execution_options()
