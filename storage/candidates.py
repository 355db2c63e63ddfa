"""Whom time may concern: read page by page, so that memory stays flat for millions.

Who of them is told what is decided elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    Select,
    String,
    and_,
    cast,
    exists,
    literal,
    or_,
    select,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import tables
from storage.audiences import stretch
from storage.changes import Recipient
from storage.parcels import travels
from storage.places import found_at, place

_address, _link, _talk = tables.addresses.c, tables.links.c, tables.conversations.c
_delivery = tables.deliveries.c


@dataclass(frozen=True, slots=True)
class WaningLink:
    """A link whose code has an end."""

    link: int
    card: int
    holder: Recipient
    linked_at: datetime
    valid_until: datetime

    @property
    def place(self) -> int:
        """Where the page behind it begins."""
        return place(self.valid_until, self.link)


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

    @property
    def place(self) -> int:
        """Where the page behind it begins."""
        return place(self.heard_at, self.at.address)


async def waning_links(
    conn: AsyncConnection, first: datetime, last: datetime, after: int, limit: int
) -> list[WaningLink]:
    """Open links whose code ends after ``first`` and not after ``last``, by that end; behind the
    place ``after``."""
    # One lower bound: of two SQLite may take the one that is of no use.
    moment, link = found_at(max(after, place(first)))
    waning = (
        select(_link.id)
        .where(
            _link.ended_at.is_(None),
            _link.valid_until <= last,
            tuple_(_link.valid_until, _link.id) > tuple_(_moment(moment), literal(link)),
        )
        .order_by(_link.valid_until, _link.id)
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
        .order_by(_link.valid_until, _link.id)
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


def _moment(moment: datetime) -> BindParameter[datetime]:
    return literal(moment, _link.valid_until.type)


async def untravelled(
    conn: AsyncConnection, after: int, limit: int
) -> tuple[list[Untravelled], int | None]:
    """Addresses that can be written to and have no card that works or is only suspended, by their
    number; and the number behind which to go on, None after the last.

    Nearly all may travel, so no more than ``STRETCH`` addresses are looked at: the search for a few
    others would keep a connection for minutes.
    """
    last = await stretch(conn, after, size=STRETCH)
    if last is None:
        return [], None
    nearest = _UNTRAVELLED.where(_address.id > after, _address.id <= last).limit(limit)
    found = [
        Untravelled(Recipient(each.id, each.channel), each.created_at, bool(each.paired))
        for each in await conn.execute(nearest)
    ]
    return found, found[-1].at.address if len(found) == limit else last


STRETCH = 10_000
"""Addresses looked at in one statement."""


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
    conn: AsyncConnection,
    first: datetime,
    last: datetime,
    form: str,
    told: str,
    after: int,
    limit: int,
) -> list[Unfinished]:
    """Addresses whose question of that form is open and who were last heard in that time, by that
    moment; behind the place ``after``.

    Not who has a delivery whose key is ``told`` and the number of the address.
    """
    found: list[Unfinished] = []
    # Nearly all may be told already; one statement that looks for the few others could take long.
    while len(found) < limit:
        page = (await conn.execute(_left(first, last, form, told, after, limit))).all()
        found += [
            Unfinished(Recipient(each.id, each.channel), each.heard_at)
            for each in page
            if each.wanted
        ]
        if len(page) < limit:
            break
        after = place(page[-1].heard_at, page[-1].id)
    return found[:limit]


def _left(
    first: datetime, last: datetime, form: str, told: str, after: int, limit: int
) -> Select[Any]:
    """The next whose question is open, and whether each is still to be told."""
    moment, number = found_at(max(after, place(first)))
    key = select(_address_before.key).where(_address_before.id == number).scalar_subquery()
    is_told = exists().where(_delivery.key == literal(told).concat(cast(_address.id, String)))
    wanted = and_(_address.opted_out_at.is_(None), _address.blocked_at.is_(None), ~is_told)
    return (
        select(_address.id, _address.channel, _talk.heard_at, wanted.label("wanted"))
        .join_from(tables.conversations, tables.addresses, _address.key == _talk.address_key)
        .where(
            # Spelt out, for the index holds only these.
            _talk.step != literal("", literal_execute=True),
            _talk.step.startswith(f"{form}:"),
            _talk.heard_at <= last,
            # In the order of the index; many are heard at one moment.
            tuple_(_talk.heard_at, _talk.address_key) > tuple_(_moment(moment), key),
        )
        .order_by(_talk.heard_at, _talk.address_key)
        .limit(limit)
    )


_address_before = tables.addresses.alias("before").c
