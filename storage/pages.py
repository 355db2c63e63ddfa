"""The rows of any table, a page at a time in the order of its primary key, read and loaded.

Rows are plain tuples with the same values on every database; they go past the types' own
conversions, which for millions of rows cost several times the reading. The order is the same on
every database too. Knows no table's purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import asyncpg
from sqlalchemy import (
    Boolean,
    ColumnElement,
    DateTime,
    String,
    Table,
    TypeDecorator,
    collate,
    func,
    literal,
    select,
    tuple_,
    type_coerce,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import NullType, TypeEngine

from storage.database import Unavailable
from storage.statements import driver_of

Key = tuple[Any, ...]
"""The values of a primary key, in the order of its columns."""

Page = list[tuple[Any, ...]]

Conversion = Callable[[Any], Any]
"""From what one database keeps to the value, or back; never for NULL."""


def _moment(text: str) -> datetime:
    # Quicker than putting the zone into it afterwards.
    return datetime.fromisoformat(f"{text}+00:00")


def _text(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(" ", "microseconds")


_FROM_SQLITE: dict[type[TypeEngine[Any]], Conversion] = {DateTime: _moment, Boolean: bool}
_TO_SQLITE: dict[type[TypeEngine[Any]], Conversion] = {DateTime: _text, Boolean: int}
"""What SQLite has no type for. PostgreSQL's driver takes and gives all values as they are."""


class Unfit(Exception):
    """A value that this database cannot hold. Nothing of its page was loaded."""


class Taken(Exception):
    """A row of such a key is there already. Nothing of its page was loaded."""


class Pages:
    """One table, ``size`` rows a page, on a database of the ``dialect``."""

    def __init__(self, table: Table, size: int, dialect: str) -> None:
        self.table = table
        self.size = size
        self._dialect = dialect
        self._names = [column.name for column in table.columns]
        self._key = list(table.primary_key.columns)
        self._places = [self._names.index(column.name) for column in self._key]
        self._order = [_ordered(column, dialect) for column in self._key]
        raw = [type_coerce(column, NullType()).label(column.name) for column in table.columns]
        self._rows = select(*raw).order_by(*self._order)

    def key_of(self, row: tuple[Any, ...]) -> Key:
        """The row's primary key."""
        return tuple(row[place] for place in self._places)

    async def after(self, conn: AsyncConnection, key: Key | None, limit: int | None = None) -> Page:
        """The rows behind the key, or the first ones: a page, or ``limit`` if there are so many."""
        wanted = self._rows.limit(limit or self.size)
        if key is not None:
            wanted = wanted.where(self._behind(key))
        rows = (await conn.execute(wanted)).all()
        return self._converted(rows, _FROM_SQLITE)

    async def last_key(self, conn: AsyncConnection) -> Key | None:
        """The highest key; None if there are no rows."""
        backwards = [each.desc() for each in self._order]
        found = await conn.execute(select(*self._key).order_by(*backwards).limit(1))
        row = found.first()
        return None if row is None else tuple(row)

    async def count(self, conn: AsyncConnection) -> int:
        """How many rows there are."""
        return (await conn.execute(select(func.count()).select_from(self.table))).scalar_one()

    async def load(self, conn: AsyncConnection, rows: Page) -> None:
        """Write rows of a table of the same form. Raise Unfit, Taken, Unavailable.

        The transaction must have been used before: it begins with its first statement, and what
        goes past SQLAlchemy is none.
        """
        if self._dialect == "postgresql":
            await self._pour(conn, rows)
            return
        names = ", ".join(f'"{name}"' for name in self._names)
        marks = ", ".join("?" * len(self._names))
        await conn.exec_driver_sql(
            f'INSERT INTO "{self.table.name}" ({names}) VALUES ({marks})',  # noqa: S608
            self._converted(rows, _TO_SQLITE),
        )

    async def _pour(self, conn: AsyncConnection, rows: Page) -> None:
        """By COPY, which is several times as fast as inserting."""
        try:
            await driver_of(conn).copy_records_to_table(
                self.table.name, records=rows, columns=self._names
            )
        except OverflowError as error:
            raise Unfit from error
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            raise _translated(error) from error

    def _converted(
        self,
        rows: Sequence[Sequence[Any]],
        conversions: dict[type[TypeEngine[Any]], Conversion],
    ) -> Page:
        if self._dialect != "sqlite" or not rows:
            return [tuple(row) for row in rows]
        columns = list(zip(*rows, strict=True))
        for place, column in enumerate(self.table.columns):
            for kind, convert in conversions.items():
                if isinstance(plain_type(column), kind):
                    columns[place] = tuple(
                        None if value is None else convert(value) for value in columns[place]
                    )
        return list(zip(*columns, strict=True))

    def _behind(self, key: Key) -> ColumnElement[bool]:
        values = [literal(value, column.type) for value, column in zip(key, self._key, strict=True)]
        if len(values) == 1:
            return self._order[0] > values[0]
        return tuple_(*self._order) > tuple_(*values)


def _ordered(column: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
    """PostgreSQL sorts texts by its locale's rules unless it is told otherwise."""
    if dialect == "postgresql" and isinstance(plain_type(column), String):
        return collate(column, "C")
    return column


def plain_type(column: ColumnElement[Any]) -> TypeEngine[Any]:
    """What the database keeps, under what Python makes of it."""
    kind: TypeEngine[Any] = column.type
    return kind.impl_instance if isinstance(kind, TypeDecorator) else kind


def _translated(error: Exception) -> Exception:
    # SQLSTATE classes (PostgreSQL manual, appendix A): data exception, integrity constraint.
    state = str(getattr(error, "sqlstate", ""))
    if state.startswith("22"):
        return Unfit()
    if state.startswith("23"):
        return Taken()
    return Unavailable("the database cannot serve at the moment")
