"""When time has something to do: which pass is due, and what one round of it is called.

Pure: no clock, no records. A round's name says what period it is of, so that of several processes
only one does it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum
from types import MappingProxyType

from bot.notices.rules import DEADLINE_DAYS, QUIET_TO, days_until
from conversations.calendar import ISTANBUL

CODES_AT = time(3)
"""Istanbul time of the nightly questions to the HES service."""

LATE_DAYS = 7
"""For how many days after the deadline people are still told that it has passed, should nothing
have been running before."""

MOST_MISSES = 3
"""After so many pages in a row on which an outside service was silent, a round is over."""


class Pass(StrEnum):
    """What is done over and over, page by page: the names of ``Passes`` and of its workflows."""

    CODES = "codes"
    RETURNS = "returns"
    EXPIRY = "expiry"
    DEADLINE = "deadline"
    CODE_REMINDERS = "code_reminders"
    DEADLINE_REMINDERS = "deadline_reminders"
    UNFINISHED = "unfinished"
    FORGET = "forget"


NOTICES = (
    Pass.CODES,
    Pass.RETURNS,
    Pass.EXPIRY,
    Pass.DEADLINE,
    Pass.CODE_REMINDERS,
    Pass.DEADLINE_REMINDERS,
    Pass.UNFINISHED,
)
"""The passes that people hear of, in the order of a day: what is learned first is told after."""


PLAN = "plan"
"""Writing the deliveries of a broadcast: a round for each of them."""


@dataclass(frozen=True, slots=True)
class Round:
    """One period's run of a pass, or the writing of a broadcast, whose number is its period."""

    what: str
    period: str

    @property
    def name(self) -> str:
        """What the round is called wherever it is remembered."""
        return f"{self.what}:{self.period}"

    @property
    def task(self) -> str:
        """What is done in its steps, one of a kind at a time."""
        return self.name if self.what == PLAN else str(self.what)


def task_of(name: str) -> str:
    """The task of a round by its name."""
    what, _, period = name.partition("@")[0].partition(":")
    return Round(what, period).task


@dataclass(frozen=True, slots=True)
class Stride:
    """What one page came to.

    ``after`` is where the next one begins, None after the last. ``missed``: an outside service did
    not answer, and the page is left for another day.
    """

    after: int | None
    count: int = 0
    missed: bool = False


def due(now: datetime, deadline: datetime) -> Iterator[Round]:
    """The rounds of the present periods; whether they were done before is not known here."""
    for what, period_of in _TIMETABLE.items():
        period = period_of(now, deadline)
        if period is not None:
            yield Round(what, period)


Period = Callable[[datetime, datetime], str | None]
"""The present period by now and the deadline; None while there is nothing to do."""


def _every(minutes: int) -> Period:
    def period(now: datetime, _deadline: datetime) -> str:
        local = now.astimezone(ISTANBUL)
        minute = (60 * local.hour + local.minute) // minutes * minutes
        return f"{local.date()}T{minute // 60:02}:{minute % 60:02}"

    return period


def _daily(at: time) -> Period:
    """Once a day from that time in Istanbul on."""

    def period(now: datetime, _deadline: datetime) -> str | None:
        local = now.astimezone(ISTANBUL)
        return local.date().isoformat() if local.time() >= at else None

    return period


def _after_deadline(period_of: Period) -> Period:
    def period(now: datetime, deadline: datetime) -> str | None:
        return period_of(now, deadline) if now >= deadline else None

    return period


def _near_deadline(period_of: Period) -> Period:
    def period(now: datetime, deadline: datetime) -> str | None:
        left = days_until(deadline, now)
        return period_of(now, deadline) if -LATE_DAYS <= left <= max(DEADLINE_DAYS) else None

    return period


_TIMETABLE: Mapping[Pass, Period] = MappingProxyType(
    {
        Pass.RETURNS: _every(minutes=1),
        Pass.EXPIRY: _every(minutes=5),
        Pass.DEADLINE: _after_deadline(_every(minutes=10)),
        Pass.UNFINISHED: _every(minutes=10),
        Pass.CODE_REMINDERS: _daily(QUIET_TO),
        Pass.DEADLINE_REMINDERS: _near_deadline(_daily(QUIET_TO)),
        Pass.CODES: _daily(CODES_AT),
        Pass.FORGET: _every(minutes=60),
    }
)
