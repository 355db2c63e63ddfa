"""Load on a bot: citizens who write as soon as they are answered, or so many messages a second.

Every answer is checked; a wrong one ends the run. Times are taken here, the bot's processor time
from ``/proc``.
"""

from __future__ import annotations

import asyncio
import math
import time
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.benchmarks.citizens import STEPS, Citizen, WrongAnswer, check
from tests.benchmarks.machine import cpu_seconds
from tests.benchmarks.messengers import Messenger
from tests.benchmarks.wire import Line

LONGEST = 60.0
"""Seconds in which a bot must have answered something, however busy the machine is."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One measurement. Times are milliseconds, ``cpu`` microseconds of the bot per message."""

    messages: float
    registrations: float
    p50: float
    p99: float
    cpu: float


@dataclass
class Tally:
    """What has been answered in the time that counts."""

    latencies: array[float] = field(default_factory=lambda: array("d"))
    registrations: int = 0

    def figures(self, seconds: float, cpu: float) -> Figures:
        count, ordered = len(self.latencies), sorted(self.latencies)
        if not count:
            raise WrongAnswer("nothing was answered in time")
        return Figures(
            count / seconds,
            self.registrations / seconds,
            ordered[count // 2] * 1000,
            ordered[min(count - 1, count * 99 // 100)] * 1000,
            cpu / count * 1e6,
        )


class Crowd:
    """Citizens at one bot. ``checked``: False for the floor, which answers everybody the same.

    ``saved`` counts the registrations that were answered as saved, in and out of the time that
    counts.
    """

    def __init__(
        self, messenger: Messenger, port: int, numbers: Iterator[int], *, checked: bool = True
    ) -> None:
        self._messenger = messenger
        self._port = port
        self._numbers = numbers
        self._checked = checked
        self._tally = Tally()
        self._over = False
        self.saved = 0

    async def closed(self, users: int, seconds: float, pid: int, warm_up: float) -> Figures:
        """So many users, each of whom writes once the last message is answered."""
        self._over = False
        async with asyncio.TaskGroup() as group:
            for _ in range(users):
                group.create_task(self._user())
            return await self._count(seconds, pid, warm_up)

    async def open(
        self, rate: float, users: int, seconds: float, pid: int, warm_up: float
    ) -> Figures:
        """So many messages a second, whatever the bot does; late ones count from when they were
        due."""
        self._over = False
        async with asyncio.TaskGroup() as group:
            began = time.perf_counter()
            for place in range(users):
                group.create_task(self._user(began + place / rate, users / rate))
            return await self._count(seconds, pid, warm_up)

    async def one(self) -> None:
        """A single registration, from its first message to the last."""
        line = await Line.to(self._port)
        try:
            await self._register(line, None, 0.0)
        finally:
            line.close()

    async def _count(self, seconds: float, pid: int, warm_up: float) -> Figures:
        await asyncio.sleep(warm_up)
        tally = self._tally = Tally()
        began, used = time.perf_counter(), cpu_seconds(pid)
        for _ in range(math.ceil(LONGEST / seconds)):
            await asyncio.sleep(seconds)
            if tally.latencies:
                break
        took, used = time.perf_counter() - began, cpu_seconds(pid) - used
        self._tally, self._over = Tally(), True
        return tally.figures(took, used)

    async def _user(self, due: float | None = None, every: float = 0.0) -> None:
        line = await Line.to(self._port)
        try:
            while not self._over:
                due = await self._register(line, due, every)
        finally:
            line.close()

    async def _register(self, line: Line, due: float | None, every: float) -> float | None:
        """One registration; when the next message is due, if they are due at all."""
        citizen = Citizen(next(self._numbers))
        last = b""
        for place, words in enumerate(citizen.lines()):
            if due is not None:
                await asyncio.sleep(due - time.perf_counter())
            request = self._messenger.request(citizen, place, words, last)
            began = time.perf_counter() if due is None else due
            status, last = await line.ask(request)
            self._tally.latencies.append(time.perf_counter() - began)
            if status != 200:
                raise WrongAnswer(f"message {place + 1} of {STEPS}: status {status}")
            if self._checked:
                check(place, self._messenger.words(citizen, last))
            if place == STEPS - 1:
                self.saved += 1
                self._tally.registrations += 1
            if due is not None:
                due += every
            if self._over:
                break
        return due
