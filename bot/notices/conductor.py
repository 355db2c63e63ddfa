"""Watches over the broadcasts: starts what is scheduled, counts, pauses what fails, ends what is
done, and sweeps up what was cancelled.

Every worker does; whatever one of them has done, the others find done. Decides nothing that is the
staff's to decide.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta

from bot.clock import Clock, wall
from bot.notices.progress import OPEN, SENT, failing
from bot.telemetry import FAULTS, place_of
from conversations.broadcasts import Stage
from storage import Connection, Database, Unavailable, campaigns
from storage.broadcast_rows import Broadcast
from storage.broadcasts import Broadcasts
from storage.campaigns import Outcomes, Sample

log = logging.getLogger("hesbot.broadcasts")

EVERY = 1.0
"""Seconds between two looks."""
SLOWEST = 30.0
"""Seconds between two counts of a broadcast that has been running for long."""
COST = 20
"""A count that takes so many times as long as another is made so many times as seldom."""
REMEMBERED = timedelta(seconds=60)
"""Over how long failures are looked at, besides all since it began to run."""


class Conductor:
    """Watches until cancelled. ``real`` is the clock that speeds are measured by."""

    def __init__(
        self, database: Database, broadcasts: Broadcasts, clock: Clock, real: Clock = wall
    ) -> None:
        self._database = database
        self._broadcasts = broadcasts
        self._clock = clock
        self._real = real
        self._pause: dict[int, timedelta] = {}
        self._recent: dict[int, deque[tuple[datetime, Outcomes]]] = {}

    async def run(self) -> None:
        """Look every second."""
        while True:
            try:
                await self.look()
            except Unavailable as error:
                log.warning("records unavailable", extra={"why": str(error)})
            except Exception as error:
                FAULTS.labels("broadcasts").inc()
                log.error("a look failed", extra={"error": place_of(error)})
            await asyncio.sleep(EVERY)

    async def look(self) -> None:
        """One look. Raise Unavailable."""
        async with self._database.read() as connection:
            stages = (Stage.SCHEDULED, Stage.RUNNING)
            found = await self._broadcasts.newest(connection, stages, limit=1000)
            swept = await self._broadcasts.sweepable(connection)
        if any(self._is_due(each) for each in found):
            async with self._database.begin() as connection:
                await self._broadcasts.start_due(connection, self._clock(), self._real())
        running = [each for each in found if each.stage is Stage.RUNNING]
        for each in running:
            await self._count(each)
        for id in swept:
            await self._sweep(id)
        self._forget(each.id for each in running)

    def _is_due(self, each: Broadcast) -> bool:
        at = each.draft.starts_at
        return each.stage is Stage.SCHEDULED and at is not None and at <= self._clock()

    # --- counting -----------------------------------------------------------------------------

    async def _count(self, broadcast: Broadcast) -> None:
        """Count if it is time to and nobody else has."""
        began = self._real()
        if broadcast.counted_at and began - broadcast.counted_at < self._interval(broadcast, began):
            return
        async with self._database.read() as connection:
            counted = await campaigns.outcomes(connection, broadcast.id)
        now = self._real()
        self._pause[broadcast.id] = (now - began) * COST
        async with self._database.begin() as connection:
            await self._broadcasts.keep_count(connection, broadcast.id, counted, now)
            await campaigns.keep_samples(connection, broadcast.id, _samples(counted, now))
            if not await self._pause_failing(connection, broadcast, counted, now):
                await self._broadcasts.finish(connection, broadcast.id, self._clock())

    def _interval(self, broadcast: Broadcast, now: datetime) -> timedelta:
        """The longer it runs and the longer a count takes, the seldomer it is counted."""
        age = now - (broadcast.running_since or now)
        usual = timedelta(seconds=min(max(age.total_seconds() / 60, EVERY), SLOWEST))
        # What is looked at every second is not to be put off to the next look for milliseconds.
        return max(usual, self._pause.get(broadcast.id, usual)) - timedelta(seconds=EVERY / 2)

    async def _pause_failing(
        self, connection: Connection, broadcast: Broadcast, counted: Outcomes, now: datetime
    ) -> bool:
        baseline = {(channel, post, cause): n for channel, post, cause, n in broadcast.baseline}
        recent = self._recent.setdefault(broadcast.id, deque())
        while recent and now - recent[0][0] > REMEMBERED:
            recent.popleft()
        befores: list[Outcomes] = [baseline]
        if recent and recent[0][0] >= (broadcast.running_since or now):
            befores.append(recent[0][1])
        recent.append((now, counted))
        for before in befores:
            if why := failing(before, counted, broadcast.draft.failure_limit):
                await self._broadcasts.pause_for(connection, broadcast.id, why.text, self._clock())
                log.error("broadcast paused: too many fail", extra={"broadcast": broadcast.id})
                return True
        return False

    # --- ending -------------------------------------------------------------------------------

    async def _sweep(self, id: int) -> None:
        async with self._database.begin() as connection:
            swept = await campaigns.sweep(connection, id, self._clock())
            if not swept and not await campaigns.is_open(connection, id):
                await self._broadcasts.close_cancelled(connection, id, self._clock())

    def _forget(self, running: Iterable[int]) -> None:
        kept = set(running)
        self._pause = {id: each for id, each in self._pause.items() if id in kept}
        self._recent = {id: each for id, each in self._recent.items() if id in kept}


def _samples(counted: Outcomes, now: datetime) -> list[Sample]:
    settled: dict[str, list[int]] = {}
    for (channel, post, _), count in counted.items():
        totals = settled.setdefault(channel, [0, 0])
        totals[0] += 0 if post in OPEN else count
        totals[1] += count if post in SENT else 0
    return [Sample(channel, now, *totals) for channel, totals in settled.items()]
