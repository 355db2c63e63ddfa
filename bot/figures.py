"""The figures of the console's first page, worked out once for everybody who looks.

Knows no page and no sentence. Hours and days are told as people in Istanbul count them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from bot.clock import Clock
from bot.funnel import Funnel, funnel
from conversations import marking
from conversations.actions import Status
from conversations.calendar import ISTANBUL, today
from storage import Database, Post, marks, overview
from storage.overview import Queue

ALL_CARDS, PERSONALISED_CARDS = 34_260_087, 8_260_087
"""How many cards there are in the city, and how many of them bear a name."""

HOURS, DAYS = 48, 30
"""How far back registrations are told, this hour and this day included."""

LEAST, SHARE = 5.0, 20
"""Figures hold for so many seconds at least, and so many times as long as it took to work them out;
a failure to do so for as long as it took."""

Ticks = Callable[[], float]
"""Seconds that pass evenly, since any moment."""


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole at one moment.

    ``hours`` begin at a full hour (UTC); ``days`` are Istanbul's; both end with the present one,
    which is not over, and leave none out. ``lately`` is the funnel of the last 24 hours, ``funnel``
    that of all ``days``.
    """

    at: datetime
    cards: Mapping[Status, int]
    notices: Mapping[tuple[str, Post], int]
    queues: tuple[Queue, ...]
    hours: tuple[tuple[datetime, int], ...]
    days: tuple[tuple[date, int], ...]
    lately: Funnel
    funnel: Funnel


class Figures:
    """Gives an overview that is worked out at most so often, by one at a time."""

    def __init__(self, database: Database, now: Clock, ticks: Ticks | None = None) -> None:
        self._database = database
        self._now = now
        self._ticks = ticks
        self._work: asyncio.Task[Overview] | None = None
        self._holds_until = 0.0

    async def overview(self) -> Overview:
        """The present figures. Raise storage.Unavailable if they could not be read just now."""
        if self._work is None or (self._work.done() and self._tick() >= self._holds_until):
            self._work = asyncio.create_task(self._renew())
            # Nobody may be left to be told of a failure.
            self._work.add_done_callback(lambda work: work.cancelled() or work.exception())
        # Who goes away does not take the work from those who still wait.
        return await asyncio.shield(self._work)

    async def _renew(self) -> Overview:
        began, share = self._tick(), 1
        try:
            found = await look(self._database, self._now())
            share = SHARE
            return found
        finally:
            ended = self._tick()
            self._holds_until = ended + max(LEAST, share * (ended - began))

    def _tick(self) -> float:
        return self._ticks() if self._ticks is not None else asyncio.get_running_loop().time()


async def look(database: Database, now: datetime) -> Overview:
    """Work out all figures anew."""
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    first = _first_hour(now)
    # Apart from the rest: it takes by far the longest, and a long look is a burden to writers.
    async with database.read() as connection:
        cards = await overview.cards(connection)
    async with database.read() as connection:
        notices = await overview.notices(connection)
        waiting = [channel for channel, post in notices if post is Post.PENDING]
        saved = await marks.hourly(connection, marking.SAVED, first)
        return Overview(
            at=now,
            cards=cards,
            notices=notices,
            queues=tuple(await overview.queues(connection, waiting, now)),
            hours=by_hour(saved, hour),
            days=by_day(saved, today(now)),
            lately=funnel(await marks.since(connection, hour - timedelta(hours=23))),
            funnel=funnel(await marks.since(connection, first)),
        )


def by_hour(counts: Mapping[datetime, int], last: datetime) -> tuple[tuple[datetime, int], ...]:
    """The last hours up to that one, oldest first."""
    hours = [last - timedelta(hours=back) for back in reversed(range(HOURS))]
    return tuple((hour, counts.get(hour, 0)) for hour in hours)


def by_day(counts: Mapping[datetime, int], last: date) -> tuple[tuple[date, int], ...]:
    """The last days up to that one, oldest first, each from midnight in Istanbul."""
    days = {last - timedelta(days=back): 0 for back in reversed(range(DAYS))}
    for hour, count in counts.items():
        if (day := today(hour)) in days:
            days[day] += count
    return tuple(days.items())


def _first_hour(now: datetime) -> datetime:
    """Midnight in Istanbul at the beginning of the first day that is told."""
    day = today(now) - timedelta(days=DAYS - 1)
    return datetime(day.year, day.month, day.day, tzinfo=ISTANBUL).astimezone(UTC)
