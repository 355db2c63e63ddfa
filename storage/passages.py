"""One-time links that were used. A key stands here from the moment it was."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import tables
from storage.retention import TERMS
from storage.statements import upsert


async def use(conn: AsyncConnection, key: bytes, now: datetime) -> bool:
    """Whether this is the first use; whoever comes at the same moment waits to hear."""
    used = tables.passages.c
    await conn.execute(delete(tables.passages).where(used.used_at < now - TERMS["passages"].kept))
    inserting = upsert(conn, tables.passages).values(key=key, used_at=now)
    return (await conn.execute(inserting.on_conflict_do_nothing())).rowcount == 1
