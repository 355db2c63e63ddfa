"""Connections to PostgreSQL: how many, how long they are waited for, what replaces lost ones."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import text

from storage import Connection, Contended, Database, Unavailable
from storage.database import Patience
from storage.postgresql import KEPT, READERS, UNHEARD, WRITERS, watch
from tests.bot.notices.town import until
from tests.storage.conftest import new_postgresql

OURS = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
END_OTHERS = text(
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
LOCK = text("SELECT pg_advisory_xact_lock(:number)")


@pytest.fixture
async def address(postgresql: str) -> str:
    """An empty database."""
    return await new_postgresql(postgresql)


@pytest.fixture
async def opened(address: str) -> AsyncIterator[Database]:
    """It, open; short of patience for connections."""
    database = await Database.open(address, patience=Patience(lock=0.2, statement=5, probe=5))
    yield database
    await database.close()


async def test_a_process_holds_no_more_connections_than_is_said(opened: Database) -> None:
    """With all of them taken it has nine, of which it keeps five."""
    async with AsyncExitStack() as stack:
        for _ in range(WRITERS - 1):
            await stack.enter_async_context(opened.begin())
        readers = [await stack.enter_async_context(opened.read()) for _ in range(READERS)]
        await opened.ping()
        await stack.enter_async_context(opened.begin())
        assert await readers[0].scalar(OURS) == WRITERS + READERS + 1 == 9
        with pytest.raises(Unavailable):
            async with opened.begin(within=0.1):
                raise AssertionError
    async with opened.read() as reader:
        await until(lambda: _has(reader, 2 * KEPT + 1))


async def _has(reader: Connection, connections: int) -> bool:
    return bool(await reader.scalar(OURS) == connections)


async def test_lost_connections_are_replaced_and_nobody_notices(opened: Database) -> None:
    """A server that restarts hangs up on all that are idle, too."""
    await opened.ping()
    async with opened.begin(), opened.begin(), opened.read():
        """So that there are several."""
    other = Database.as_it_is(opened._writing.url.render_as_string(hide_password=False))
    async with other.read() as connection:
        assert await connection.scalar(END_OTHERS) == 4
    await other.close()
    # The news is on its way here.
    await asyncio.sleep(0.2)
    async with opened.begin(), opened.begin(), opened.read() as connection:
        assert await connection.scalar(text("SELECT 1")) == 1
    await opened.ping()


async def test_whoever_would_not_wait_is_told_in_time(opened: Database) -> None:
    """Whatever the server is doing; and the connection is not used again."""
    began = asyncio.get_running_loop().time()
    with pytest.raises(Unavailable):
        async with opened.begin(within=0.3) as connection:
            await connection.execute(text("SELECT pg_sleep(4)"))
    assert asyncio.get_running_loop().time() - began < 2
    async with opened.begin(within=2) as connection:
        assert await connection.scalar(text("SELECT 1")) == 1


async def test_who_is_done_in_time_is_left_alone_after_it(opened: Database) -> None:
    """The same connection serves the next one for longer than the first one would have waited."""
    async with opened.begin(within=0.3) as connection:
        own = await connection.scalar(text("SELECT pg_backend_pid()"))
    async with opened.begin() as connection:
        assert await connection.scalar(text("SELECT pg_backend_pid()")) == own
        await connection.execute(text("SELECT pg_sleep(0.5)"))


async def test_two_that_wait_for_each_other_are_told_apart_from_an_outage(address: str) -> None:
    """One of the two yields and may try again at once; the other goes on."""
    database = await Database.open(address)
    first, second = asyncio.Event(), asyncio.Event()

    async def take(one: int, other: int, mine: asyncio.Event, theirs: asyncio.Event) -> None:
        async with database.begin() as connection:
            await connection.execute(LOCK, {"number": one})
            mine.set()
            await theirs.wait()
            await connection.execute(LOCK, {"number": other})

    found = await asyncio.gather(
        take(1, 2, first, second), take(2, 1, second, first), return_exceptions=True
    )
    await database.close()
    assert [type(each) for each in found if each] == [Contended]


def test_a_line_that_was_cut_is_noticed() -> None:
    """By the system, though nobody hangs up and nothing is sent."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as line,
    ):
        watch(line)
        assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == UNHEARD
    assert UNHEARD < 30_000
