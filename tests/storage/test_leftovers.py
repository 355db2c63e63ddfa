"""What is left of deleted rows in SQLite's log goes soon, and nobody who works waits for it."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from storage import leftovers, tables
from storage.database import Database
from tests.bot.notices.town import until
from tests.storage.conftest import file_with_tables
from tests.storage.filling import MOMENT

VALUE = b"something-that-is-found"


@pytest.fixture
async def file(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with tables."""
    there = tmp_path / "records.sqlite3"
    there.write_bytes((await file_with_tables(tmp_path_factory)).read_bytes())
    return there


def is_left(file: Path) -> bool:
    """Whether the value stands in the database or beside it."""
    return any(VALUE in each.read_bytes() for each in file.parent.glob(f"{file.name}*"))


async def write_and_delete(database: Database, *, noted: bool) -> None:
    async with database.begin() as conn:
        await conn.execute(tables.passages.insert(), {"key": VALUE, "used_at": MOMENT})
    async with database.begin() as conn:
        await conn.execute(tables.passages.delete())
        if noted:
            leftovers.note(conn)


async def test_what_was_noted_is_gone_soon(file: Path) -> None:
    """Without the note it stays, which shows that there is something to clear."""
    database = await Database.open(f"sqlite:///{file}")
    async with database.cleared():
        await write_and_delete(database, noted=False)
        await asyncio.sleep(3 * leftovers.SOON)
        assert is_left(file)
        await write_and_delete(database, noted=True)
        await until(lambda: not is_left(file))
    await database.close()


async def test_it_is_tried_again_behind_a_reader(file: Path) -> None:
    """Who reads an old state holds it up, and writers go on meanwhile."""
    database = await Database.open(f"sqlite:///{file}")
    async with database.cleared():
        await write_and_delete(database, noted=False)
        with closing(sqlite3.connect(file)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM passages").fetchone()
            await write_and_delete(database, noted=True)
            await asyncio.sleep(4 * leftovers.SOON)
            await write_and_delete(database, noted=False)
            assert is_left(file)
        await until(lambda: not is_left(file))
    await database.close()


async def test_whoever_leaves_at_once_clears_before(file: Path) -> None:
    """A command is over before it would be tried, and others may have the file open."""
    database = await Database.open(f"sqlite:///{file}")
    with closing(sqlite3.connect(file)) as other:
        other.execute("SELECT count(*) FROM passages").fetchone()
        async with database.cleared():
            await write_and_delete(database, noted=True)
        assert not is_left(file)
    await database.close()


async def test_on_a_server_there_is_nothing_to_clear(database: Database) -> None:
    """A note is no trouble on either."""
    async with database.cleared(), database.begin() as conn:
        leftovers.note(conn)
