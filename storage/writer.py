"""The one connection that writes to SQLite: kept open, and lent to one transaction after another.

To take a connection from a pool and give it back costs several times what a short transaction does.
This module knows no table.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from storage.sqlite import WRITE
from storage.statements import driver_of


class Writer:
    """Lends the connection in the order in which it is asked for. ``queue`` is how many seconds to
    wait for one's turn."""

    def __init__(self, engine: AsyncEngine, queue: float) -> None:
        self._engine = engine
        self._queue = queue
        self._turn = asyncio.Lock()
        self._connection: AsyncConnection | None = None

    @asynccontextmanager
    async def turn(self, within: float | None = None) -> AsyncIterator[AsyncConnection]:
        """The connection, and nobody else has it. Raise the pool's TimeoutError."""
        await self._wait(within)
        try:
            yield await self._opened()
        finally:
            self._turn.release()

    @asynccontextmanager
    async def transaction(self, within: float | None) -> AsyncIterator[AsyncConnection]:
        """One write transaction; raise the pool's TimeoutError or the driver's errors."""
        await self._wait(within)
        try:
            connection = await self._opened()
            driver = driver_of(connection)
            # Begins at the first statement, in the same journey; so there is nothing to wait for.
            driver.begin(WRITE)
            yield connection
            # SQLAlchemy knows of it only where it was asked something.
            await (connection if connection.in_transaction() else driver).commit()
        except BaseException:
            # Even if the caller was cancelled: the next one must not find it half-way.
            undoing = asyncio.ensure_future(self._undo())
            undoing.add_done_callback(lambda _: self._turn.release())
            await asyncio.shield(undoing)
            raise
        self._turn.release()

    async def close(self) -> None:
        """Close the connection; the next transaction opens another."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.close()

    async def _wait(self, within: float | None) -> None:
        if not self._turn.locked():
            await self._turn.acquire()
            return
        try:
            async with asyncio.timeout(self._queue if within is None else within):
                await self._turn.acquire()
        except TimeoutError as error:
            raise PoolTimeout("the writing connection is taken") from error

    async def _opened(self) -> AsyncConnection:
        if self._connection is None:
            self._connection = await self._engine.connect()
        return self._connection

    async def _undo(self) -> None:
        connection = self._connection
        if connection is None:
            return
        await connection.rollback()
        if connection.invalidated:
            # So SQLAlchemy leaves it where a statement was broken off by a cancellation.
            await self.close()
        else:
            # Where a commit failed, SQLAlchemy believes that it is over.
            await driver_of(connection).rollback()
