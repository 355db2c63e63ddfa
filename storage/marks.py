"""How often something happened in the talk, hour by hour. Names and numbers; nothing personal.

Whoever counts keeps this apart from the transactions that people wait for: everybody who counts in
an hour writes the same few rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import tables
from storage.statements import upsert

_mark = tables.marks.c


async def add(conn: AsyncConnection, counts: Mapping[tuple[datetime, str], int]) -> None:
    """Add to what is counted already, by the beginning of the hour and the name."""
    if not counts:
        return
    # In one order, so that two who add cannot wait for each other.
    rows = [
        {"hour": hour, "name": name, "count": counts[hour, name]} for hour, name in sorted(counts)
    ]
    statement = upsert(conn, tables.marks)
    more = {"count": _mark.count + statement.excluded.count}
    await conn.execute(
        statement.on_conflict_do_update(index_elements=["hour", "name"], set_=more), rows
    )


async def since(conn: AsyncConnection, first: datetime) -> dict[str, int]:
    """How often each happened, by name, from that hour on."""
    found = await conn.execute(
        select(_mark.name, func.sum(_mark.count)).where(_mark.hour >= first).group_by(_mark.name)
    )
    return {each[0]: int(each[1]) for each in found}


async def hourly(conn: AsyncConnection, name: str, first: datetime) -> dict[datetime, int]:
    """How often one of them happened in each hour, from that one on; hours without any are not
    there."""
    found = await conn.execute(
        select(_mark.hour, _mark.count)
        .where(_mark.hour >= first, _mark.name == name)
        .order_by(_mark.hour)
    )
    return {each[0]: each[1] for each in found}
