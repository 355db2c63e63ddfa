"""Waiting for something to become true, without polling."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

PATIENCE = 10.0
"""Seconds before a wait fails with TimeoutError."""


class Pulse:
    """Beats whenever something moved, and so wakes those who wait for a condition."""

    def __init__(self) -> None:
        self._moved = asyncio.Event()

    def beat(self) -> None:
        self._moved.set()

    async def until(self, condition: Callable[[], bool], patience: float = PATIENCE) -> None:
        """Return once ``condition`` holds; TimeoutError after ``patience`` seconds."""
        async with asyncio.timeout(patience):
            while not condition():
                self._moved.clear()
                await self._moved.wait()
