"""Istanbul's time: what day it is for the people we talk to."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

ISTANBUL = timezone(timedelta(hours=3), "Europe/Istanbul")
"""Turkey has kept UTC+3 all year round since September 2016."""


def today(now: datetime) -> date:
    """The day it is in Istanbul."""
    return now.astimezone(ISTANBUL).date()


def last_moment(end: datetime) -> datetime:
    """The last moment before an end: what ends at midnight had its last day the day before."""
    return end - timedelta(microseconds=1)
