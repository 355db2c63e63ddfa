"""How broadcasts stand, worked out once for everybody who looks.

Where one stands is read every second; its deliveries are counted at most every second, and the
more seldom the longer a count takes. Knows no page and no sentence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.clock import Clock, wall
from bot.notices.history import Point, history
from bot.notices.progress import Progress, progress
from conversations.broadcasts import Stage
from storage import Broadcast, Broadcasts, Database, campaigns
from storage.campaigns import Outcomes, Sample

LEAST, SHARE = 1.0, 20
"""What was read holds for so many seconds at least; a count so many times as long as it took."""
KEPT = 60.0
"""Seconds after which what nobody looked at is forgotten."""
LOOK_BACK = timedelta(minutes=2)
"""From how far back samples matter for the present speed."""
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

UNCOUNTED = frozenset({Stage.DRAFT, Stage.SUBMITTED})
"""There is nothing to count yet."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A broadcast and how far it is. ``counted_at`` and the points of ``line`` are by the product's
    clock."""

    broadcast: Broadcast
    progress: Progress
    outcomes: Outcomes
    counted_at: datetime
    line: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class _Count:
    stage: Stage
    at: datetime
    real: datetime
    outcomes: Outcomes
    samples: tuple[Sample, ...]
    holds_until: float


@dataclass(slots=True)
class _Seen:
    looked_at: float = 0.0
    holds_until: float = 0.0
    work: asyncio.Task[Standing] | None = None
    count: _Count | None = None


class Standings:
    """``limits`` are messages a second by channel; ``real`` is the clock speeds are measured by,
    ``ticks`` gives seconds that pass evenly."""

    def __init__(
        self,
        database: Database,
        broadcasts: Broadcasts,
        limits: Mapping[str, float],
        now: Clock,
        real: Clock = wall,
        ticks: Callable[[], float] | None = None,
    ) -> None:
        self.limits = limits
        self._database = database
        self._broadcasts = broadcasts
        self._now = now
        self._real = real
        self._ticks = ticks
        self._seen: dict[int, _Seen] = {}

    async def of(self, id: int) -> Standing:
        """How the broadcast with that number stands. Raise Refusal, storage.Unavailable."""
        self._forget()
        seen = self._seen.setdefault(id, _Seen())
        seen.looked_at = self._tick()
        if seen.work is None or (seen.work.done() and seen.looked_at >= seen.holds_until):
            seen.work = asyncio.create_task(self._look(id, seen))
            # Nobody may be left to be told of a failure.
            seen.work.add_done_callback(lambda work: work.cancelled() or work.exception())
        # Who goes away does not take the work from those who still wait.
        return await asyncio.shield(seen.work)

    def moved(self, id: int) -> None:
        """Something was done to it: whoever looks next is shown where it stands now."""
        if id in self._seen:
            self._seen[id].work = None

    async def _look(self, id: int, seen: _Seen) -> Standing:
        try:
            async with self._database.read() as connection:
                found = await self._broadcasts.get(connection, id)
            count = await self._count(found, seen)
        finally:
            seen.holds_until = self._tick() + LEAST * 0.9
        shift = count.at - count.real
        return Standing(
            found,
            progress(
                found,
                count.outcomes,
                [each for each in count.samples if each.at >= count.real - LOOK_BACK],
                self.limits,
                count.at,
                count.real,
            ),
            count.outcomes,
            count.at,
            tuple((at + shift, rate) for at, rate in history(count.samples)),
        )

    async def _count(self, broadcast: Broadcast, seen: _Seen) -> _Count:
        """The last count, or another if that does not hold any more."""
        began = self._tick()
        kept = seen.count
        if kept and kept.stage is broadcast.stage and began < kept.holds_until:
            return kept
        at, real = self._now(), self._real()
        outcomes: Outcomes = {}
        samples: list[Sample] = []
        if broadcast.stage not in UNCOUNTED:
            async with self._database.read() as connection:
                outcomes = await campaigns.outcomes(connection, broadcast.id)
                samples = await campaigns.samples_since(connection, broadcast.id, LONG_AGO)
        ended = self._tick()
        holds_until = ended + max(LEAST * 0.9, SHARE * (ended - began))
        seen.count = _Count(broadcast.stage, at, real, outcomes, tuple(samples), holds_until)
        return seen.count

    def _forget(self) -> None:
        old = self._tick() - KEPT
        self._seen = {id: seen for id, seen in self._seen.items() if seen.looked_at >= old}

    def _tick(self) -> float:
        return self._ticks() if self._ticks is not None else asyncio.get_running_loop().time()
