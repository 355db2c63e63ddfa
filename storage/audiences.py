"""Whom a broadcast concerns, and who of them can be written to: statements over the addresses.

Everything goes stretch by stretch along the numbers of the addresses, so that no statement takes
long and memory stays flat for millions. Decides nothing and writes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.actions import Status
from conversations.broadcasts import WITH_CARD, Audience, Group, LeftOut
from conversations.calendar import ISTANBUL
from storage import tables

STRETCH = 5_000
"""Addresses looked at in one statement."""

REFERENCE = "tr"
"""The language of whoever has no text in their own."""

_address, _talk = tables.addresses.c, tables.conversations.c
_STATUS: Mapping[Group, Status] = {
    Group.ACTIVE: Status.ACTIVE,
    Group.SUSPENDED: Status.SUSPENDED,
    Group.PASSIVE: Status.PASSIVE,
}


@dataclass(frozen=True, slots=True)
class Selection:
    """An audience at a moment, and by what means it could be reached.

    ``channels`` are those that are set up; ``locales`` the languages there is a text in,
    ``templated`` those with a template for WhatsApp. ``open_since``: whoever wrote there after it
    may be sent free text.
    """

    audience: Audience
    as_of: datetime
    open_since: datetime
    urgent: bool = False
    channels: Collection[str] = ()
    locales: Collection[str] = (REFERENCE,)
    templated: Collection[str] = ()


Counts = Mapping[tuple[str, LeftOut | None], int]
"""How many of an audience there are, by channel and why they are left out (None: they are not)."""


async def count(conn: AsyncConnection, selection: Selection, after: int, last: int) -> Counts:
    """How many of the audience have a number behind ``after`` and not behind ``last``."""
    why = _left_out(selection).label("why")
    statement = (
        _everybody(selection, after, last)
        .with_only_columns(_address.channel, why, func.count())
        .group_by(_address.channel, why)
    )
    found = await conn.execute(statement)
    return Counter(
        {(each[0], None if each[1] is None else LeftOut(each[1])): each[2] for each in found}
    )


async def stretch(
    conn: AsyncConnection, after: int, last: int | None = None, size: int | None = None
) -> int | None:
    """Where the next stretch of addresses behind ``after`` ends; None if there are none."""
    behind = [_address.id > after, *([] if last is None else [_address.id <= last])]
    limited = select(_address.id).where(*behind).order_by(_address.id).limit(size or STRETCH)
    end: int | None = await conn.scalar(select(func.max(limited.subquery().c.id)))
    return end


async def newest_address(conn: AsyncConnection) -> int:
    """The highest number of an address; 0 if nobody is known."""
    return await conn.scalar(select(func.max(_address.id))) or 0


def recipients(selection: Selection, after: int, last: int) -> Select[Any]:
    """Number and channel of those who are written to, with the card and link it is about."""
    group = selection.audience.group
    link = literal(None, _link.id.type) if group not in WITH_CARD else _newest_link(selection)
    chosen = (
        _everybody(selection, after, last)
        .with_only_columns(_address.id, _address.channel, link.label("link"))
        .where(_left_out(selection).is_(None))
        .subquery("chosen")
    )
    return (
        select(
            chosen.c.id,
            chosen.c.channel,
            chosen.c.link,
            select(_any_link.card_id).where(_any_link.id == chosen.c.link).scalar_subquery(),
        )
        # SQLite would take what follows ON for a join's condition.
        .where(chosen.c.id.is_not(None))
        .order_by(chosen.c.id)
    )


_links, _cards = tables.links.alias("paired"), tables.cards.alias("paired_card")
_link, _card = _links.c, _cards.c
_any_link = tables.links.alias("any_link").c


def _everybody(selection: Selection, after: int, last: int) -> Select[Any]:
    """The audience within a stretch."""
    wanted = selection.audience
    where: list[ColumnElement[bool]] = [_address.id > after, _address.id <= last]
    if wanted.channels:
        where.append(_address.channel.in_(wanted.channels))
    if wanted.locales:
        where.append(_address.locale.in_(wanted.locales))
    if wanted.registered_since is not None:
        where.append(_address.created_at >= _start(wanted.registered_since))
    where += _by_card(wanted)
    return (
        select(_address.id)
        .select_from(tables.addresses)
        .outerjoin(tables.conversations, _talk.address_key == _address.key)
        .where(*where)
    )


def _by_card(wanted: Audience) -> Sequence[ColumnElement[bool]]:
    ends = [] if wanted.code_ends_before is None else [_ends_before(wanted.code_ends_before)]
    if wanted.group in WITH_CARD:
        return (_has_link(_card.status == str(_STATUS[wanted.group]), *ends),)
    if wanted.group is Group.UNFINISHED:
        good = _card.status.in_([str(status) for status in _STATUS.values()])
        theirs = or_(
            _link.address_id == _address.id,
            and_(_address.citizen_id.is_not(None), _link.citizen_id == _address.citizen_id),
        )
        none = ~exists().where(theirs, _link.ended_at.is_(None), _card.id == _link.card_id, good)
        return (none, *([_has_link(*ends)] if ends else []))
    return (_has_link(*ends),) if ends else ()


def _has_link(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether an open link was made from the address, with a card that fulfils the conditions."""
    return exists().where(
        _link.address_id == _address.id,
        _link.ended_at.is_(None),
        _card.id == _link.card_id,
        *conditions,
    )


