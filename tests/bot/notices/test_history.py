"""The line of a broadcast's speed over time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from bot.notices.history import CLOSEST, history
from storage.campaigns import Sample

BEGAN = datetime(2021, 1, 8, 9, tzinfo=UTC)


def samples(seconds: range, rate: float = 30.0, channel: str = "telegram") -> list[Sample]:
    """A count each second of something that goes evenly."""
    return [
        Sample(channel, BEGAN + timedelta(seconds=second), 0, round(rate * (second - seconds[0])))
        for second in seconds
    ]


def test_an_even_speed_is_an_even_line() -> None:
    """Its points are not nearer to each other than they can be told apart."""
    line = history(samples(range(60)))
    assert {rate for _, rate in line} == {30.0}
    assert all(b - a >= CLOSEST for (a, _), (b, _) in pairwise(line))


def test_a_jump_within_a_second_is_evened_out() -> None:
    """A count that comes half a second late does not seem to pass the limit by half."""
    late = [
        Sample("telegram", BEGAN + timedelta(seconds=second + second % 2 * 0.4), 0, 30 * second)
        for second in range(60)
    ]
    assert max(rate for _, rate in history(late)) < 33


def test_channels_are_added_up() -> None:
    """Each is counted at the same moments."""
    both = samples(range(20)) + samples(range(20), 60.0, "whatsapp")
    line = history(sorted(both, key=lambda each: each.at))
    assert line[-1][1] == pytest.approx(90.0)


def test_nothing_goes_in_a_pause() -> None:
    """The line falls to nothing and comes up again where it went on."""
    before = samples(range(20))
    after = [
        Sample("telegram", each.at + timedelta(seconds=600), 0, each.sent + 570) for each in before
    ]
    line = history([*before, *after])
    still = [at for at, rate in line if rate == 0.0]
    assert still == [before[-1].at, after[0].at]


def test_a_long_one_has_few_points() -> None:
    """A day's samples make a chart and not a burden."""
    assert len(history(samples(range(0, 86400, 30)), points=120)) <= 121


@pytest.mark.parametrize("seconds", [range(0), range(1)])
def test_too_little_is_no_line(seconds: range) -> None:
    """One count says nothing about a speed."""
    assert history(samples(seconds)) == ()
