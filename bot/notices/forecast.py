"""How fast a broadcast goes and when it will be done. Pure: samples and clocks in, numbers out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from bot.notices.rules import QUIET_FROM, awake
from bot.notices.slots import EXACTNESS
from conversations.calendar import ISTANBUL
from storage.campaigns import Sample

LOOK_BACK = timedelta(seconds=60)
"""Over how long a speed is taken: long enough for pauses a messenger asks for, short enough to
follow a change."""
SHORTEST = timedelta(seconds=3)
"""Less says nothing about a speed."""


def speeds(
    samples: Iterable[Sample], running_since: datetime | None, real: datetime
) -> dict[str, tuple[float, float]]:
    """Deliveries dealt with and sent, a second, by channel; all times are real ones."""
    first_of_all = max(real - LOOK_BACK, running_since or real - LOOK_BACK)
    ends: dict[str, tuple[Sample, Sample]] = {}
    for each in samples:
        if each.at >= first_of_all:
            first, _ = ends.get(each.channel, (each, each))
            ends[each.channel] = (first, each)
    return {
        channel: _speed(first, last)
        for channel, (first, last) in ends.items()
        if last.at - first.at >= SHORTEST
    }


def _speed(first: Sample, last: Sample) -> tuple[float, float]:
    seconds = (last.at - first.at).total_seconds()
    return (last.settled - first.settled) / seconds, (last.sent - first.sent) / seconds


def seconds_left(
    pending: Mapping[str, int],
    settled_speed: Mapping[str, float],
    limits: Mapping[str, float],
) -> float | None:
    """For how many seconds of sending there is work left: channels go side by side.

    A channel whose speed is not known yet is reckoned at its limit; None where one has neither, or
    stands still.
    """
    longest = 0.0
    for channel, count in pending.items():
        if not count:
            continue
        speed = settled_speed.get(channel, limits.get(channel, 0.0) * EXACTNESS)
        if speed <= 0:
            return None
        longest = max(longest, count / speed)
    return longest


def done_at(now: datetime, seconds: float, *, urgent: bool) -> datetime:
    """When so many seconds of sending are over, by the product's clock; at night only what is
    urgent goes."""
    if urgent:
        return now + timedelta(seconds=seconds)
    moment, left = awake(now), timedelta(seconds=seconds)
    while True:
        night = _next_night(moment)
        if moment + left <= night:
            return moment + left
        left -= night - moment
        moment = awake(night)


def _next_night(moment: datetime) -> datetime:
    local = moment.astimezone(ISTANBUL)
    night = datetime.combine(local.date(), QUIET_FROM, ISTANBUL)
    return night.astimezone(moment.tzinfo)
