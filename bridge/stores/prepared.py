"""Statements that are compiled once, and sessions that run them straight on the driver.

SQLAlchemy says what the statements mean and how each database writes them; having it run them as well costs several times what
SQLite needs to carry them out. So a statement is compiled once for a dialect, with the conversions of its values and
of its rows, and from then on only the driver's cursor is between it and the database.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Dialect, PoolProxiedConnection
from sqlalchemy.sql.base import Executable
from sqlalchemy.types import TypeEngine

_Convert = Callable[[Any], Any]


class _Ready(NamedTuple):
    """A statement for one dialect."""

    sql: str
    #: (name, conversion) of the values, in the order of their places.
    values: tuple[tuple[str, _Convert | None], ...]
    #: True when the driver takes values by place, false when by name.
    positional: bool
    #: Values that stand in the statement itself, such as a limit of one.
    fixed: dict[str, Any]
    #: Makes a row of the driver's tuple.
    row: _Convert


class Prepared:
    """A statement whose values are named parameters; `columns` are those that an INSERT or UPDATE sets."""

    def __init__(self, statement: Executable, *columns: str):
        self._statement: Any = statement
        self._columns = list(columns) or None
        self._ready: dict[str, _Ready] = {}

    def ready(self, dialect: Dialect) -> _Ready:
        """The statement as this dialect writes it."""
        found = self._ready.get(dialect.name)
        if found is None:
            found = self._ready[dialect.name] = self._compile(dialect)
        return found

    def _compile(self, dialect: Dialect) -> _Ready:
        compiled = self._statement.compile(dialect=dialect, column_keys=self._columns)
        names = compiled.positiontup if compiled.positional else list(compiled.binds)
        values = tuple((name, _to_driver(compiled.binds[name].type, dialect)) for name in names)
        fixed = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
        columns = list(self._statement.exported_columns)
        return _Ready(compiled.string, values, compiled.positional, fixed, _row_maker(columns, dialect))


def _to_driver(kind: TypeEngine[Any], dialect: Dialect) -> _Convert | None:
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _row_maker(columns: list[Any], dialect: Dialect) -> _Convert:
    shape: Any = namedtuple("Row", [column.key for column in columns])  # type: ignore[misc]  # known only now
    make = shape._make
    converting = [
        (place, convert)
        for place, column in enumerate(columns)
        if (convert := column.type.dialect_impl(dialect).result_processor(dialect, None)) is not None
    ]
    if not converting:
        row: _Convert = make
        return row

    def converted(given: Any) -> Any:
        row = list(given)
        for place, convert in converting:
            row[place] = convert(row[place])
        return make(row)

    return converted


class Session:
    """One connection on which prepared statements run; ending what it began is its owner's to do."""

    def __init__(self, connection: PoolProxiedConnection, dialect: Dialect):
        self.connection = connection
        self._dialect = dialect
        self._cursor: Any = connection.cursor()

    def say(self, sql: str) -> None:
        """Run a statement without values, such as one that begins or ends something."""
        self._cursor.execute(sql)

    def rows(self, prepared: Prepared, **values: Any) -> list[Any]:
        """All rows that it finds, as named tuples."""
        ready = prepared.ready(self._dialect)
        self._cursor.execute(ready.sql, _bound(ready, values))
        return [ready.row(row) for row in self._cursor.fetchall()]

    def row(self, prepared: Prepared, **values: Any) -> Any:
        """The only row that it finds, or None."""
        found = self.rows(prepared, **values)
        return found[0] if found else None

    def value(self, prepared: Prepared, **values: Any) -> Any:
        """The only column of the only row, or None."""
        found = self.rows(prepared, **values)
        return found[0][0] if found else None

    def change(self, prepared: Prepared, values: Mapping[str, Any]) -> int:
        """Run it for its effect; returns how many rows it touched."""
        ready = prepared.ready(self._dialect)
        self._cursor.execute(ready.sql, _bound(ready, values))
        count: int = self._cursor.rowcount
        return count

    def change_many(self, prepared: Prepared, many: Iterable[Mapping[str, Any]]) -> None:
        """Run it once for each set of values."""
        ready = prepared.ready(self._dialect)
        self._cursor.executemany(ready.sql, [_bound(ready, values) for values in many])


def _bound(ready: _Ready, values: Mapping[str, Any]) -> Any:
    if ready.fixed:
        values = {**ready.fixed, **values}
    bound = [
        values[name] if convert is None or values[name] is None else convert(values[name])
        for name, convert in ready.values
    ]
    return bound if ready.positional else dict(zip((name for name, _ in ready.values), bound, strict=True))
