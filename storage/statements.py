"""The few things that SQLite and PostgreSQL must be told differently. Knows no table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    BindParameter,
    Column,
    ColumnElement,
    Dialect,
    Insert,
    LargeBinary,
    Table,
    any_,
    bindparam,
    column,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

INSERTS: dict[str, Callable[[Table], Any]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}
"""The insert that knows ON CONFLICT, by dialect."""


def upsert(conn: AsyncConnection, table: Table) -> Any:
    """An insert that can be told what to do about a row that is there already."""
    return INSERTS[conn.dialect.name](table)


def among_keys(build: Callable[[ColumnElement[bool]], Any], key: Column[bytes]) -> dict[str, Any]:
    """By dialect, the statement over the rows whose ``key`` is in the parameter ``keys``."""
    # PostgreSQL gets one parameter however many keys, so that it plans the statement once.
    array = any_(bindparam("keys", type_=ARRAY(LargeBinary)))
    several: BindParameter[bytes] = bindparam("keys", expanding=True)
    return {"sqlite": build(key.in_(several)), "postgresql": build(key == array)}


def among_numbers(
    build: Callable[[ColumnElement[bool]], Any], column: ColumnElement[int]
) -> dict[str, Any]:
    """By dialect, the statement over the rows whose ``column`` is in the list ``numbers``."""
    # One parameter however many numbers, so that the statement is compiled and planned once.
    array = any_(bindparam("numbers", type_=ARRAY(BigInteger)))
    listed = func.json_each(bindparam("numbers", type_=JSON)).table_valued("value")
    several = column.in_(select(listed.c.value))
    return {"sqlite": build(several), "postgresql": build(column == array)}


async def add_many(conn: AsyncConnection, insert: Insert, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert rows that all name the same columns; how many, or -1 where the driver does not say.

    The driver gets them as they are: SQLAlchemy's own way costs more than many an insert itself.
    ``insert`` is one that is built once.
    """
    if not rows:
        return 0
    names = tuple(rows[0])
    made = _MADE.get((insert, names, conn.dialect.name))
    if made is None:
        made = _MADE[insert, names, conn.dialect.name] = _make(insert, names, conn.dialect)
    sql, pick, processes = made
    columns = list(zip(*map(pick, rows), strict=True))
    for place, process in processes:
        columns[place] = tuple(map(process, columns[place]))
    return (await conn.exec_driver_sql(sql, list(zip(*columns, strict=True)))).rowcount


_Made = tuple[str, Callable[[Mapping[str, Any]], Any], list[tuple[int, Callable[[Any], Any]]]]
_MADE: dict[tuple[Insert, tuple[str, ...], str], _Made] = {}


def _make(insert: Insert, names: tuple[str, ...], dialect: Dialect) -> _Made:
    """The statement for the driver, and how a row becomes its parameters."""
    compiled = insert.compile(dialect=dialect, column_keys=list(names))
    order = compiled.positiontup or []
    found = [
        (place, insert.table.c[name].type.dialect_impl(dialect).bind_processor(dialect))
        for place, name in enumerate(order)
    ]
    return str(compiled), itemgetter(*order), [(at, each) for at, each in found if each]


def driver_of(conn: AsyncConnection) -> Any:
    """The driver's own connection, of one that is open."""
    if conn.sync_connection is None:
        raise RuntimeError("the connection is not open")
    return conn.sync_connection.connection.driver_connection


def needs_locks(conn: AsyncConnection) -> bool:
    """Whether two can write at once. SQLite lets in one writer at a time anyway."""
    return conn.dialect.name == "postgresql"


async def lock(conn: AsyncConnection, keys: Iterable[bytes]) -> None:
    """Hold these blind indexes until the transaction ends; other processes wait for them.

    PostgreSQL's advisory locks; two keys that agree in their first eight bytes share one. One call
    takes them in one order, so single calls never deadlock. Transactions that call more than once
    can: PostgreSQL then ends one of them, which surfaces as ``database.Unavailable``, and its
    messages are tried again.
    """
    if not needs_locks(conn):
        return
    numbers = sorted({int.from_bytes(key[:8], "big", signed=True) for key in keys})
    if numbers:
        await conn.execute(_LOCK, {"numbers": numbers})


_NUMBERS = (
    func.unnest(bindparam("numbers", type_=ARRAY(BigInteger)))
    .table_valued(column("number", BigInteger))
    .render_derived()
)
_LOCK = select(func.pg_advisory_xact_lock(_NUMBERS.c.number))
