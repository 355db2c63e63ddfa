"""Old messages are forgotten by themselves, and again after the records were down."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from bot.app import forgetting, open_house
from bot.retention import INBOX_KEPT, forget
from bot.settings import Settings
from conversations.events import Address
from storage import Connection, Conversations, Database, Kept, KeyRing, Vault
from storage.database import Patience
from tests.bot.office import NOW
from tests.fakes.waiting import Pulse

ADDRESS = Address("web", "visitor")
MINUTE = timedelta(minutes=1)


class WatchedDatabase(Database):
    """A database that can be asked to wait until writing was tried so often."""

    tries: int
    pulse: Pulse

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Connection]:
        try:
            async with super().begin() as connection:
                yield connection
        finally:
            if hasattr(self, "pulse"):
                self.tries += 1
                self.pulse.beat()

    async def tried(self, times: int) -> None:
        """Wait until writing was tried so often from now on."""
        self.tries, self.pulse = 0, Pulse()
        await self.pulse.until(lambda: self.tries >= times)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[WatchedDatabase]:
    """A database that is soon tired of waiting for a lock."""
    opened = await WatchedDatabase.open(None, home=tmp_path, patience=Patience(lock=0.01))
    assert isinstance(opened, WatchedDatabase)
    yield opened
    await opened.close()


@asynccontextmanager
async def at_it(database: Database, conversations: Conversations) -> AsyncIterator[None]:
    """Forgetting all the time."""
    task = asyncio.create_task(forget(database, conversations, lambda: NOW, every=0.001))
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def keep_messages(database: Database, conversations: Conversations) -> None:
    """One message that is just old enough, and one that is just not."""
    for message, age in (("old", INBOX_KEPT + MINUTE), ("new", INBOX_KEPT - MINUTE)):
        async with database.begin() as connection:
            kept = [Kept(ADDRESS, message, b"answer")]
            await conversations.keep(connection, {}, kept, NOW - age)


async def remembered(database: Database, conversations: Conversations) -> set[str]:
    """The messages that are still known."""
    asked = [(ADDRESS, "old"), (ADDRESS, "new")]
    async with database.read() as connection:
        return {message for _, message in await conversations.answers(connection, asked)}


async def test_messages_are_forgotten_after_a_week(database: WatchedDatabase) -> None:
    """What no messenger sends again any more is deleted, and nothing else."""
    conversations = Conversations(Vault(KeyRing.new()))
    await keep_messages(database, conversations)
    async with at_it(database, conversations):
        await database.tried(times=2)
        assert await remembered(database, conversations) == {"new"}


async def test_while_the_records_are_down_it_waits_for_the_next_time(
    database: WatchedDatabase, tmp_path: Path
) -> None:
    """A locked database ends nothing."""
    conversations = Conversations(Vault(KeyRing.new()))
    await keep_messages(database, conversations)
    with closing(sqlite3.connect(tmp_path / "hesbot.sqlite3")) as other:
        other.execute("BEGIN IMMEDIATE")
        async with at_it(database, conversations):
            await database.tried(times=2)
            assert await remembered(database, conversations) == {"old", "new"}
            other.rollback()
            await database.tried(times=2)
            assert await remembered(database, conversations) == {"new"}


async def test_a_fault_in_forgetting_ends_the_work(tmp_path: Path) -> None:
    """A task that died unseen would let the inbox grow for ever."""
    settings = Settings(hesbot_home=tmp_path, hesbot_now=NOW)
    async with open_house(settings) as house:
        async with house.database.begin() as connection:
            await connection.exec_driver_sql("ALTER TABLE inbox RENAME TO outbox")
        with pytest.raises(ExceptionGroup):
            async with forgetting(house):
                await asyncio.Event().wait()
