"""How long a channel's queue is, for the operator's metrics."""

from __future__ import annotations

from bot.clock import Clock, wall
from bot.telemetry import HELD, QUEUE, URGENT_AGE
from storage import Database, tallies

EVERY = 20.0
"""Seconds between two counts: with millions in the queue counting takes its time."""


class Gauges:
    """Counts what waits on one channel, seldom and outside of what others wait for."""

    def __init__(self, channel: str, database: Database, clock: Clock) -> None:
        self._channel = channel
        self._database = database
        self._clock = clock
        self._shown_at = 0.0

    async def show(self) -> None:
        """Count if it is time to. Raise Unavailable."""
        now = wall().timestamp()
        if now - self._shown_at < EVERY:
            return
        async with self._database.read() as connection:
            due, age = await tallies.waiting(connection, self._channel, self._clock())
            held = await tallies.held(connection, self._channel)
        QUEUE.labels(self._channel).set(due)
        HELD.labels(self._channel).set(held)
        URGENT_AGE.labels(self._channel).set(age)
        self._shown_at = now