def _newest_link(selection: Selection) -> ColumnElement[Any]:
    wanted = selection.audience
    conditions = [_card.status == str(_STATUS[wanted.group])]
    if wanted.code_ends_before is not None:
        conditions.append(_ends_before(wanted.code_ends_before))
    return (
        select(func.max(_link.id))
        .join_from(_links, _cards, _card.id == _link.card_id)
        .where(_link.address_id == _address.id, _link.ended_at.is_(None), *conditions)
        .scalar_subquery()
    )


def _ends_before(day: date) -> ColumnElement[bool]:
    return _link.valid_until < _start(day)


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), ISTANBUL)


def _left_out(selection: Selection) -> ColumnElement[Any]:
    """Why somebody is not written to, NULL if they are."""
    reasons: list[tuple[ColumnElement[bool], LeftOut]] = [
        (_address.opted_out_at.is_not(None), LeftOut.OPTED_OUT),
        (_is_blocked(), LeftOut.BLOCKED),
    ]
    if not selection.urgent:
        reasons.append((_address.reminders_off_at.is_not(None), LeftOut.DECLINED))
    reasons.append((_address.channel.not_in(list(selection.channels)), LeftOut.NO_CHANNEL))
    if (days := selection.audience.not_told_days) is not None:
        reasons.append((_told_since(selection.as_of - timedelta(days=days)), LeftOut.TOLD_RECENTLY))
    reasons.append((_needs_template(selection), LeftOut.NO_TEMPLATE))
    return case(*((condition, str(reason)) for condition, reason in reasons), else_=None)


def _is_blocked() -> ColumnElement[bool]:
    """Who wrote after nothing arrived can be reached again."""
    silent = or_(_talk.heard_at.is_(None), _talk.heard_at <= _address.blocked_at)
    return and_(_address.blocked_at.is_not(None), silent)


def _told_since(moment: datetime) -> ColumnElement[bool]:
    sent = tables.deliveries.alias("told").c
    return exists().where(sent.address_id == _address.id, sent.sent_at >= moment)


def _needs_template(selection: Selection) -> ColumnElement[bool]:
    """On WhatsApp, outside the window, and none in the language of the text they would get."""
    has_own: ColumnElement[bool] = _address.locale.in_(list(selection.templated))
    if REFERENCE in selection.templated:
        has_own = or_(has_own, _address.locale.not_in(list(selection.locales)))
    closed = or_(_talk.heard_at.is_(None), _talk.heard_at <= selection.open_since)
    return and_(_address.channel == "whatsapp", closed, ~has_own)
