"""Counting what happens in the talk: in memory as it happens, in the records a little later.

The desk's own transactions never touch the rows that are counted in, which every process shares.
What a process had not written yet when it was killed is not counted: these are figures for charts,
no records of anybody. Knows neither the talk nor what a mark means.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

from bot.telemetry import FAULTS, place_of
from storage import ANSWER_WITHIN, Database, marks

log = logging.getLogger("hesbot.marks")

EVERY = 2.0
"""Seconds between two writings."""


class Marks:
    """Counts marks by the hour in UTC."""

    def __init__(self, database: Database, every: float = EVERY) -> None:
        self._database = database
        self._every = every
        self._counts: Counter[tuple[datetime, str]] = Counter()

    def count(self, names: Iterable[str], now: datetime) -> None:
        """Count what happened at that moment."""
        hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        self._counts.update((hour, name) for name in names)

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Write what was counted from time to time meanwhile, and what is left at the end."""
        over = asyncio.Event()
        writing = asyncio.create_task(self._write_until(over))
        try:
            yield
        finally:
            over.set()
            await writing

    async def flush(self) -> None:
        """Write what was counted; if that fails it stays counted for the next time."""
        taken, self._counts = self._counts, Counter()
        try:
            async with self._database.begin(ANSWER_WITHIN) as connection:
                await marks.add(connection, taken)
        except Exception as error:
            FAULTS.labels("marks").inc()
            log.warning("marks not written", extra={"error": place_of(error)})
            self._counts.update(taken)

    async def _write_until(self, over: asyncio.Event) -> None:
        while not over.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await over.wait()
            if self._counts:
                await self.flush()
