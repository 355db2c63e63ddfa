"""How a database is, without changing it: for whoever has to say what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import migrations, tables
from storage.database import Database, Unavailable
from storage.vault import Vault


@dataclass(frozen=True, slots=True)
class Checkup:
    """What was found. ``keys_fit`` is None where there are no keys to compare, or no records.

    ``clock_off``: the server's clock less ours. ``due_for``: how long the oldest delivery that
    should have gone out has waited.
    """

    version: str
    newest: bool
    writable: bool
    keys_fit: bool | None
    clock_off: timedelta
    due_for: timedelta | None


async def checkup(database: Database, vault: Vault | None, now: datetime) -> Checkup:
    """Look at everything. Raise Unavailable if it cannot be read."""
    async with database.read() as conn:
        newest = await conn.run_sync(migrations.stored_revision) == migrations.HEAD
        version = await _version(conn)
        clock = now if database.dialect == "sqlite" else await _clock(conn)
        fit = await _fit(conn, vault) if newest else None
        due = await _due(conn, now) if newest else None
    return Checkup(version, newest, await _writable(database), fit, clock - now, due)


async def _version(conn: AsyncConnection) -> str:
    if conn.dialect.name == "sqlite":
        return f"SQLite {await conn.scalar(text('SELECT sqlite_version()'))}"
    return f"PostgreSQL {await conn.scalar(text('SHOW server_version'))}"


async def _clock(conn: AsyncConnection) -> datetime:
    at: datetime = (await conn.execute(text("SELECT clock_timestamp()"))).scalar_one()
    return at.astimezone(UTC)


async def _fit(conn: AsyncConnection, vault: Vault | None) -> bool | None:
    kept = await conn.scalar(select(tables.ring.c.key_check))
    if kept is None or vault is None:
        return None
    return bool(kept == vault.index("ring", "check"))


async def _due(conn: AsyncConnection, now: datetime) -> timedelta | None:
    delivery = tables.deliveries.c
    oldest = await conn.scalar(
        select(func.min(delivery.due_at)).where(
            delivery.state == "pending", delivery.broadcast_id.is_(None)
        )
    )
    return None if oldest is None or oldest > now else now - oldest


async def _writable(database: Database) -> bool:
    try:
        await database.ping()
    except Unavailable:
        return False
    return True
