"""The one door to the database: SQLite by aiosqlite or PostgreSQL by asyncpg, same code.

A ``begin`` block is one write transaction. This module knows how each database wants to be
opened, locked and waited for, and which of its errors pass with time. It knows no table's purpose.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from storage import leftovers, migrations, postgresql, sqlite
from storage.writer import Writer

DEFAULT_FILE = "hesbot.sqlite3"

_UPGRADE_LOCK = 0x48455342_4F540001
"""Number of the PostgreSQL advisory lock under which the tables are changed ("HESBOT", 1)."""

_PASSING_SQLITE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PROTOCOL,
    }
)
"""Primary result codes (sqlite.org/rescode.html) that say nothing against the statement."""

_CONTENDED = ("40001", "40P01")
"""SQLSTATE of two transactions that could not both go on: serialization failure, deadlock."""

_PASSING_POSTGRESQL = ("08", "25006", "40", "53", "55P03", "57", "58")
"""Beginnings of SQLSTATE (PostgreSQL manual, appendix A): connection, standby, deadlock, resources
used up, lock not available, operator intervention and cancelled by timeout, system error."""


_SMALLEST_WRITE = {
    "sqlite": text("PRAGMA user_version = 0"),
    "postgresql": text("UPDATE alembic_version SET version_num = version_num"),
}
"""By dialect, a write that changes nothing and yet goes to the disk."""


ANSWER_WITHIN = 7.0
"""Seconds that a transaction may take for which a messenger or a person waits: Twilio hangs up
after 15, and an answer may have to wait for the end of another transaction first."""


class Unavailable(Exception):
    """The database cannot serve at the moment. Nothing was changed; try again later.

    The driver's own error is the cause. Where only the connection was lost while it was being
    committed, it may have been after all; whoever tries again must be told apart by what it wrote.
    """


class Contended(Unavailable):
    """Another transaction was in the way, and this one had to yield; tried again at once, it will
    most likely do."""


class UnknownDatabase(ValueError):
    """The database address is none that is served here."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds: for a lock, for one statement, for a connection, for a ping,
    for a transaction that was broken off to be undone."""

    lock: float = 5.0
    statement: float = 30.0
    connect: float = 5.0
    probe: float = 1.0
    undo: float = 1.0

    @property
    def queue(self) -> float:
        """How long to wait for a connection that is taken: a transaction of another's."""
        return self.lock + self.statement


