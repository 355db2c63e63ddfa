"""What is ahead: deliveries that will be due by a moment, cards that the deadline will end.

Read page by page; changes nothing.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.actions import Status, Verdict
from storage import tables
from storage.entries import Post
from storage.parcels import Parcel, parcels
from storage.vault import Vault


async def upcoming(
    conn: AsyncConnection, vault: Vault, until: datetime, after: int, limit: int
) -> list[tuple[datetime, Parcel]]:
    """The next pending deliveries that are due before that moment, by their number, and when each
    is due."""
    row = tables.deliveries.c
    wanted = (
        select(row.id, row.due_at)
        .where(row.id > after, row.state == str(Post.PENDING), row.due_at < until)
        .order_by(row.id)
        .limit(limit)
    )
    due = {each.id: each.due_at for each in await conn.execute(wanted)}
    found, _ = await parcels(conn, vault, list(due))
    return [(due[each.id], each) for each in sorted(found, key=lambda parcel: parcel.id)]


async def doomed(conn: AsyncConnection, now: datetime, after: int, limit: int) -> list[int]:
    """Paired cards that may travel only until the deadline, for their code is of no use; by
    number."""
    link, card = tables.links.c, tables.cards.c
    denied = [str(verdict) for verdict in Verdict if verdict.denied]
    wanted = (
        select(link.card_id)
        .join_from(tables.links, tables.cards, card.id == link.card_id)
        .where(
            link.card_id > after,
            link.ended_at.is_(None),
            or_(link.verdict.in_(denied), link.valid_until <= now),
            card.status == str(Status.UNPAIRED),
        )
        .order_by(link.card_id)
        .limit(limit)
    )
    return list((await conn.execute(wanted)).scalars())


async def newest(conn: AsyncConnection) -> int:
    """The number of the newest delivery, 0 before the first."""
    return int(await conn.scalar(select(func.max(tables.deliveries.c.id))) or 0)


async def written_since(conn: AsyncConnection, after: int) -> dict[str, int]:
    """How many deliveries there are behind that number, by kind."""
    row = tables.deliveries.c
    found = await conn.execute(
        select(row.kind, func.count()).where(row.id > after).group_by(row.kind).order_by(row.kind)
    )
    return {each[0]: each[1] for each in found}
