"""What a database is like, for whoever looks whether it is well. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import postgresql, tables

DEMAND = postgresql.WRITERS + postgresql.READERS + 1
"""Connections that one process holds at most, without its timetable's."""

_SERVER = text(
    "SELECT current_setting('server_version') AS version,"
    " current_setting('server_version_num')::int AS number,"
    " current_setting('max_connections')::int AS most,"
    " current_setting('superuser_reserved_connections')::int AS reserved,"
    " (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS taken,"
    " clock_timestamp() AS now"
)
_SYNCHRONOUS = {0: "OFF", 1: "NORMAL", 2: "FULL", 3: "EXTRA"}


@dataclass(frozen=True, slots=True)
class Server:
    """A PostgreSQL server: its version (``number`` as in 150004), how many connections it gives to
    people like us, how many are taken, and what time it is there."""

    version: str
    number: int
    connections: int
    taken: int
    now: datetime


@dataclass(frozen=True, slots=True)
class FileMode:
    """How SQLite keeps what is committed: its journal's kind and when it waits for the disk."""

    journal: str
    synchronous: str


async def server(conn: AsyncConnection) -> Server:
    """Ask PostgreSQL."""
    found = (await conn.execute(_SERVER)).one()
    room = found.most - found.reserved
    return Server(found.version, found.number, room, found.taken, found.now)


async def file_mode(conn: AsyncConnection) -> FileMode:
    """Ask SQLite."""
    journal = await conn.scalar(text("PRAGMA journal_mode"))
    synchronous = await conn.scalar(text("PRAGMA synchronous"))
    return FileMode(str(journal), _SYNCHRONOUS.get(synchronous, str(synchronous)))


async def oldest_message(conn: AsyncConnection) -> datetime | None:
    """When the oldest message that is kept was received."""
    oldest: datetime | None = await conn.scalar(select(func.min(tables.inbox.c.received_at)))
    return oldest


async def held(conn: AsyncConnection) -> int:
    """How many deliveries wait for an operator."""
    row = tables.deliveries.c
    wanted = select(func.count()).select_from(tables.deliveries).where(row.state == "held")
    return (await conn.execute(wanted)).scalar_one()
