"""All records of one database, copied into another one of either kind, as they are.

The copy is made page by page in the order of the keys, so that one that was broken off goes on
where it stopped: every row that is in the target already must be the source's. Until the last page
is there the target bears a mark in place of its revision, and nobody opens it. Sealed values stay
sealed: no key is needed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import migrations, tables
from storage.database import Database
from storage.numbers import given_out, go_on_behind
from storage.pages import Key, Page, Pages, Taken, Unfit
from storage.scaffolding import put_up, take_down
from storage.seclusion import InUse, alone, look, still, take_time

PAGE = 10_000
"""Rows in one transaction, and at most so many in memory, twice."""
PAGES = {"reports": 1, "inbox": 2_000, "conversations": 2_000}
"""The same for tables whose rows may be long: a report is one value of many megabytes."""

_RING = select(tables.ring.c.key_check).order_by(tables.ring.c.id).limit(1)
"""By which ring the records are sealed; rows that follow say with which of its keys."""

_MARK = text("UPDATE alembic_version SET version_num = :revision")

Report = Callable[[int, int], None]
"""Is told how many rows of how many are where they belong."""


class CannotCopy(Exception):
    """Nothing (more) was copied; the message says why in one line, without a value."""


@dataclass(frozen=True, slots=True)
class CopiedTable:
    """A table as it is in both databases now: its rows, and how many of them were written now."""

    name: str
    rows: int
    written: int


@dataclass(frozen=True, slots=True)
class Origin:
    """The source as it was at one moment, and what is to arrive: rows and numbers by table."""

    database: Database
    conn: AsyncConnection
    rows: Mapping[str, int]
    numbers: Mapping[str, int]

    def pages(self, name: str) -> Pages:
        """A table of it."""
        return _pages(name, self.database.dialect)


@asynccontextmanager
async def origin(source: Database, *, live: bool = False) -> AsyncIterator[Origin]:
    """Hold the source still; if it is ``live``, look at it as it is now while others go on.

    Changes nothing. Raise CannotCopy, Unavailable.
    """
    revision = (await look(source)).revision
    if revision != migrations.HEAD:
        raise CannotCopy(_advice(revision))
    try:
        async with still(source, live=live) as conn:
            rows = {name: await _pages(name, source.dialect).count(conn) for name in _names()}
            yield Origin(source, conn, rows, await given_out(conn))
    except InUse:
        raise CannotCopy("somebody has it open: stop every hesbot on it first") from None


async def copy(source: Origin, target: Database, report: Report) -> list[CopiedTable]:
    """Copy what is not in the target yet, and see that all is there. Raise CannotCopy, Unavailable.

    A target that was refused is as it was; one where the copy was broken off bears the mark.
    """
    if _same_file(source.database, target):
        raise CannotCopy("it is the database to be copied")
    try:
        async with alone(target):
            return await _Copy(source, target, report).run()
    except InUse:
        raise CannotCopy("it is the database to be copied, or another copy goes there") from None
    except IntegrityError:
        raise CannotCopy("rows of the source refer to others that are not there") from None


@dataclass(slots=True)
class _Copy:
    source: Origin
    target: Database
    report: Report
    done: int = 0

    async def run(self) -> list[CopiedTable]:
        marked = await self._prepare()
        found = {name: await self._found(name) for name in _names()}
        missing = {name: self.source.rows[name] - rows for name, (rows, _) in found.items()}
        if any(missing.values()) and not marked:
            await self._begin()
        for name, (_, key) in found.items():
            await self._go_on(name, key)
        await self._count()
        await self._finish()
        return [CopiedTable(name, self.source.rows[name], missing[name]) for name in _names()]

    async def _prepare(self) -> bool:
        """See that the target may be written to, make its tables; whether it bears the mark."""
        found = await look(self.target)
        revision = found.revision
        if revision is None and found.has_tables:
            raise CannotCopy("it has tables of something else: name an empty database")
        if revision not in (None, migrations.HEAD, migrations.COPYING):
            raise CannotCopy(_advice(revision))
        if revision is None:
            await self.target.upgrade()
            return False
        async with self.target.read() as conn:
            own = await conn.scalar(_RING)
        theirs = await self.source.conn.scalar(_RING)
        if own is not None and own != theirs:
            raise CannotCopy("its records were sealed with other keys: name an empty database")
        return revision == migrations.COPYING

    async def _found(self, name: str) -> tuple[int, Key | None]:
        """How many rows are there, and the last one's key; raise CannotCopy unless the source
        begins with the very same rows."""
        theirs, ours = self.source.pages(name), _pages(name, self.target.dialect)
        rows, key = 0, None
        async with self.target.read() as conn:
            await take_time(conn)
            while there := await ours.after(conn, key):
                if await theirs.after(self.source.conn, key, len(there)) != there:
                    raise CannotCopy(
                        f"{name}: it has rows that are not, or no longer, the source's: "
                        "name an empty database"
                    )
                rows, key = rows + len(there), ours.key_of(there[-1])
                self._tell(len(there))
        return rows, key

    async def _go_on(self, name: str, key: Key | None) -> None:
        pages = self.source.pages(name)
        while page := await pages.after(self.source.conn, key):
            await self._write(name, key, page)
            key = pages.key_of(page[-1])
            self._tell(len(page))

    async def _write(self, name: str, key: Key | None, page: Page) -> None:
        """Write a page behind the key, and read it again."""
        ours = _pages(name, self.target.dialect)
        try:
            async with self.target.begin() as conn:
                if await ours.last_key(conn) != key:
                    raise Taken
                await ours.load(conn, page)
                if await ours.after(conn, key, len(page)) != page:
                    raise CannotCopy(f"{name}: rows do not arrive as they are in the source")
        except Unfit:
            raise CannotCopy(f"{name}: a value does not fit into this database") from None
        except Taken:
            raise CannotCopy(f"{name}: somebody else is writing to it") from None

    async def _count(self) -> None:
        async with self.target.read() as conn:
            await take_time(conn)
            for name, rows in self.source.rows.items():
                if await _pages(name, self.target.dialect).count(conn) != rows:
                    raise CannotCopy(f"{name}: somebody else has written to it")

    async def _begin(self) -> None:
        """From here on nobody opens the target, so that it need not be whole."""
        async with self.target.begin() as conn:
            await conn.execute(_MARK, {"revision": migrations.COPYING})
            await take_down(conn)

    async def _finish(self) -> None:
        await put_up(self.target)
        async with self.target.begin() as conn:
            await go_on_behind(conn, self.source.numbers)
        async with self.target.begin() as conn:
            await take_time(conn)
            if self.target.dialect == "sqlite":
                # A look at a part of each index says as much as all of it.
                await conn.execute(text("PRAGMA analysis_limit = 1000"))
            for name in _names():
                await conn.execute(text(f'ANALYZE "{name}"'))
        async with self.target.begin() as conn:
            await conn.execute(_MARK, {"revision": migrations.HEAD})

    def _tell(self, rows: int) -> None:
        self.done += rows
        self.report(self.done, sum(self.source.rows.values()))


def _names() -> list[str]:
    """The tables, each behind those that it refers to."""
    return [table.name for table in tables.metadata.sorted_tables]


def _pages(name: str, dialect: str) -> Pages:
    return Pages(tables.metadata.tables[name], PAGES.get(name, PAGE), dialect)


def _advice(revision: str | None) -> str:
    if revision is None:
        return "there are no records of hesbot"
    if revision == migrations.COPYING:
        return "it is a copy that is not finished"
    return f"it is at revision {revision}, not {migrations.HEAD}: run `hesbot db upgrade` on it"


def _same_file(one: Database, other: Database) -> bool:
    if one.file is None or other.file is None or not other.file.exists():
        return False
    return one.file.samefile(other.file)
