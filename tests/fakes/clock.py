"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime


class Clock:
    """Tells ``now``, which the test sets."""

    def __init__(self) -> None:
        self.now = datetime(2020, 12, 1, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now
