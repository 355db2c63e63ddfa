"""The records counted for a look at the whole: cards by status, notices by outcome, the queue.

Read-only. There may be 34 million cards and more deliveries, so cards and outcomes are counted in
an index alone, and of what waits only what is due is looked at. Still that takes its time: whoever
shows this keeps it for a while.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.actions import Status
from storage import tables
from storage.entries import Post, Urgency
from storage.queues import is_now

_row = tables.deliveries.c
_NOTICE = _row.broadcast_id.is_(None)


@dataclass(frozen=True, slots=True)
class Queue:
    """The notices that are due on a channel, and for how long the oldest of them is."""

    channel: str
    due: int
    age: timedelta


async def cards(conn: AsyncConnection) -> dict[Status, int]:
    """How many cards there are in each status."""
    column = tables.cards.c.status
    counted = {}
    # One by one: each is a walk along one stretch of the index, with a time limit of its own.
    for status in Status:
        wanted = select(func.count()).select_from(tables.cards).where(column == str(status))
        counted[status] = int(await conn.scalar(wanted) or 0)
    return counted


async def notices(conn: AsyncConnection) -> dict[tuple[str, Post], int]:
    """How many notices there are by channel and state; what belongs to broadcasts is not one."""
    found = await conn.execute(
        select(_row.channel, _row.state, func.count())
        .where(_NOTICE)
        .group_by(_row.channel, _row.state)
        .order_by(_row.channel, _row.state)
    )
    return {(each[0], Post(each[1])): each[2] for each in found}


async def queues(conn: AsyncConnection, channels: Iterable[str], now: datetime) -> list[Queue]:
    """What waits on each of these channels to be sent now."""
    return [await _queue(conn, channel, now) for channel in channels]


async def _queue(conn: AsyncConnection, channel: str, now: datetime) -> Queue:
    due, since = 0, now
    for urgency in Urgency:
        wanted: list[ColumnElement[bool]] = [
            _row.channel == channel,
            is_now(Post.PENDING),
            _NOTICE,
            _row.urgency == int(urgency),
        ]
        # A suspension may go whatever its time says, see ``ledger.has_come``.
        if urgency is not Urgency.SUSPENSION:
            wanted.append(_row.due_at <= now)
        count, oldest = (
            await conn.execute(select(func.count(), func.min(_row.due_at)).where(*wanted))
        ).one()
        due += count
        since = min(since, oldest or now)
    return Queue(channel, due, now - since)
