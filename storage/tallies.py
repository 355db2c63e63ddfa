"""Deliveries, counted: for an operator and for the metrics."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import tables
from storage.entries import Post, Urgency
from storage.queues import has_come, is_now

_row = tables.deliveries.c


async def by_state(conn: AsyncConnection) -> dict[tuple[str, str, str], int]:
    """How many deliveries there are by channel, kind and state."""
    group = (_row.channel, _row.kind, _row.state)
    found = await conn.execute(select(*group, func.count()).group_by(*group))
    return {(each[0], each[1], each[2]): each[3] for each in found}


async def held(conn: AsyncConnection, channel: str) -> int:
    """How many notices wait for the operator on a channel."""
    wanted = (_row.broadcast_id.is_(None), _row.channel == channel, is_now(Post.HELD))
    return int(await conn.scalar(select(func.count()).where(*wanted)) or 0)


async def waiting(conn: AsyncConnection, channel: str, now: datetime) -> tuple[int, float]:
    """How many notices are due on a channel, and for how many seconds the oldest urgent one is.
    Broadcasts are counted by themselves."""
    urgent = case((_row.urgency == int(Urgency.SUSPENSION), _row.due_at))
    due, oldest = (
        await conn.execute(
            select(func.count(), func.min(urgent, type_=_row.due_at.type)).where(
                _row.channel == channel,
                _row.broadcast_id.is_(None),
                is_now(Post.PENDING),
                has_come(now),
            )
        )
    ).one()
    return due, max((now - oldest).total_seconds(), 0.0) if oldest else 0.0
