"""Indexes and references of the tables, taken down while rows are loaded and put up again.

Kept up to date with every row they cost several times the rows; made at the end they are sorted
once. What is missing is seen by looking, so that it does not matter where somebody was stopped.
Primary keys always stay.
"""

from __future__ import annotations

from sqlalchemy import (
    Connection,
    Constraint,
    ForeignKeyConstraint,
    Index,
    Inspector,
    Table,
    UniqueConstraint,
    inspect,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.schema import AddConstraint, DropConstraint, DropIndex

from storage import tables
from storage.database import Database
from storage.seclusion import take_time

Part = Index | Constraint


async def take_down(conn: AsyncConnection) -> None:
    """Remove what can be put up again."""
    parts = await conn.run_sync(_standing)
    # What refers to a key goes before the key.
    for part in sorted(parts, key=lambda part: not isinstance(part, ForeignKeyConstraint)):
        await conn.execute(DropIndex(part) if isinstance(part, Index) else DropConstraint(part))


async def put_up(database: Database) -> None:
    """Make what is missing, each in a transaction of its own."""
    async with database.read() as conn:
        standing = await conn.run_sync(_standing)
    parts = _parts(database.dialect)
    # What refers to a key comes behind the key.
    for part in sorted(parts, key=lambda part: isinstance(part, ForeignKeyConstraint)):
        if part in standing:
            continue
        async with database.begin() as conn:
            await take_time(conn)
            if database.dialect == "postgresql":
                await conn.execute(text("SET LOCAL maintenance_work_mem = '256MB'"))
            if isinstance(part, Index):
                await conn.run_sync(part.create)
            else:
                await conn.execute(AddConstraint(part))


def _parts(dialect: str) -> list[Part]:
    """All that there should be; SQLite has constraints within its tables, where they stay."""
    found: list[Part] = []
    for table in tables.metadata.sorted_tables:
        found += sorted(table.indexes, key=lambda index: str(index.name))
        if dialect == "postgresql":
            kinds = (UniqueConstraint, ForeignKeyConstraint)
            found += [each for each in table.constraints if isinstance(each, kinds)]
    return found


def _standing(conn: Connection) -> list[Part]:
    """Those that are there."""
    inspector = inspect(conn)
    names = {table.name: _names(inspector, table) for table in tables.metadata.sorted_tables}
    return [
        part
        for part in _parts(conn.dialect.name)
        if isinstance(part.table, Table) and part.name in names[part.table.name]
    ]


def _names(inspector: Inspector, table: Table) -> set[str | None]:
    return {
        each["name"]
        for kind in (
            inspector.get_indexes(table.name),
            inspector.get_unique_constraints(table.name),
            inspector.get_foreign_keys(table.name),
        )
        for each in kind
    }
