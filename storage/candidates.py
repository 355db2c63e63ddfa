"""Whom time may concern: read page by page, so that memory stays flat for millions.

Who of them is told what is decided elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import tables
from storage.changes import Recipient
from storage.parcels import travels

_address, _link, _talk = tables.addresses.c, tables.links.c, tables.conversations.c


@dataclass(frozen=True, slots=True)
class WaningLink:
    """A link whose code has an end."""

    link: int
    card: int
    holder: Recipient
    linked_at: datetime
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class Untravelled:
    """An address without an active card. ``since`` it is known; ``paired``: it has a link that is
    of no use."""

    at: Recipient
    since: datetime
    paired: bool


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An address that left a registration half-way, and when its person last wrote."""

    at: Recipient
    heard_at: datetime


async def waning_links(
    conn: AsyncConnection, first: datetime, last: datetime, after: int, limit: int
) -> list[WaningLink]:
    """Open links whose code ends after ``first`` and not after ``last``, by their number."""
    waning = (
        # The numbers come from the index of ends alone; only a page of links is read.
        select(_link.id)
        .where(
            _link.ended_at.is_(None),
            _link.valid_until > first,
            _link.valid_until <= last,
            _link.id > after,
        )
        .order_by(_link.id)
        .limit(limit)
        .subquery()
    )
    wanted = (
        select(
            _link.id,
            _link.card_id,
            _link.address_id,
            _address.channel,
            _link.linked_at,
            _link.valid_until,
        )
        .join_from(waning, tables.links, _link.id == waning.c.id)
        .join(tables.addresses, _address.id == _link.address_id)
        .order_by(_link.id)
    )
    return [
        WaningLink(
            each.id,
            each.card_id,
            Recipient(each.address_id, each.channel),
            each.linked_at,
            each.valid_until,
        )
        for each in await conn.execute(wanted)
    ]


async def untravelled(conn: AsyncConnection, after: int, limit: int) -> list[Untravelled]:
    """Addresses that can be written to and have no card that works or is only suspended, by their
    number."""
    found: list[Untravelled] = []
    # Nearly all may travel; one statement that looks for the few others could take minutes.
    while len(found) < limit and (last := await _end_of_stretch(conn, after)):
        stretch = _UNTRAVELLED.where(_address.id > after, _address.id <= last)
        found += [
            Untravelled(Recipient(each.id, each.channel), each.created_at, bool(each.paired))
            for each in await conn.execute(stretch.limit(limit - len(found)))
        ]
        after = last
    return found


STRETCH = 10_000
"""Addresses looked at in one statement."""


async def _end_of_stretch(conn: AsyncConnection, after: int) -> int | None:
    next_ones = (
        select(_address.id).where(_address.id > after).order_by(_address.id).limit(STRETCH)
    ).subquery()
    last: int | None = await conn.scalar(select(func.max(next_ones.c.id)))
    return last


_UNTRAVELLED = (
    select(
        _address.id,
        _address.channel,
        _address.created_at,
        exists()
        .where(
            _link.ended_at.is_(None),
            or_(_link.address_id == _address.id, _link.citizen_id == _address.citizen_id),
        )
        .label("paired"),
    )
    .where(_address.opted_out_at.is_(None), _address.blocked_at.is_(None), ~travels())
    .order_by(_address.id)
)


async def unfinished(
    conn: AsyncConnection, first: datetime, last: datetime, form: str, after: int, limit: int
) -> list[Unfinished]:
    """Addresses whose question of that form is open and who were last heard in that time, by their
    number."""
    wanted = (
        select(_address.id, _address.channel, _talk.heard_at)
        .join_from(tables.conversations, tables.addresses, _address.key == _talk.address_key)
        .where(
            _talk.heard_at > first,
            _talk.heard_at <= last,
            _talk.step.startswith(f"{form}:"),
            _address.opted_out_at.is_(None),
            _address.blocked_at.is_(None),
            _address.id > after,
        )
        .order_by(_address.id)
        .limit(limit)
    )
    return [
        Unfinished(Recipient(each.id, each.channel), each.heard_at)
        for each in await conn.execute(wanted)
    ]
