"""SQLite by aiosqlite, with one journey to its thread per statement.

aiosqlite goes there to make a cursor, to execute, to fetch and to close, which for a batch of short
statements costs several times the statements themselves. This module knows no table.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import aiosqlite
from sqlalchemy import URL, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

_SETTINGS = ("synchronous = FULL", "foreign_keys = ON", "secure_delete = ON")
"""FULL syncs the log at every commit; in WAL mode SQLite's default may lose the last ones.
``secure_delete`` overwrites what is deleted, so that nobody erased is found in the file."""


class Cursor:
    """Holds all rows of one statement as soon as it has run. There is no streaming: page by key."""

    arraysize = 1

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> Cursor:
        return self

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Cursor:
        """Run one statement and take its rows."""
        await self._connection.visit(self._run, sql, parameters)
        return self

    async def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> Cursor:
        """Run one statement for each set of parameters."""
        await self._connection.visit(self._run_many, sql, parameters)
        return self

    async def fetchall(self) -> list[Any]:
        """The rows of the statement."""
        return self._rows

    async def close(self) -> None:
        """Nothing is left open."""

    def _run(self, sqlite: sqlite3.Connection, sql: str, parameters: Sequence[Any]) -> None:
        self._take(sqlite.execute(sql, parameters))

    def _run_many(
        self, sqlite: sqlite3.Connection, sql: str, parameters: Iterable[Sequence[Any]]
    ) -> None:
        self._take(sqlite.executemany(sql, parameters))

    def _take(self, cursor: sqlite3.Cursor) -> None:
        self._rows = cursor.fetchall()
        self.description = cursor.description
        self.rowcount = cursor.rowcount
        self.lastrowid = cursor.lastrowid
        cursor.close()


class Connection(aiosqlite.Connection):
    """A connection whose cursors go to the thread once; what nobody waits for goes along."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._opening = ""
        self._begun = False
        self._left: list[_Errand] = []

    async def _connect(self) -> aiosqlite.Connection:
        try:
            return await super()._connect()
        except BaseException:
            # Told to stop, the thread answers to a loop that may be closed by then; wait for it.
            await asyncio.to_thread(self._thread.join)
            raise

    def cursor(self) -> Cursor:  # type: ignore[override]
        """A cursor; making it costs nothing."""
        return Cursor(self)

    def begin(self, opening: str) -> None:
        """Begin a transaction with the next statement."""
        self._opening = opening

    def leave(self, errand: Any, *arguments: Any) -> None:
        """Run a function as ``visit`` does, on the next journey; nobody hears what it returns.

        What it raises is raised there: by the next statement or by the commit.
        """
        self._left.append((errand, arguments))

    async def visit(self, errand: Any, *arguments: Any) -> Any:
        """Run a function in the connection's thread, with SQLite's own connection before all."""
        opening, self._opening = self._opening, ""
        left, self._left = self._left, []
        # Noted here: who is cancelled now cannot know whether the thread has got that far.
        self._begun = self._begun or bool(opening)
        work = (*left, (errand, arguments))
        return await self._execute(self._run_there, opening, work)  # type: ignore[no-untyped-call]

    def _run_there(self, opening: str, work: Sequence[_Errand]) -> Any:
        if opening:
            self._conn.execute(opening)
        found = None
        for errand, arguments in work:
            found = errand(self._conn, *arguments)
        return found

    async def commit(self) -> None:
        """Commit, if anything was begun."""
        if self._begun or self._left:
            await self.visit(sqlite3.Connection.commit)
        self._opening, self._begun = "", False

    async def rollback(self) -> None:
        """Undo, if anything was begun."""
        self._left.clear()
        if self._begun:
            await super().rollback()
        self._opening, self._begun = "", False


_Errand = tuple[Any, Sequence[Any]]
"""A function for the connection's thread, and what it is given besides SQLite's connection."""


def engines(
    url: URL, *, lock: float, queue: float, probe: float
) -> tuple[AsyncEngine, AsyncEngine, AsyncEngine]:
    """The engine that writes, the one that reads, and the one that tries whether one could write.

    One connection writes, so that writers of one process queue for it in order and do not poll the
    file's lock. ``lock`` is how long to wait for another process (``probe`` for the one that
    tries), ``queue`` for the connection, all in seconds.
    """
    Path(str(url.database)).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    writing = _engine(url, lock, queue, connections=1, settings=_SETTINGS)
    reading = _engine(url, lock, queue, connections=4, settings=(*_SETTINGS, "query_only = ON"))
    probing = _engine(url, probe, queue, connections=1, settings=_SETTINGS)
    event.listen(probing.sync_engine, "begin", _begin_immediate)
    event.listen(reading.sync_engine, "begin", _begin_deferred)
    return writing, reading, probing


def _engine(
    url: URL, lock: float, queue: float, *, connections: int, settings: tuple[str, ...]
) -> AsyncEngine:
    return create_async_engine(
        url,
        # Parameters are never quoted in errors: they are people's values.
        hide_parameters=True,
        connect_args={
            "timeout": lock,
            "isolation_level": None,
            "settings": settings,
            "async_creator_fn": _connect,
        },
        pool_size=connections,
        max_overflow=0,
        pool_timeout=queue,
        # A transaction here always ends before its connection goes back.
        pool_reset_on_return=None,
    )


def _connect(database: str, **options: Any) -> Connection:
    connection = Connection(lambda: _opened(database, **options), iter_chunk_size=64)
    # A process that is told to go must not wait for it.
    connection._thread.daemon = True
    return connection


def _opened(
    database: str, *, timeout: float, settings: tuple[str, ...], **options: Any
) -> sqlite3.Connection:
    connection: sqlite3.Connection = sqlite3.connect(database, timeout=timeout, **options)
    try:
        _use_write_ahead_log(connection, time.monotonic() + timeout)
        for setting in settings:
            connection.execute(f"PRAGMA {setting}")
    except BaseException:
        connection.close()
        raise
    return connection


def _use_write_ahead_log(connection: sqlite3.Connection, latest: float) -> None:
    # SQLite does not wait here by itself when several open a new file at once.
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > latest:
                raise
            time.sleep(0.01)
        else:
            return


WRITE = "BEGIN IMMEDIATE"
"""Waits for the lock at once, while nothing has been read that could be out of date by then."""


def _begin_immediate(connection: Any) -> None:
    connection.connection.driver_connection.begin(WRITE)


def _begin_deferred(connection: Any) -> None:
    connection.connection.driver_connection.begin("BEGIN")