class Database:
    """An open database at the newest revision. Close it after use."""

    def __init__(
        self, writing: AsyncEngine, reading: AsyncEngine, probing: AsyncEngine, patience: Patience
    ) -> None:
        self._writing = writing
        self._reading = reading
        self._probing = probing
        self._patience = patience
        self._writer = Writer(writing, patience.queue) if self.file else None
        self._attempt: asyncio.Task[None] | None = None
        self._leftovers = leftovers.watched(writing)

    @classmethod
    async def open(
        cls, url: str | None, *, home: Path | None = None, patience: Patience | None = None
    ) -> Database:
        """Open and upgrade the database at ``url``; without one, the file in ``home``.

        Raise UnknownDatabase, Unavailable, migrations.NewerSchema or migrations.HalfCopied.
        """
        database = cls._engines(_address(url, home), patience or Patience())
        try:
            await database.upgrade()
        except BaseException:
            await database.close()
            raise
        return database

    @classmethod
    def as_it_is(
        cls, url: str | None, *, home: Path | None = None, must_exist: bool = False
    ) -> Database:
        """The database at ``url``, at whatever revision; nothing is asked of it yet. Without one,
        the file in ``home``.

        A file that is not there is made at the first question. Raise UnknownDatabase.
        """
        address = _address(url, home)
        on_file = address.get_backend_name() == "sqlite"
        if on_file and must_exist and not Path(str(address.database)).is_file():
            raise UnknownDatabase("there is no such database file")
        return cls._engines(address, Patience())

    @classmethod
    def _engines(cls, url: URL, patience: Patience) -> Database:
        if url.get_backend_name() == "sqlite":
            waits = {"lock": patience.lock, "queue": patience.queue, "probe": patience.probe}
            return cls(*sqlite.engines(url, **waits), patience)
        waits = {"lock": patience.lock, "queue": patience.queue, "connect": patience.connect}
        engines = postgresql.engines(url, **waits, statement=patience.statement)
        return cls(*engines, patience)

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._writing.dialect.name

    @property
    def file(self) -> Path | None:
        """The SQLite file; None on a server."""
        return Path(str(self._writing.url.database)) if self.dialect == "sqlite" else None

    def cleared(self) -> AbstractAsyncContextManager[None]:
        """During the block nothing is left for long of what is deleted, see ``leftovers``."""
        return leftovers.cleared(self.file, self._leftovers)

    def begin(self, within: float | None = None) -> AbstractAsyncContextManager[AsyncConnection]:
        """One write transaction: commits at the end of the block, rolls back on any error.

        On SQLite its first statement waits for the lock on the file.

        ``within``: seconds after which whoever waits for it would not wait any longer. What is not
        over by then raises Unavailable, whatever the server does. (SQLite is waited for as long as
        the patience says: it is in this process, and somebody's lock is all that holds it.)
        """
        if self._writer is not None:
            return _in_turn(self._writer.transaction(within))
        return _transaction(self._writing, within, self._patience.undo)

    def read(self, within: float | None = None) -> AbstractAsyncContextManager[AsyncConnection]:
        """One read-only transaction; it sees one state of the records and waits for no writer.
        ``within`` as for ``begin``."""
        return _transaction(self._reading, within, self._patience.undo)

    async def ping(self) -> None:
        """Return if something can be written within the patience for it; else raise Unavailable.

        Those who ask at once share one attempt, so that writers never wait for more than one.
        """
        if self._attempt is None or self._attempt.done():
            self._attempt = asyncio.create_task(self._try_to_write())
        await asyncio.shield(self._attempt)

    async def _try_to_write(self) -> None:
        try:
            # The writing connection is taken for a turn among this process's writers.
            async with (
                asyncio.timeout(self._patience.probe),
                _connection(self._writing) if self._writer is None else self._writer.turn(),
                _transaction(self._probing, None, self._patience.undo) as connection,
            ):
                await connection.execute(_SMALLEST_WRITE[self.dialect])
        except TimeoutError as error:
            raise Unavailable("the database cannot be written at the moment") from error

    async def close(self) -> None:
        """Give all connections back."""
        if self._writer is not None:
            await self._writer.close()
        await self._writing.dispose()
        await self._reading.dispose()
        await self._probing.dispose()

    async def upgrade(self) -> None:
        """Bring the tables to the newest revision, unless they are."""
        async with self.read() as connection:
            if await connection.run_sync(migrations.stored_revision) == migrations.HEAD:
                return
        async with self.begin() as connection:
            if self.dialect == "postgresql":
                await _lock_upgrades(connection, self._patience.lock)
            await connection.run_sync(migrations.upgrade)


def _address(url: str | None, home: Path | None) -> URL:
    if not url:
        return _file_in(home)
    try:
        address = make_url(url)
    except ArgumentError:
        # The cause is dropped: it quotes the address, and that may hold a password.
        raise UnknownDatabase("the database address cannot be read") from None
    if address.drivername in ("sqlite", "sqlite+aiosqlite"):
        return _sqlite_address(address)
    if address.drivername in ("postgres", "postgresql", "postgresql+asyncpg"):
        return _postgresql_address(address)
    raise UnknownDatabase(f"no such kind of database: {address.drivername}; sqlite or postgresql")


def _file_in(home: Path | None) -> URL:
    if home is None:
        raise UnknownDatabase("neither a database address nor a home folder was given")
    return _sqlite_address(URL.create("sqlite", database=str(home / DEFAULT_FILE)))


def _sqlite_address(url: URL) -> URL:
    if not url.database or ":memory:" in url.database:
        raise UnknownDatabase("a database in memory would be lost; name a file")
    return url.set(drivername="sqlite+aiosqlite")


