"""The work of DBOS's steps, done in our event loop and asked for from DBOS's threads.

Knows neither DBOS nor what the work is.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Coroutine, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Protocol, TypeVar

from bot.clock import Clock
from bot.notices.rounds import Pass, Round, Stride
from bot.telemetry import FAULTS, place_of
from bot.tracing import span
from storage import Unavailable

log = logging.getLogger("hesbot.schedules")

Found = TypeVar("Found")

SHORTEST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds between two tries of a step while the records are down."""


LONGEST_REST = 5.0
"""Seconds at most between two pages."""


class Work(Protocol):
    """What is done in the steps: ``Passes``, ``Planned``."""

    @property
    def deadline(self) -> datetime: ...

    @property
    def offered(self) -> frozenset[Pass]: ...

    async def advance(self, task: str, now: datetime, began: datetime, after: int) -> Stride: ...

    async def wanted(self) -> list[Round]:
        """Rounds that were asked for, besides the timetable's."""
        ...


class Stopped(BaseException):
    """The process ends. DBOS records exceptions as a step's outcome, and this is none: the round
    stays open and goes on later."""


class Steps:
    """Does the work of steps in the event loop, asked from DBOS's threads.

    After each page of a round comes ``rest`` times as long as it took before the next. A page takes
    the longer the more people are being answered, so the timetable gives way to them by itself.
    """

    def __init__(self, work: Work, clock: Clock, rest: float = 0.0) -> None:
        self.work = work
        self.clock = clock
        self._rest = rest
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._stopped = False
        self._under_way: set[Future[Any]] = set()
        self._running: Counter[str] = Counter()

    def stop(self) -> None:
        """Break off what is under way, and take nothing more."""
        with self._lock:
            self._stopped = True
            for future in list(self._under_way):
                future.cancel()

    @contextmanager
    def running(self, what: str) -> Iterator[None]:
        """A round of that pass is under way in this process."""
        with self._lock:
            self._running[what] += 1
        try:
            yield
        finally:
            with self._lock:
                self._running[what] -= 1

    def is_running(self, what: str) -> bool:
        """Whether another round of that pass would only wait for the same trouble."""
        with self._lock:
            return self._running[what] > 0

    def take(self, what: str, began: str, after: int) -> list[Any]:
        """One page of a pass; plain values for DBOS. Blocks the calling thread."""
        stride = self._done(self._page(what, datetime.fromisoformat(began), after))
        return [stride.after, stride.count, int(stride.missed)]

    def wanted(self) -> list[Round]:
        """Rounds that were asked for. Blocks the calling thread."""
        return self._done(self.work.wanted())

    def _done(self, task: Coroutine[Any, Any, Found]) -> Found:
        """Do it in the event loop; what came of it."""
        with self._lock:
            if self._stopped:
                task.close()
                raise Stopped
            future = asyncio.run_coroutine_threadsafe(task, self._loop)
            self._under_way.add(future)
        try:
            return future.result()
        except CancelledError:
            raise Stopped from None
        finally:
            with self._lock:
                self._under_way.discard(future)

    async def _page(self, what: str, began: datetime, after: int) -> Stride:
        """Try until it is done. Nothing is given up: what fails here waits for the records, or for
        an operator who mends it, and goes on at this very page."""
        pause = SHORTEST_PAUSE
        while True:
            try:
                return await self._rested(what, began, after)
            except Unavailable as error:
                log.warning("records unavailable", extra={"pass": what, "why": str(error)})
            except Exception as error:
                log.error("a pass failed", extra={"pass": what, "error": place_of(error)})
            FAULTS.labels("schedules").inc()
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _rested(self, what: str, began: datetime, after: int) -> Stride:
        time = asyncio.get_running_loop().time
        started = time()
        with span("page", what=what) as page:
            stride = await self.work.advance(what, self.clock(), began, after)
            page.set(rows=stride.count)
        if stride.after is not None:
            await asyncio.sleep(min(self._rest * (time() - started), LONGEST_REST))
        return stride
