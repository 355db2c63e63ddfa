"""Waiting for a database server that is starting, as this process is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from storage import Unavailable

Found = TypeVar("Found")

log = logging.getLogger("hesbot.records")

AWAITED, PAUSE = 30.0, 1.0
"""Seconds for which a server that does not answer yet is awaited, and between two tries."""


async def patiently(
    work: Callable[[], Awaitable[Found]], awaited: float, *, pause: float = PAUSE
) -> Found:
    """Do the work; while the records are not to be had try again, for so many seconds. Then raise
    Unavailable."""
    loop = asyncio.get_running_loop()
    end = loop.time() + awaited
    while True:
        try:
            return await work()
        except Unavailable as error:
            if loop.time() >= end:
                raise
            log.warning("waiting for the database", extra={"why": str(error)})
        await asyncio.sleep(pause)
