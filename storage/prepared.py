"""Statements prepared once and run by the driver itself, several in one journey to it.

SQLAlchemy builds and compiles a statement; but its way to run one costs more than the statements of
the talk themselves, and on SQLite each is a journey to the connection's thread. So on SQLite they
are run here, all that are known at once in one journey; PostgreSQL gets them one by one as ever.
This module knows no table.
"""

from __future__ import annotations

import re
import sqlite3
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Dialect, Executable, Insert, LargeBinary
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.statements import INSERTS, add_many, driver_of

Values = Mapping[str, Any]
Rows = Sequence[Any]
"""What was found, each with its columns as attributes."""

_Process = Callable[[Any], Any]

_LISTS = ("keys", "numbers")
"""Names of the parameters that are lists, see ``statements.among_keys`` and ``among_numbers``."""


class Prepared:
    """A statement with named parameters, or one for each dialect.

    A statement may look among the list ``keys`` or ``numbers`` of ``statements.among_keys`` and
    ``among_numbers``; an empty one finds nothing.
    """

    def __init__(self, statement: Any) -> None:
        alike = isinstance(statement, Executable)
        self._statements: Mapping[str, Any] = (
            dict.fromkeys(INSERTS, statement) if alike else statement
        )
        self._sqlite: dict[tuple[tuple[str, ...], int], _OnSqlite] = {}

    def __call__(self, **values: Any) -> Call:
        """To be run once with these values."""
        return Call(self, (values,))

    def each(self, rows: Sequence[Values]) -> Call:
        """To be run for every one of the rows, which all name the same values."""
        return Call(self, rows, many=True)

    def on_sqlite(self, values: Values, dialect: Dialect) -> _OnSqlite:
        """The statement for the driver, for values of these names and as many keys."""
        keys = _room_for(len(values["keys"])) if "keys" in values else 0
        made = self._sqlite.get((tuple(values), keys))
        if made is None:
            statement = self._statements["sqlite"]
            made = self._sqlite[tuple(values), keys] = _prepare(statement, values, keys, dialect)
        return made

    async def execute(self, conn: AsyncConnection, call: Call) -> Rows:
        """Run it by way of SQLAlchemy."""
        statement = self._statements[conn.dialect.name]
        if call.many and isinstance(statement, Insert) and not list(statement.exported_columns):
            await add_many(conn, statement, call.rows)
            return ()
        result = await conn.execute(statement, list(call.rows) if call.many else call.rows[0])
        return result.all() if result.returns_rows else ()


@dataclass(frozen=True, slots=True)
class Call:
    """A statement and what it is to be run with."""

    statement: Prepared
    rows: Sequence[Values]
    many: bool = False

    @property
    def idle(self) -> bool:
        """Whether nothing is asked: no rows, or no keys to look for."""
        return not self.rows or not all(self.rows[0].get(name, True) for name in _LISTS)


async def run(conn: AsyncConnection, *calls: Call) -> list[Rows]:
    """Run them in this order inside the caller's transaction; what each of them found.

    One that asks nothing is left out and finds nothing.
    """
    if conn.dialect.name != "sqlite":
        return [() if call.idle else await call.statement.execute(conn, call) for call in calls]
    work = [() if call.idle else _work(call, conn.dialect) for call in calls]
    if not any(work):
        return [()] * len(calls)
    found: list[Rows] = await driver_of(conn).visit(_run, work)
    return found


async def write(conn: AsyncConnection, *calls: Call) -> None:
    """Run them as ``run`` does, for what they do and not for what they find.

    On SQLite they go along with whatever is run next in the transaction, or with its commit, which
    then raises what is wrong with them.
    """
    if conn.dialect.name != "sqlite":
        await run(conn, *calls)
    elif work := [_work(call, conn.dialect) for call in calls if not call.idle]:
        driver_of(conn).leave(_run, work)


async def one(conn: AsyncConnection, call: Call) -> Rows:
    """Run one; what it found."""
    return (await run(conn, call))[0]


# --- SQLite ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _OnSqlite:
    """The words for the driver, how values become its parameters, and its rows ours."""

    sql: str
    names: tuple[str, ...]
    """Of the parameters in their order; the keys stand together, as one ``keys``."""
    processes: Mapping[str, _Process]
    keys: int
    row: Callable[[Any], Any] | None

    def parameters(self, values: Values) -> list[Any]:
        given: list[Any] = []
        for name in self.names:
            value = values[name]
            if name == "keys":
                # The last one again and again: it finds the same, and a few sizes of statement do.
                given += value
                given += value[-1:] * (self.keys - len(value))
            else:
                process = self.processes.get(name)
                given.append(process(value) if process else value)
        return given


_LATER_KEY = re.compile(r"keys_(?!1$)\d+").fullmatch


def _room_for(keys: int) -> int:
    return 1 << max(keys - 1, 0).bit_length()


def _prepare(statement: Any, values: Values, keys: int, dialect: Dialect) -> _OnSqlite:
    compiled = statement.compile(
        dialect=dialect, column_keys=list(values) if isinstance(statement, Insert) else None
    )
    sql, order = str(compiled), compiled.positiontup or ()
    if keys:
        listed = {**dict.fromkeys(values), "keys": [b""] * keys}
        expanded = compiled.construct_expanded_state(listed)
        sql, order = expanded.statement, expanded.positiontup or ()
    names = tuple("keys" if name == "keys_1" else name for name in order if not _LATER_KEY(name))
    kinds = {name: compiled.binds[name].type for name in names if name != "keys"}
    found = {
        name: kind.dialect_impl(dialect).bind_processor(dialect)
        for name, kind in kinds.items()
        # The driver takes bytes as they are; SQLAlchemy would wrap each of them.
        if not isinstance(kind, LargeBinary)
    }
    processes = {name: process for name, process in found.items() if process}
    return _OnSqlite(sql, names, processes, keys, _reader(statement, dialect))


def _reader(statement: Any, dialect: Dialect) -> Callable[[Any], Any] | None:
    columns = list(getattr(statement, "exported_columns", ()))
    if not columns:
        return None
    shape = namedtuple("Row", [column.key for column in columns], rename=True)  # type: ignore[misc]
    processes = [
        (place, process)
        for place, column in enumerate(columns)
        for process in [column.type.dialect_impl(dialect).result_processor(dialect, None)]
        if process is not None
    ]
    return partial(_read, processes, shape._make) if processes else shape._make


def _read(
    processes: Sequence[tuple[int, _Process]], make: Callable[[Any], Any], found: Sequence[Any]
) -> Any:
    columns = list(found)
    for place, process in processes:
        columns[place] = process(columns[place])
    return make(columns)


_Work = tuple[str, Sequence[Sequence[Any]], Callable[[Any], Any] | None]


def _work(call: Call, dialect: Dialect) -> _Work:
    made = call.statement.on_sqlite(call.rows[0], dialect)
    return made.sql, [made.parameters(row) for row in call.rows], made.row


def _run(sqlite: sqlite3.Connection, work: Sequence[_Work | tuple[()]]) -> list[Rows]:
    return [_run_one(sqlite, *each) if each else () for each in work]


def _run_one(
    sqlite: sqlite3.Connection,
    sql: str,
    rows: Sequence[Sequence[Any]],
    read: Callable[[Any], Any] | None,
) -> Rows:
    if read is None:
        sqlite.executemany(sql, rows)
        return ()
    return [read(found) for row in rows for found in sqlite.execute(sql, row)]
