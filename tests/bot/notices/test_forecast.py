"""How fast a broadcast goes, and when it will be done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.notices.forecast import done_at, seconds_left, speeds
from bot.notices.slots import EXACTNESS
from storage.campaigns import Sample

REAL = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOON = datetime(2021, 1, 8, 9, tzinfo=UTC)
"""Noon in Istanbul."""
HOUR = 3600.0


def sample(ago: float, settled: int, sent: int = 0, channel: str = "telegram") -> Sample:
    return Sample(channel, REAL - timedelta(seconds=ago), settled, sent)


class TestSpeeds:
    """Over the last minute of real time."""

    def test_what_was_dealt_with_and_sent_a_second(self) -> None:
        """From the first sample of the minute to the last, each channel for itself."""
        samples = [
            sample(90, 0),
            sample(50, 100, 80),
            sample(30, 50, 50, "whatsapp"),
            sample(20, 700, 620),
            sample(10, 900, 780),
            sample(10, 250, 150, "whatsapp"),
        ]
        found = speeds(samples, None, REAL)
        assert found == {"telegram": (20.0, 17.5), "whatsapp": (10.0, 5.0)}

    def test_before_it_ran_on_does_not_count(self) -> None:
        """A pause would look like a slow minute."""
        samples = [sample(50, 0), sample(20, 0), sample(10, 100, 100)]
        assert speeds(samples, REAL - timedelta(seconds=20), REAL) == {"telegram": (10.0, 10.0)}

    @pytest.mark.parametrize("samples", [[], [sample(9, 5)], [sample(9, 5), sample(7, 25)]])
    def test_too_little_says_nothing(self, samples: list[Sample]) -> None:
        """Two seconds are no speed."""
        assert speeds(samples, None, REAL) == {}


class TestSecondsLeft:
    """Channels go side by side: the longest one counts."""

    def test_the_longest_channel_counts(self) -> None:
        """One without anything left takes no time, whatever its speed."""
        pending = {"telegram": 100, "whatsapp": 100, "web": 0}
        assert seconds_left(pending, {"telegram": 10, "whatsapp": 4}, {}) == 25

    def test_an_unknown_speed_is_reckoned_at_the_limit(self) -> None:
        """As much of it as is ever used."""
        assert seconds_left({"telegram": 100}, {}, {"telegram": 25}) == 100 / (25 * EXACTNESS)

    @pytest.mark.parametrize(("speed", "limit"), [({"telegram": 0.0}, {"telegram": 25}), ({}, {})])
    def test_what_stands_still_has_no_end(
        self, speed: dict[str, float], limit: dict[str, float]
    ) -> None:
        """Nor what has neither a speed nor a limit."""
        assert seconds_left({"telegram": 1}, speed, limit) is None

    def test_nothing_left_is_done(self) -> None:
        assert seconds_left({}, {}, {}) == 0


class TestDoneAt:
    """By the product's clock, in Istanbul's days."""

    def test_within_the_day_it_is_simply_later(self) -> None:
        assert done_at(NOON, 10 * HOUR, urgent=False) == NOON + timedelta(hours=10)

    @pytest.mark.parametrize(
        ("hours", "nights"), [(10.5, 1), (23, 1), (23.5, 2), (10 + 13 * 4 + 1, 5)]
    )
    def test_a_night_is_slept_through(self, hours: float, nights: int) -> None:
        """From ten to nine, eleven hours each."""
        done = done_at(NOON, hours * HOUR, urgent=False)
        assert done == NOON + timedelta(hours=hours + 11 * nights)

    def test_at_night_it_begins_in_the_morning(self) -> None:
        """Whoever asks at two is told of after nine."""
        two = NOON - timedelta(hours=10)
        assert done_at(two, HOUR, urgent=False) == NOON - timedelta(hours=2)

    def test_what_is_urgent_goes_at_night(self) -> None:
        assert done_at(NOON, 20 * HOUR, urgent=True) == NOON + timedelta(hours=20)
