"""Deliveries that wait until their person comes by: in the browser and in the terminal.

What was handed over is ``sending`` until it is said to have been shown; if nobody says so in time,
it is handed over again. Knows neither sentences nor how something is shown.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import and_, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.events import Address
from storage import tables
from storage.conversations import address_key
from storage.entries import Post
from storage.queues import has_come, may_be_shown
from storage.vault import Vault

_OPEN = (str(Post.PENDING), str(Post.SENDING), str(Post.UNKNOWN))


class Pickup:
    """Finds and settles what is there for one address, inside the caller's transaction.

    ``real`` is real time, in which it is counted how long something may stay unconfirmed.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def find(
        self, conn: AsyncConnection, address: Address, now: datetime, real: datetime
    ) -> int | None:
        """The address's row if something is there for it, None if not."""
        known, row = tables.addresses.c, tables.deliveries.c
        due = and_(row.state == str(Post.PENDING), has_come(now), may_be_shown())
        lost = and_(row.state == str(Post.SENDING), row.rest_until <= real)
        found = await conn.execute(
            select(known.id).where(
                known.key == address_key(self._vault, address),
                exists().where(row.address_id == known.id, or_(due, lost)),
            )
        )
        return found.scalar_one_or_none()

    async def put_back(self, conn: AsyncConnection, recipient: int, real: datetime) -> None:
        """Make due again what was handed over and not confirmed in time. It may have been seen."""
        row = tables.deliveries.c
        await conn.execute(
            update(tables.deliveries)
            .where(
                row.address_id == recipient,
                row.state == str(Post.SENDING),
                row.rest_until <= real,
            )
            .values(state=str(Post.PENDING), repeats=row.repeats + 1, rest_until=None)
        )

    async def confirm(
        self, conn: AsyncConnection, address: Address, shown: Collection[int], now: datetime
    ) -> None:
        """These deliveries were shown there; those of other addresses are left alone."""
        row, known = tables.deliveries.c, tables.addresses.c
        own = select(known.id).where(known.key == address_key(self._vault, address))
        await conn.execute(
            update(tables.deliveries)
            .where(
                row.id.in_(shown),
                row.address_id == own.scalar_subquery(),
                row.state.in_(_OPEN),
            )
            .values(
                state=str(Post.DELIVERED),
                cause="",
                sent_at=func.coalesce(row.sent_at, now),
                rest_until=None,
                updated_at=now,
            )
        )
