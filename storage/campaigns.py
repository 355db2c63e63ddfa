"""A broadcast on its way: its deliveries written, counted, swept away and sent again.

Each function is one short transaction's worth inside the caller's transaction. What a broadcast may
become is decided in ``storage.broadcasts``; nothing here words or sends.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    ColumnElement,
    String,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.broadcasts import LONGEST, Stage
from storage import audiences, tables
from storage.audiences import Selection
from storage.entries import Post, Urgency
from storage.queues import is_now
from storage.statements import upsert

KIND = "broadcast"
"""The kind of its deliveries."""
TEST = "test"
"""The kind of one that shows a member of the staff how a broadcast would look."""
SWEEP = 5000
"""Deliveries changed in one statement."""

WRITTEN_TO = ("telegram", "whatsapp")
"""Where people are written to. Elsewhere they come by, and a broadcast does not wait for them."""

_row, _broadcast, _sample = tables.deliveries.c, tables.broadcasts.c, tables.samples.c


@dataclass(frozen=True, slots=True)
class Campaign:
    """What a sender needs to know of a broadcast. ``texts`` and ``templates`` are by language."""

    id: int
    urgent: bool
    resend_unknown: bool
    group: str
    texts: Mapping[str, str]
    templates: Mapping[str, str]


Outcomes = Mapping[tuple[str, Post, str], int]
"""How many deliveries there are by channel, state and cause."""


async def running(conn: AsyncConnection) -> dict[int, bool]:
    """The broadcasts that may be sent now, in the order they go, and whether each is urgent."""
    return {each.id: each.urgent for each in await conn.execute(_RUNNING)}


async def campaigns(conn: AsyncConnection, ids: Collection[int]) -> dict[int, Campaign]:
    """These broadcasts, by number."""
    if not ids:
        return {}
    found = await conn.execute(_CAMPAIGNS.where(_broadcast.id.in_(ids)))
    return {
        each.id: Campaign(
            each.id,
            each.urgent,
            each.resend_unknown,
            json.loads(each.audience).get("group", "all"),
            MappingProxyType(json.loads(each.texts)),
            MappingProxyType(json.loads(each.templates)),
        )
        for each in found
    }


async def left_unknown(conn: AsyncConnection, ids: Collection[int]) -> set[int]:
    """Of these deliveries those whose broadcast does not send again what may have gone out, or is
    cancelled."""
    if not ids:
        return set()
    left = or_(_broadcast.resend_unknown.is_(False), _broadcast.stage == str(Stage.CANCELLED))
    found = await conn.execute(
        select(_row.id)
        .join_from(tables.deliveries, tables.broadcasts, _broadcast.id == _row.broadcast_id)
        .where(_row.id.in_(ids), left)
    )
    return set(found.scalars())


# --- its deliveries are written --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Written:
    """What writing one stretch came to; ``reached`` is None after the last."""

    reached: int | None
    count: int


async def plan(
    conn: AsyncConnection,
    broadcast: int,
    selection: Selection,
    expires_at: datetime,
    after: int,
    now: datetime,
) -> Written:
    """Write the deliveries of the stretch of addresses behind ``after``, once whoever asks.

    How far it is stands in the broadcast itself, so a stretch that is asked for again is passed.
    """
    found = (await conn.execute(_PLANNED.where(_broadcast.id == broadcast))).one()
    if found.planned_at is not None or found.stage == Stage.CANCELLED:
        return Written(None, 0)
    if found.reached > after:
        return Written(found.reached, 0)
    end = await audiences.stretch(conn, after, found.last_address or 0)
    if end is None:
        done = update(tables.broadcasts).where(_broadcast.id == broadcast)
        await conn.execute(done.values(planned_at=now, updated_at=now))
        return Written(None, 0)
    counts = await audiences.count(conn, selection, after, end)
    left_out = Counter(json.loads(found.left_out))
    for (channel, why), count in counts.items():
        if why is not None:
            left_out[f"{channel}:{why}"] += count
    count = await _write(conn, broadcast, selection, expires_at, after, end, now)
    progress = {
        "reached": end,
        "planned": found.planned + count,
        "left_out": json.dumps(left_out, sort_keys=True),
    }
    moved = update(tables.broadcasts).where(_broadcast.id == broadcast)
    await conn.execute(moved.values(progress))
    return Written(end, count)


async def _write(
    conn: AsyncConnection,
    broadcast: int,
    selection: Selection,
    expires_at: datetime,
    after: int,
    end: int,
    now: datetime,
) -> int:
    chosen = audiences.recipients(selection, after, end).subquery("recipients")
    number, channel, link, card = chosen.c
    fixed = {
        "kind": KIND,
        "urgency": int(Urgency.BROADCAST),
        "broadcast_id": broadcast,
        "about": "{}",
        "state": str(Post.PENDING),
        "cause": "",
        "due_at": now,
        "expires_at": expires_at,
        "attempts": 0,
        "repeats": 0,
        "created_at": now,
        "updated_at": now,
    }
    values: dict[str, ColumnElement[Any]] = {
        "key": literal(f"{KIND}:{broadcast}:").concat(cast(number, String)),
        "address_id": number,
        "channel": channel,
        "link_id": link,
        "card_id": card,
        **{name: literal(value, _row[name].type) for name, value in fixed.items()},
    }
    insert = upsert(conn, tables.deliveries).from_select(
        list(values), select(*values.values()).where(number.is_not(None)).order_by(number)
    )
    written = await conn.execute(insert.on_conflict_do_nothing(index_elements=["key"]))
    return written.rowcount


# --- what became of them ---------------------------------------------------------------------


async def outcomes(conn: AsyncConnection, broadcast: int) -> dict[tuple[str, Post, str], int]:
    """What became of a broadcast's deliveries so far."""
    group = (_row.channel, _row.state, _row.cause)
    found = await conn.execute(
        select(*group, func.count()).where(_row.broadcast_id == broadcast).group_by(*group)
    )
    return {(each[0], Post(each[1]), each[2]): each[3] for each in found}


