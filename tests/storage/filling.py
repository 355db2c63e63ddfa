"""Rows for every table there is, made from what its columns can hold: for whoever must lose none.

A table or a kind of column that is new is filled too, or stops the test that asks for it.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Column, Table, insert, select

from storage import tables
from storage.database import Database
from storage.pages import plain_type

ROWS = 12
MOMENT = datetime(2021, 1, 15, 5, 59, 59, 999_983, tzinfo=UTC)
WORDS = ("a", "B", "ç", "İ", "ı", "_", "Z", "💳", "", "'", '"\n', "Ğ\\")
"""In an order that no dictionary has; each stands at the beginning of one row's texts."""


async def fill(database: Database, rows: int = ROWS) -> None:
    """Fill every table; references lead to rows that are there."""
    async with database.begin() as conn:
        for table in tables.metadata.sorted_tables:
            number = 1 if table.name == "ring" else rows
            await conn.execute(insert(table), [row(table, each) for each in range(number)])


def row(table: Table, number: int) -> dict[str, Any]:
    """The row of that number, counted from 0; every third one has NULL wherever it may be."""
    return {
        column.name: None if column.nullable and number % 3 == 2 else value(column, number)
        for column in table.columns
    }


def value(column: Column[Any], number: int) -> Any:
    """Something that the column can hold and no other row has there."""
    if column.foreign_keys:
        (key,) = column.foreign_keys
        return value(key.column, number)
    if column.name == "id":
        return 10 * number + 7
    kind = plain_type(column).python_type
    if kind is int:
        big = isinstance(column.type, BigInteger)
        return (2**62 if big else 2**31) - 1 - number
    if kind is str:
        return f"{WORDS[number % len(WORDS)]} {column.name} {number}"
    return {
        bytes: b"\0\xff'" + hashlib.sha256(f"{column}{number}".encode()).digest()[:13],
        bool: number % 2 == 0,
        float: 1_610_000_000.123456789 + number / 7,
        datetime: MOMENT + timedelta(days=1000 * number, microseconds=number),
    }[kind]


async def contents(database: Database) -> dict[str, list[Any]]:
    """All rows of all tables."""
    async with database.read() as conn:
        return {
            table.name: sorted(tuple(row) for row in await conn.execute(select(table)))
            for table in tables.metadata.sorted_tables
        }
