"""PostgreSQL by asyncpg: a known number of connections, and none that is waited for in vain.

How many a process holds, at most: WRITERS + READERS + 1 that tries whether one could write = 9. Of
these it keeps 5 once it has needed them; the rest it gives back. ``hesbot web`` has no others.
``hesbot worker`` and ``hesbot run`` have DBOS's 4 besides: 13. So n web and m worker processes need
9 n + 13 m connections, and whoever looks in from outside a few more.

It takes no more because few things happen at once: the desk writes one batch at a time, and beside
it marks, messengers' reports, other systems and staff write now and then; in a worker each
messenger's sender writes one round at a time, and beside it the timetable and the conductor of
broadcasts. Readers come and go within milliseconds. Whoever finds all taken waits for one.

This module knows no table.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import asyncpg
from sqlalchemy import URL, event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from storage.statements import driver_of

WRITERS, READERS = 4, 4
"""Connections at most."""
KEPT = 2
"""Of the writing ones and of the reading ones, those that are kept."""

SILENCE, PROBES, EVERY = 10, 3, 5
"""Seconds of silence after which the other end is probed, how often, and how many seconds apart."""
UNHEARD = (SILENCE + PROBES * EVERY) * 1000
"""Milliseconds after which a line on which nothing is confirmed is given up."""


def engines(
    url: URL, *, lock: float, statement: float, connect: float, queue: float
) -> tuple[AsyncEngine, AsyncEngine, AsyncEngine]:
    """The engine that writes, the one that reads, and the one that tries whether one could write.

    ``lock``, ``statement`` and ``connect`` are how long to wait for another's lock, for the end of
    one statement, and for a connection to be made; ``queue``, for one of ours. All in seconds.
    """
    settings = {
        "application_name": "hesbot",
        "timezone": "UTC",
        "lock_timeout": _milliseconds(lock),
        "statement_timeout": _milliseconds(statement),
        "idle_in_transaction_session_timeout": _milliseconds(statement),
        # Statements here touch a handful of rows by index; compiling them never pays.
        "jit": "off",
    }
    arguments = {"server_settings": settings, "timeout": connect, "async_creator_fn": _connect}
    writing = _engine(url, arguments, queue, WRITERS)
    reading = _engine(url, arguments, queue, READERS)
    probing = _engine(url, arguments, queue, 1)
    return writing, reading.execution_options(postgresql_readonly=True), probing


class Knife:
    """Cuts a line at the earliest moment that it is set to, whatever is waited for on it.

    What was waited for fails then as if the server had hung up. A timeout that merely cancels would
    wait for the server's word that it has stopped, and that may be what does not come.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._driver = driver_of(connection)
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def set(self, seconds: float) -> None:
        """Cut in so many seconds, unless it is set to an earlier moment."""
        moment = self._loop.time() + seconds
        if self._timer is not None:
            if self._timer.when() <= moment:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(moment, self._driver.terminate)

    def put_away(self, *_: object) -> None:
        """Nothing is waited for any more."""
        if self._timer is not None:
            self._timer.cancel()


def _engine(url: URL, arguments: dict[str, Any], queue: float, connections: int) -> AsyncEngine:
    kept = min(connections, KEPT)
    engine = create_async_engine(
        url,
        # Parameters are never quoted in errors: they are people's values.
        hide_parameters=True,
        connect_args=dict(arguments),
        pool_size=kept,
        max_overflow=connections - kept,
        pool_timeout=queue,
    )
    event.listen(engine.sync_engine, "checkout", _refuse_lost)
    return engine


def _refuse_lost(lost: Any, _record: Any, _proxy: Any) -> None:
    """A server that restarts hangs up on all its connections, so that none of them need be tried:
    asking the server first would cost three journeys for every transaction."""
    if lost.driver_connection.is_closed():
        raise InvalidatePoolError


async def _connect(*names: Any, **options: Any) -> Any:
    connection = await asyncpg.connect(*names, **options)
    transport = connection._transport
    watch(transport.get_extra_info("socket"))
    return connection


def watch(line: socket.socket | None) -> None:
    """Let the system find out when the other end is gone without a word."""
    if line is None or line.family == socket.AF_UNIX:
        return
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", SILENCE),
        ("TCP_KEEPINTVL", EVERY),
        ("TCP_KEEPCNT", PROBES),
        ("TCP_USER_TIMEOUT", UNHEARD),
    ):
        # Not every system has all of them.
        if (option := getattr(socket, name, None)) is not None:
            line.setsockopt(socket.IPPROTO_TCP, option, value)


def _milliseconds(seconds: float) -> str:
    return str(int(seconds * 1000))
