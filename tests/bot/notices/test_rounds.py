"""When a pass is due, and what its rounds are called."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from bot.notices.rounds import Pass, due
from conversations.calendar import ISTANBUL

DEADLINE = datetime(2021, 1, 15, tzinfo=ISTANBUL)


def istanbul(month: int, day: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
    year = 2020 if month == 12 else 2021
    return datetime(year, month, day, hour, minute, second, tzinfo=ISTANBUL)


def rounds(now: datetime) -> dict[Pass, str]:
    return {each.what: each.name for each in due(now, DEADLINE)}


@pytest.mark.parametrize(
    ("now", "what", "name"),
    [
        (istanbul(1, 8, 8, 59, 59), Pass.CODE_REMINDERS, None),
        (istanbul(1, 8, 9), Pass.CODE_REMINDERS, "code_reminders:2021-01-08"),
        (istanbul(1, 8, 23, 59), Pass.CODE_REMINDERS, "code_reminders:2021-01-08"),
        (istanbul(1, 8, 2, 59), Pass.CODES, None),
        (istanbul(1, 8, 3), Pass.CODES, "codes:2021-01-08"),
        (istanbul(1, 14, 23, 59, 59), Pass.DEADLINE, None),
        (istanbul(1, 15, 0), Pass.DEADLINE, "deadline:2021-01-15T00:00"),
        (istanbul(1, 15, 0, 19), Pass.DEADLINE, "deadline:2021-01-15T00:10"),
        (istanbul(12, 31, 12), Pass.DEADLINE_REMINDERS, None),
        (istanbul(1, 1, 12), Pass.DEADLINE_REMINDERS, "deadline_reminders:2021-01-01"),
        (istanbul(1, 22, 12), Pass.DEADLINE_REMINDERS, "deadline_reminders:2021-01-22"),
        (istanbul(1, 23, 12), Pass.DEADLINE_REMINDERS, None),
        (istanbul(1, 8, 0, 0, 59), Pass.RETURNS, "returns:2021-01-08T00:00"),
        (istanbul(1, 8, 0, 1), Pass.RETURNS, "returns:2021-01-08T00:01"),
        (istanbul(1, 8, 0, 9), Pass.EXPIRY, "expiry:2021-01-08T00:05"),
        (istanbul(1, 8, 0, 19), Pass.UNFINISHED, "unfinished:2021-01-08T00:10"),
        (istanbul(1, 8, 5, 59), Pass.FORGET, "forget:2021-01-08T05:00"),
    ],
)
def test_the_timetable(now: datetime, what: Pass, name: str | None) -> None:
    assert rounds(now).get(what) == name


def test_a_round_is_called_the_same_in_every_zone() -> None:
    """Workers need not agree on how they write the time."""
    now = istanbul(1, 8, 9, 30)
    for zone in (UTC, timezone(timedelta(hours=5, minutes=45))):
        assert rounds(now.astimezone(zone)) == rounds(now)
