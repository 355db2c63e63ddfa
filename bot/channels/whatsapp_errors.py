"""What sending and reporting share: what Twilio's error numbers mean for a message of ours.

A number comes in the answer to a create or later in a report, and means the same in both.
The numbers and their words are Twilio's (twilio.com/docs/api/errors).
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping

from bot.channels.base import Fate, Outcome

REFERENCE = "d"
"""The parameter of a report's address that carries the delivery's key."""

TRAIL = "t"
"""The one that carries the id of the message that was answered."""

LOST = frozenset({"failed", "undelivered"})
"""Statuses after which a person has not had a message (Twilio, Message resource, Status)."""


def written(reference: str) -> str:
    """The key as it stands in an address: in letters that nobody on the way writes otherwise, for
    the address is signed."""
    return urlsafe_b64encode(reference.encode()).decode().rstrip("=")


def read(parameter: str) -> str:
    """The key again; "" if it is none of ours."""
    try:
        return urlsafe_b64decode(parameter + "=" * (-len(parameter) % 4)).decode()
    except ValueError:
        return ""


_TABLE: Mapping[Fate, str] = {
    # Too fast, too many in 24 hours, or the queue is full.
    Fate.BUSY: "20429 63018 63017 63038 30001 21611",
    # A fault over there, or the message waited longer than its ValidityPeriod (30036).
    Fate.AGAIN: "63010 63012 63023 30008 30036",
    Fate.CLOSED: "63016",
    Fate.OPTED_OUT: "21610 63033 63014",
    Fate.UNREACHABLE: "21211 21614 63003 63024",
    # WhatsApp chose not to deliver it to this person; it would not next time either.
    Fate.FAILED: "63032 63049",
    # What was sent is refused: its content, its template, or by policy. Others like it would be.
    Fate.BROKEN: "63005 63021 63027 63028 21655 21656 21617 21658 63013 63026 63040 63041",
    # Who sends is refused: the account, its credentials or its number.
    Fate.HALTED: "20003 63001 63002 63007 63020",
}


def _numbers() -> Iterator[tuple[str, Fate]]:
    for fate, numbers in _TABLE.items():
        yield from ((number, fate) for number in numbers.split())


FATES: Mapping[str, Fate] = dict(_numbers())
"""What becomes of a message, by Twilio's error number."""

PAUSES: Mapping[str, float] = {
    # Either too fast or too many people in 24 hours, and Twilio does not say which.
    "63018": 600.0,
    # Over 2,000 messages a second of the whole account; that passes.
    "63017": 60.0,
    # A window of 24 hours that slides, so that room comes back little by little.
    "63038": 3600.0,
    # Up to four hours of messages wait at Twilio; some minutes make room for some minutes' worth.
    "30001": 300.0,
    "21611": 300.0,
}
"""Seconds to wait after a refusal for pace, where a second is not enough."""

SHORTEST_PAUSE = 1.0
"""Seconds to wait where neither Twilio nor the table says how long."""


def outcome_of(number: str) -> Outcome | None:
    """What an error number means for a message; None if the table does not have it."""
    fate = FATES.get(number)
    if fate is None:
        return None
    pause = PAUSES.get(number, SHORTEST_PAUSE) if fate is Fate.BUSY else 0.0
    return Outcome(fate, number, retry_after=pause)
