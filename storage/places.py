"""A place in the order of moments and, at one moment, of numbers: where a page of rows ends.

One whole number, so that it can be handed on and remembered like the number of a row. Knows no
table.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

MOST = 1 << 31
"""More than the number of any row there will ever be."""
_DAWN = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


def place(moment: datetime, number: int = MOST - 1) -> int:
    """The place of that number at that moment; without one, behind all that are of that moment."""
    return (moment - _DAWN) // _TICK * MOST + number


def found_at(reached: int) -> tuple[datetime, int]:
    """The moment and the number of a place; 0 is before all."""
    ticks, number = divmod(reached, MOST)
    return _DAWN + ticks * _TICK, number
