"""How fast a broadcast went so far, as a line for a chart. Pure: samples in, points out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from storage.campaigns import Sample

POINTS = 120
"""A line has about so many points at most."""
CLOSEST = timedelta(seconds=2)
"""Points nearer to each other would only show how unevenly a second is cut."""
WINDOW = timedelta(seconds=5)
"""A speed is taken over so long at least: counts come unevenly by some tenths of a second."""
PAUSE = timedelta(seconds=90)
"""Nothing was counted for so long: it was paused, and nothing went."""

Point = tuple[datetime, float]
"""A moment of real time, and how many messages a second went out until then."""


def history(samples: Iterable[Sample], points: int = POINTS) -> tuple[Point, ...]:
    """The speed of all channels together, oldest first."""
    totals = _totals(samples)
    if len(totals) < 2:
        return ()
    width = max((totals[-1][0] - totals[0][0]) / points, CLOSEST)
    line: list[Point] = []
    shown, back = totals[0][0], 0
    for place, (at, _) in enumerate(totals[1:], 1):
        before = totals[place - 1][0]
        if at - before > PAUSE:
            line += [(before, 0.0), (at, 0.0)]
            shown, back = at, place
        elif at - shown >= width:
            while at - totals[back + 1][0] >= max(width, WINDOW):
                back += 1
            line.append((at, _speed(totals[back], totals[place])))
            shown = at
    return tuple(line)


def _speed(first: tuple[datetime, int], last: tuple[datetime, int]) -> float:
    # What was sent can be found to have failed later.
    return max(last[1] - first[1], 0) / (last[0] - first[0]).total_seconds()


def _totals(samples: Iterable[Sample]) -> Sequence[tuple[datetime, int]]:
    """How many were sent in all by each moment at which some channel was counted."""
    known: dict[str, int] = {}
    totals: dict[datetime, int] = {}
    for each in samples:
        known[each.channel] = each.sent
        totals[each.at] = sum(known.values())
    return tuple(totals.items())
