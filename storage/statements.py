"""The few things that SQLite and PostgreSQL must be told differently. Knows no table."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Column,
    ColumnElement,
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
