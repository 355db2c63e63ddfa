"""A database that is read while nobody writes to it, or as it was at one moment.

Knows how to tell on each kind of database what it is and whether others are there, and how to keep
them out.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import migrations, tables
from storage.database import Database, Unavailable

_COPY_LOCK = 0x48455342_4F540002
"""Number of the PostgreSQL advisory lock of copies: shared by who reads, alone by who writes. It
is the database's, so that nothing is copied into itself."""

_NO_HURRY = ("idle_in_transaction_session_timeout", "statement_timeout")
_OTHERS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND application_name = 'hesbot' AND pid <> pg_backend_pid()"
)


_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"


class InUse(Exception):
    """Somebody else has the database open."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a database is at first sight; ``revision`` is None where it is none of ours."""

    revision: str | None
    has_tables: bool


async def look(database: Database) -> Look:
    """Look at the database and leave it as it is; a file that is not there is not made."""
    if database.file is not None:
        return await asyncio.to_thread(_look_at_file, database.file)
    async with database.read() as conn:
        return await conn.run_sync(_look_at_server)


def _look_at_server(conn: Connection) -> Look:
    return Look(migrations.stored_revision(conn), bool(inspect(conn).get_table_names()))


def _look_at_file(file: Path) -> Look:
    # Opened by our engine, a file of somebody else's would be turned to WAL mode.
    if not file.exists() or not file.stat().st_size:
        return Look(None, has_tables=False)
    with closing(_opened(file)) as probe, _passing_errors():
        names = {name for (name,) in probe.execute(_TABLES)}
        if "alembic_version" not in names:
            return Look(None, has_tables=bool(names))
        found = probe.execute("SELECT version_num FROM alembic_version").fetchone()
    return Look(found and found[0], has_tables=True)


@asynccontextmanager
async def still(source: Database, *, live: bool) -> AsyncIterator[AsyncConnection]:
    """One state of the source. Nobody else has it open and nobody can write to it until the block
    ends, or InUse is raised; if it is ``live``, others go on and what they write is not seen."""
    # Connections of our own that lie idle would be others too.
    await source.close()
    if source.file is not None:
        if not live:
            await asyncio.to_thread(_look_for_others, source.file)
        async with source.read() if live else source.begin() as conn:
            yield conn
        return
    if not live:
        async with source.read() as conn:
            if await conn.scalar(_OTHERS):
                raise InUse
    async with source.begin() as conn:
        # The state that is seen is the one of the first statement that reads.
        mode = ", READ ONLY" if live else ""
        await conn.execute(text(f"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ{mode}"))
        await take_time(conn)
        if not live:
            await _keep_out(conn)
        await conn.execute(text(f"SELECT pg_advisory_xact_lock_shared({_COPY_LOCK})"))
        yield conn


@asynccontextmanager
async def alone(target: Database) -> AsyncIterator[None]:
    """Only one at a time copies into the target; raise InUse for another, or the source itself.

    On SQLite nothing is held: whoever loads a page sees whether somebody else did.
    """
    if target.dialect == "sqlite":
        yield
        return
    async with target.read() as conn:
        await take_time(conn)
        if not await conn.scalar(text(f"SELECT pg_try_advisory_xact_lock({_COPY_LOCK})")):
            raise InUse
        yield


async def take_time(conn: AsyncConnection) -> None:
    """Let the transaction and its statements take as long as they do."""
    if conn.dialect.name == "postgresql":
        for setting in _NO_HURRY:
            await conn.execute(text(f"SET LOCAL {setting} = 0"))


async def _keep_out(conn: AsyncConnection) -> None:
    names = ", ".join(f'"{table.name}"' for table in tables.metadata.sorted_tables)
    await conn.execute(text(f"LOCK TABLE {names} IN SHARE MODE"))


def _look_for_others(file: Path) -> None:
    # A connection to a file in WAL mode holds a lock on it for as long as it is open, and whoever
    # wants it for itself alone is refused meanwhile.
    with closing(_opened(file)) as probe:
        try:
            with _passing_errors():
                probe.execute("PRAGMA locking_mode = EXCLUSIVE")
                probe.execute(_TABLES).fetchone()
        except Unavailable:
            raise InUse from None


def _opened(file: Path) -> sqlite3.Connection:
    address = f"{file.absolute().as_uri()}?mode=rw"
    return sqlite3.connect(address, uri=True, timeout=0.5)


@contextmanager
def _passing_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        raise Unavailable("somebody has the file to themselves") from error
