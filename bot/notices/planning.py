"""Whom a broadcast goes to: counted beforehand, and written into the ledger once it is approved.

Both go stretch by stretch; the writing is a round of the timetable's workflows, so that it goes on
behind its last stretch after a kill. Knows no messenger beyond its name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from bot.notices.passes import Passes
from bot.notices.rounds import PLAN, Pass, Round, Stride
from bot.notices.rules import WINDOW
from conversations.broadcasts import LeftOut
from storage import Connection
from storage.audiences import Selection, count, newest_address, stretch
from storage.broadcast_rows import Broadcast, Draft
from storage.broadcasts import Broadcasts
from storage.campaigns import plan

ANSWERED_FOR = timedelta(days=14)
"""How long a broadcast waits for who comes by, or for a messenger that is down."""


class Reads(Protocol):
    """What can be read from."""

    def read(self) -> AbstractAsyncContextManager[Connection]: ...


class Writes(Reads, Protocol):
    """What can be read from and written to."""

    def begin(self) -> AbstractAsyncContextManager[Connection]: ...


# --- counting --------------------------------------------------------------------------------


@dataclass(slots=True)
class Count:
    """How many of an audience are written to, by channel, and how many are not and why."""

    reached: Counter[str] = field(default_factory=Counter)
    left_out: Counter[tuple[str, LeftOut]] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """Everybody who is written to."""
        return self.reached.total()


def selection_of(
    draft: Draft, channels: Collection[str], now: datetime, as_of: datetime | None = None
) -> Selection:
    """The audience of a draft by the channels that are set up, at that moment."""
    return Selection(
        draft.audience,
        as_of or now,
        now - WINDOW,
        draft.urgent,
        tuple(channels),
        tuple(draft.texts),
        tuple(draft.templates),
    )


async def counted(
    records: Reads, selection: Selection, progress: Callable[[int, int], object] | None = None
) -> Count:
    """Count an audience; nobody waits for it. ``progress`` is told how far of how many addresses.

    Raise Unavailable.
    """
    found, after = Count(), 0
    async with records.read() as connection:
        last = await newest_address(connection)
    while True:
        async with records.read() as connection:
            end = await stretch(connection, after, last)
            if end is None:
                return found
            some = await count(connection, selection, after, end)
        for (channel, why), many in some.items():
            if why is None:
                found.reached[channel] += many
            else:
                found.left_out[channel, why] += many
        after = end
        if progress is not None:
            progress(end, last)


# --- writing ---------------------------------------------------------------------------------


class Planned:
    """The passes of the timetable, and the writing of broadcasts that are approved.

    ``channels`` are those that are set up here.
    """

    def __init__(
        self, passes: Passes, records: Writes, broadcasts: Broadcasts, channels: Iterable[str]
    ) -> None:
        self._passes = passes
        self._records = records
        self._broadcasts = broadcasts
        self._channels = tuple(channels)

    @property
    def deadline(self) -> datetime:
        """The passes' deadline."""
        return self._passes.deadline

    @property
    def offered(self) -> frozenset[Pass]:
        """The passes that can be made here."""
        return self._passes.offered

    async def wanted(self) -> list[Round]:
        """Broadcasts whose deliveries are still to be written."""
        async with self._records.read() as connection:
            ids = await self._broadcasts.unplanned(connection)
        return [Round(PLAN, str(id)) for id in ids]

    async def advance(self, task: str, now: datetime, began: datetime, after: int) -> Stride:
        """Do the page behind ``after``, 0 for the first. Raise Unavailable."""
        what, _, number = task.partition(":")
        if what == PLAN:
            return await self._plan(int(number), now, after)
        return await self._passes.advance(task, now, began, after)

    async def _plan(self, id: int, now: datetime, after: int) -> Stride:
        async with self._records.begin() as connection:
            broadcast = await self._broadcasts.get(connection, id)
            selection = selection_of(broadcast.draft, self._channels, now, broadcast.as_of)
            written = await plan(connection, id, selection, _expiry(broadcast, now), after, now)
        return Stride(written.reached, written.count)


def _expiry(broadcast: Broadcast, now: datetime) -> datetime:
    return max(broadcast.draft.starts_at or now, now) + ANSWERED_FOR
