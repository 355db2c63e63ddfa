"""How a process ends: one word to all its parts at once, and one time for all of them.

Knows nothing of what ends. Every part asks what is left of the time that began with the word; what
could not be finished by then is as after a kill.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
import time
from collections.abc import Callable

log = logging.getLogger("hesbot")

CALLS = 3.0
"""Seconds from the word for what is under way: requests, calls to messengers, pages of a round."""
WRITING = 4.0
"""Seconds from the word until what came of it has to be written down."""
GONE = 4.6
"""Seconds from the word after which nothing is waited for any more."""


Left = Callable[[float], float]
"""Seconds left of so many since the process was told to stop."""


class Stop:
    """The end of a process. ``leave`` ends it at once, whatever holds it; called from a thread."""

    def __init__(self, leave: Callable[[], object] | None = None) -> None:
        self._leave = leave
        self._told = asyncio.Event()
        self._at: float | None = None

    def begin(self) -> None:
        """Give the word. The first time counts."""
        if self._at is not None:
            return
        self._at = time.monotonic()
        self._told.set()
        if self._leave is not None:
            last = threading.Timer(GONE, self._leave)
            # Whoever is done earlier does not wait for it.
            last.daemon = True
            last.start()

    async def told(self) -> None:
        """Wait for the word."""
        await self._told.wait()

    def left(self, until: float) -> float:
        """Seconds left of so many from the word on; all of them before it."""
        passed = 0.0 if self._at is None else time.monotonic() - self._at
        return max(until - passed, 0.0)


async def signalled() -> None:
    """Wait for SIGTERM or Ctrl-C."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, told.set)
    await told.wait()


def leave_at_once() -> None:
    """End this process as it is. It was told to stop, so that this is no failure of its own."""
    log.warning("not everything could be finished in time; what was under way is as after a kill")
    os._exit(0)
