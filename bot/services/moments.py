"""Moments as other systems and operators write them (ISO 8601), the house's one way to read them.

What cannot be read is None, however absurd it is. Knows no command, no feed and no record.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

from conversations.calendar import ISTANBUL

_TIME_OF_DAY = re.compile(r"[Tt ]")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def moment(text: str) -> datetime | None:
    """A date with a time of day (Istanbul's if it names no zone) in UTC.

    None if the text is something else, or lies where UTC's calendar or Istanbul's has no days left.
    """
    spelt = text.strip()
    if not _TIME_OF_DAY.search(spelt):
        return None
    try:
        found = datetime.fromisoformat(spelt)
        return _in_utc(found if found.tzinfo else found.replace(tzinfo=ISTANBUL))
    except (ValueError, OverflowError):
        return None


def beginning(text: str) -> datetime | None:
    """A moment, or the first of a day in Istanbul, in UTC; None if the text is neither."""
    return moment(text) or _midnight(text, 0)


def ending(text: str) -> datetime | None:
    """The moment before which a period ends, in UTC; of a day, the first moment of the next."""
    return moment(text) or _midnight(text, 1)


def _midnight(text: str, later: int) -> datetime | None:
    spelt = text.strip()
    if not _DAY.fullmatch(spelt):
        return None
    try:
        day = date.fromisoformat(spelt) + timedelta(days=later)
        return _in_utc(datetime.combine(day, time(), ISTANBUL))
    except (ValueError, OverflowError):
        return None


def _in_utc(found: datetime) -> datetime:
    """The same in UTC. Raise OverflowError if it could not be shown in Istanbul's time later."""
    utc = found.astimezone(UTC)
    utc.astimezone(ISTANBUL)
    return utc
