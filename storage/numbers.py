"""How far the numbers of rows were given out, so that another database goes on behind them.

A number that left the database (an errand asks about a link by it) must never be given again, even
where its row is gone. Knows of tables only that they number their rows.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Table, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import tables

NUMBERED: dict[str, Table] = {
    table.name: table
    for table in tables.metadata.sorted_tables
    if table.autoincrement_column is not None
}
"""The tables whose rows the database numbers, in a column ``id``."""

_GIVEN = text("SELECT pg_sequence_last_value(pg_get_serial_sequence(:name, 'id')::regclass)")
_GO_ON = text("SELECT setval(pg_get_serial_sequence(:name, 'id')::regclass, :number)")

_KEPT = text("SELECT name, seq FROM sqlite_sequence")
_FORGET = text("DELETE FROM sqlite_sequence WHERE name = :name")
_KEEP = text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :number)")
"""SQLite keeps no constraint on this table of its own."""


async def given_out(conn: AsyncConnection) -> dict[str, int]:
    """By table, the highest number that was ever given; 0 for none."""
    kept = await (_sequences if conn.dialect.name == "postgresql" else _counters)(conn)
    found = {}
    for name, table in NUMBERED.items():
        highest = await conn.scalar(select(func.max(table.c.id)))
        found[name] = max(highest or 0, kept.get(name, 0))
    return found


async def go_on_behind(conn: AsyncConnection, numbers: Mapping[str, int]) -> None:
    """Give out only higher numbers than these, and than those that were given out here."""
    own = await given_out(conn)
    behind = {name: max(numbers.get(name, 0), own[name]) for name in NUMBERED}
    for name, number in behind.items():
        if conn.dialect.name == "postgresql":
            if number:
                await conn.execute(_GO_ON, {"name": name, "number": number})
        elif NUMBERED[name].dialect_options["sqlite"]["autoincrement"]:
            await conn.execute(_FORGET, {"name": name})
            await conn.execute(_KEEP, {"name": name, "number": number})


async def _sequences(conn: AsyncConnection) -> dict[str, int]:
    return {name: await conn.scalar(_GIVEN, {"name": name}) or 0 for name in NUMBERED}


async def _counters(conn: AsyncConnection) -> dict[str, int]:
    return {row.name: row.seq for row in await conn.execute(_KEPT)}
