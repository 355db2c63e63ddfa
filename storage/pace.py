"""The shared limiter: one row for each sender identity, moved by every process that sends with it.

Slots are handed out one after another at an even distance and never lie in the past, so that no
credit builds up and nothing bursts (the generic cell rate algorithm). Times are seconds since 1970.
"""

from __future__ import annotations

import math

from sqlalchemy import ColumnElement, case, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import tables
from storage.statements import upsert

_pace = tables.paces.c


async def reserve(
    conn: AsyncConnection,
    name: str,
    count: int,
    interval: float,
    earliest: float,
    latest: float = math.inf,
) -> float:
    """Take ``count`` slots in a row, ``interval`` seconds apart; when the first one is, which is
    not before ``earliest``. Slots that are taken until after ``latest``, though nobody asked for a
    pause, were taken by a clock that has been put back since; they count for nothing."""
    taken = upsert(conn, tables.paces).values(name=name, tat=earliest + count * interval)
    start = case(
        (
            (_pace.tat > latest) & (_pace.tat > _pace.paused_until),
            _later(_pace.paused_until, earliest),
        ),
        else_=_later(_pace.tat, earliest),
    )
    moved = taken.on_conflict_do_update(
        index_elements=["name"], set_={"tat": start + count * interval}
    ).returning(_pace.tat)
    taken_until = float((await conn.execute(moved)).scalar_one())
    # So far from 1970 the difference may fall short by a fraction of a microsecond.
    return max(taken_until - count * interval, earliest)


def _later(column: ColumnElement[float], moment: float) -> ColumnElement[float]:
    return case((column > moment, column), else_=moment)


async def pause(conn: AsyncConnection, name: str, until: float) -> None:
    """Let nothing go before that moment: the messenger asked for it."""
    waiting = upsert(conn, tables.paces).values(name=name, tat=until, paused_until=until)
    later = {column.name: _later(column, until) for column in (_pace.tat, _pace.paused_until)}
    await conn.execute(waiting.on_conflict_do_update(index_elements=["name"], set_=later))


async def booked(conn: AsyncConnection, name: str) -> tuple[float, float]:
    """Until when all slots are taken, and until when nothing may go; 0 if that never was."""
    wanted = select(_pace.tat, _pace.paused_until).where(_pace.name == name)
    found = (await conn.execute(wanted)).first()
    return (found.tat, found.paused_until) if found else (0.0, 0.0)