def _postgresql_address(url: URL) -> URL:
    # libpq's word for it, which most hosts print; asyncpg says ssl.
    mode = url.query.get("sslmode")
    if mode is not None:
        url = url.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})
    return url.set(drivername="postgresql+asyncpg")


async def _lock_upgrades(connection: AsyncConnection, lock: float) -> None:
    """Wait for one's turn to change the tables; for each of these, then, no longer than ``lock``.

    While a change waits for a table, everybody else waits behind it; so it gives up if somebody
    reads that table for long, and may be tried again.
    """
    # Another process may be at it for long; there is nothing else to do than to wait.
    await connection.execute(text("SET LOCAL lock_timeout = 0"))
    await connection.execute(text("SET LOCAL statement_timeout = 0"))
    await connection.execute(
        text("SELECT pg_advisory_xact_lock(:lock)").bindparams(lock=_UPGRADE_LOCK)
    )
    await connection.execute(text(f"SET LOCAL lock_timeout = {int(lock * 1000)}"))


@asynccontextmanager
async def _in_turn(
    transaction: AbstractAsyncContextManager[AsyncConnection],
) -> AsyncIterator[AsyncConnection]:
    with _passing_errors():
        async with transaction as connection:
            yield connection


@asynccontextmanager
async def _transaction(
    engine: AsyncEngine, within: float | None, undo: float
) -> AsyncIterator[AsyncConnection]:
    async with _connection(engine, within) as (connection, knife):
        with _passing_errors():
            async with connection.begin():
                try:
                    yield connection
                except BaseException:
                    # What was broken off is undone now, and that must not take long either.
                    if knife is not None:
                        knife.set(undo)
                    raise


@asynccontextmanager
async def _connection(
    engine: AsyncEngine, within: float | None = None
) -> AsyncIterator[tuple[AsyncConnection, postgresql.Knife | None]]:
    """A connection; on PostgreSQL, with the knife that cuts it."""
    clock = asyncio.get_running_loop().time
    began = clock()
    connection = engine.connect()
    await _start(connection, within)
    knife = postgresql.Knife(connection) if engine.dialect.name == "postgresql" else None
    if knife is not None and within is not None:
        knife.set(began + within - clock())
    try:
        yield connection, knife
    finally:
        # Even if the caller was cancelled: a connection that is not given back is lost.
        closing = asyncio.ensure_future(connection.close())
        if knife is not None:
            closing.add_done_callback(knife.put_away)
        await asyncio.shield(closing)


async def _start(connection: AsyncConnection, within: float | None) -> None:
    with _passing_errors():
        try:
            async with asyncio.timeout(within):
                await connection.start()
        except OSError as error:
            # TimeoutError is one, too.
            raise Unavailable("the database cannot be reached") from error


@contextmanager
def _passing_errors() -> Iterator[None]:
    """Turn the driver's errors that pass with time into Unavailable, and leave the others."""
    try:
        yield
    except PoolTimeout as error:
        raise Unavailable("all connections to the database are taken") from error
    except DBAPIError as error:
        if not _is_passing(error):
            raise
        if _state_of(error) in _CONTENDED:
            raise Contended("another transaction was in the way") from error.orig
        raise Unavailable("the database cannot serve at the moment") from error.orig
    except sqlite3.Error as error:
        # From a statement that the driver ran itself, see ``prepared``.
        if not _passes_on_sqlite(error):
            raise
        raise Unavailable("the database cannot serve at the moment") from error


def _is_passing(error: DBAPIError) -> bool:
    if error.connection_invalidated or _passes_on_sqlite(error.orig):
        return True
    return _state_of(error).startswith(_PASSING_POSTGRESQL)


def _state_of(error: DBAPIError) -> str:
    """PostgreSQL's SQLSTATE; of other errors, nothing."""
    return getattr(error.orig, "sqlstate", None) or ""


def _passes_on_sqlite(error: BaseException | None) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    # The low byte is the primary code, the rest says more about it.
    return isinstance(code, int) and code & 0xFF in _PASSING_SQLITE