async def is_open(conn: AsyncConnection, broadcast: int) -> bool:
    """Whether something is still to be sent or to be heard of, where people are written to."""
    waiting = select(_row.id).where(
        _row.broadcast_id == broadcast, _row.channel.in_(WRITTEN_TO), is_now(Post.PENDING)
    )
    under_way = select(_row.id).where(
        _row.broadcast_id == broadcast,
        _row.channel.in_(WRITTEN_TO),
        # Without a time until which it waits, an unknown one stays unknown.
        _row.state.in_((str(Post.SENDING), str(Post.UNKNOWN))),
        _row.rest_until.is_not(None),
    )
    for some in (waiting, under_way):
        if (await conn.execute(some.limit(1))).first() is not None:
            return True
    return False


async def sweep(conn: AsyncConnection, broadcast: int, now: datetime, limit: int = SWEEP) -> int:
    """Drop what a cancelled broadcast has not sent, at most so many; how many. What may have gone
    out before, and was to be tried again, stays unknown."""
    some = select(_row.id).where(_row.broadcast_id == broadcast, is_now(Post.PENDING)).limit(limit)
    state = case((_row.repeats > 0, str(Post.UNKNOWN)), else_=str(Post.DROPPED))
    swept = await conn.execute(
        update(tables.deliveries)
        .where(_row.id.in_(some))
        .values(state=state, cause="cancelled", rest_until=None, updated_at=now)
    )
    return swept.rowcount


async def send_again(
    conn: AsyncConnection, broadcast: int, posts: Sequence[Post], now: datetime
) -> int:
    """Let the deliveries in these states go once more; how many."""
    states = [str(post) for post in posts]
    again = await conn.execute(
        update(tables.deliveries)
        .where(
            _row.broadcast_id == broadcast,
            _row.channel.in_(list(LONGEST)),
            _row.state.in_(states),
        )
        .values(
            state=str(Post.PENDING),
            cause="",
            attempts=0,
            repeats=_row.repeats + case((_row.state == str(Post.UNKNOWN), 1), else_=0),
            due_at=now,
            rest_until=None,
            updated_at=now,
        )
    )
    return again.rowcount


# --- how fast it goes ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sample:
    """How many deliveries of a channel were dealt with at a moment of real time, and of those
    sent."""

    channel: str
    at: datetime
    settled: int
    sent: int


async def keep_samples(conn: AsyncConnection, broadcast: int, samples: Sequence[Sample]) -> None:
    """Write samples down; one of the same moment stays."""
    if not samples:
        return
    rows = [
        {
            "broadcast_id": broadcast,
            "channel": each.channel,
            "at": each.at,
            "settled": each.settled,
            "sent": each.sent,
        }
        for each in samples
    ]
    insert = upsert(conn, tables.samples)
    await conn.execute(insert.on_conflict_do_nothing(), rows)


async def samples_since(conn: AsyncConnection, broadcast: int, first: datetime) -> list[Sample]:
    """The samples from a moment on, in their order."""
    found = await conn.execute(
        select(_sample.channel, _sample.at, _sample.settled, _sample.sent)
        .where(_sample.broadcast_id == broadcast, _sample.at >= first)
        .order_by(_sample.at)
    )
    return [Sample(*each) for each in found]


_RUNNING = (
    select(_broadcast.id, _broadcast.urgent)
    .where(_broadcast.stage == str(Stage.RUNNING))
    .order_by(_broadcast.urgent.desc(), _broadcast.id)
)
_CAMPAIGNS = select(
    _broadcast.id,
    _broadcast.urgent,
    _broadcast.resend_unknown,
    _broadcast.audience,
    _broadcast.texts,
    _broadcast.templates,
)
_PLANNED = select(
    _broadcast.stage,
    _broadcast.reached,
    _broadcast.planned,
    _broadcast.planned_at,
    _broadcast.last_address,
    _broadcast.left_out,
).with_for_update()
