"""What time it is. The one place that reads the clock, so that a demonstration can set it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Gives the present moment, aware and in UTC."""


def clock(start: datetime | None = None) -> Clock:
    """The real clock, or one that starts at ``start`` and runs on from there (``HESBOT_NOW``)."""
    if start is None:
        return lambda: datetime.now(UTC)
    shift = start - datetime.now(UTC)
    return lambda: datetime.now(UTC) + shift


def wall() -> datetime:
    """The real time, whatever ``HESBOT_NOW`` says: for what processes must agree on, such as leases
    and a messenger's limits."""
    return datetime.now(UTC)


def steady() -> float:
    """Seconds that only ever grow, for what is counted in this process."""
    return time.monotonic()
