"""How fast a broadcast went so far, as a line for a chart. Pure: samples in, points out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from storage.campaigns import Sample

POINTS = 120
"""A line has about so many points at most."""
CLOSEST = timedelta(seconds=2)
"""Points nearer to each other would only show how unevenly a second is cut."""
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
    begun, before = totals[0]
    for at, sent in totals[1:]:
        if at - begun < width and (at, sent) != totals[-1]:
            continue
        if at - begun > max(PAUSE, 3 * width):
            line += [(begun, 0.0), (at, 0.0)]
        else:
            # What was sent can be found to have failed later.
            line.append((at, max(sent - before, 0) / (at - begun).total_seconds()))
        begun, before = at, sent
    return tuple(line)


def _totals(samples: Iterable[Sample]) -> Sequence[tuple[datetime, int]]:
    """How many were sent in all by each moment at which some channel was counted."""
    known: dict[str, int] = {}
    totals: dict[datetime, int] = {}
    for each in samples:
        known[each.channel] = each.sent
        totals[each.at] = sum(known.values())
    return tuple(totals.items())
