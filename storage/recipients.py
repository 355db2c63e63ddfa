"""To whom a broadcast went, one by one and masked: pages for a list that leaves the house.

No address leaves this module in full. Who may have the list is the caller's affair.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.masks import address as masked
from storage import tables
from storage.entries import Post
from storage.vault import Unreadable, Vault, row

PAGE = 5000

_row, _address = tables.deliveries.c, tables.addresses.c


@dataclass(frozen=True, slots=True)
class Addressed:
    """A delivery of a broadcast. ``id`` is its own number, ``address`` is masked; ``repeats`` is
    how often it may have gone out before."""

    id: int
    channel: str
    address: str
    locale: str
    state: Post
    cause: str
    attempts: int
    repeats: int
    due_at: datetime
    sent_at: datetime | None


async def bounds(conn: AsyncConnection, broadcast: int) -> tuple[int, int]:
    """The lowest and the highest number of its deliveries; (0, -1) if it has none."""
    ends = select(func.min(_row.id), func.max(_row.id)).where(_row.broadcast_id == broadcast)
    first, last = (await conn.execute(ends)).one()
    return (0, -1) if first is None else (first, last)


async def addressed(
    conn: AsyncConnection, vault: Vault, broadcast: int, first: int, last: int, limit: int = PAGE
) -> list[Addressed]:
    """Its deliveries with these numbers, the lowest first, at most so many."""
    found = await conn.execute(
        _ADDRESSED.where(
            _row.id >= first,
            _row.id <= last,
            # They stand together in the order of their numbers; found by the broadcast's index,
            # all of them would be put in order again for every page.
            _row.broadcast_id + 0 == broadcast,
        ).limit(limit)
    )
    return [_addressed(vault, each) for each in found]


def _addressed(vault: Vault, found: Any) -> Addressed:
    return Addressed(
        found.id,
        found.channel,
        _masked(vault, found),
        found.locale,
        Post(found.state),
        found.cause,
        found.attempts,
        found.repeats,
        found.due_at,
        found.sent_at,
    )


def _masked(vault: Vault, found: Any) -> str:
    """The address, or as much as of one that is too short to show any of it."""
    try:
        plain = vault.open(found.address, row("addresses", found.key))
    except Unreadable:
        return masked("")
    return masked(plain.decode("utf-8", "replace"))


_ADDRESSED = (
    select(
        _row.id,
        _row.channel,
        _address.key,
        _address.address,
        _address.locale,
        _row.state,
        _row.cause,
        _row.attempts,
        _row.repeats,
        _row.due_at,
        _row.sent_at,
    )
    .join_from(tables.deliveries, tables.addresses, _address.id == _row.address_id)
    .order_by(_row.id)
)
