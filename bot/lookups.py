"""The duty desk looks somebody up: with a reason, and written down before anything is shown.

What it was searched by is kept nowhere: neither in the audit nor in a log nor in an error.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from conversations.calendar import today
from conversations.parsers import Doubt, Invalid, card_number, identity_number, mobile_phone
from storage import Connection, Database
from storage.lookups import Found, Lookups

SHORTEST_REASON, LONGEST_REASON = 5, 500
"""Characters of a reason."""


class NotAKey(ValueError):
    """The text is neither a card's 16 digits nor an identity number nor a mobile phone's."""


class NoReason(ValueError):
    """Too short or too long to be a reason, or it repeats what is searched by."""


class Looker(Protocol):
    """Somebody of the staff."""

    @property
    def name(self) -> str: ...


class Log(Protocol):
    """Where it is written down, see ``storage.audit``."""

    async def add(
        self, conn: Connection, who: str, act: str, subject: str, now: datetime, **detail: Any
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class _Key:
    """A number to find somebody by, and of what kind it is."""

    kind: str
    value: str


async def look_up(
    database: Database,
    lookups: Lookups,
    audit: Log,
    member: Looker,
    what: str,
    reason: str,
    now: datetime,
) -> Found:
    """Who is found by that number, masked; the look is on record by the time this returns.

    Raise NotAKey or NoReason before anything is looked at, storage.Unavailable if nothing could be
    read or written down.
    """
    key = _read(what, today(now))
    why = _reason(reason, key)
    async with database.begin() as conn:
        found = await _find(lookups, key)(conn, key.value, now)
        # Last, for others who write to the audit wait from here until the commit.
        for subject in _subjects(found):
            await audit.add(conn, member.name, "look", subject, now, by=key.kind, reason=why)
    return found


_PARSERS = {
    "card": card_number,
    "identity_number": identity_number,
    "phone": mobile_phone,
}


def _read(what: str, day: date) -> _Key:
    for kind, parse in _PARSERS.items():
        try:
            return _Key(kind, str(parse(what, day)))
        except Doubt as doubt:
            # Staff see what was found and can judge for themselves.
            return _Key(kind, str(doubt.value))
        except Invalid:
            continue
    raise NotAKey


def _reason(text: str, key: _Key) -> str:
    reason = " ".join(text.split())
    digits = re.sub("[^0-9]", "", reason)
    if not SHORTEST_REASON <= len(reason) <= LONGEST_REASON or key.value[-10:] in digits:
        raise NoReason
    return reason


def _find(lookups: Lookups, key: _Key) -> Callable[[Connection, str, datetime], Awaitable[Found]]:
    return {
        "card": lookups.by_card,
        "identity_number": lookups.by_identity_number,
        "phone": lookups.by_phone,
    }[key.kind]


def _subjects(found: Found) -> list[str]:
    """What the audit calls those who are shown; a look that finds nobody is one too."""
    if found.card is not None:
        return [f"card:{found.card.id}"]
    return [f"citizen:{each.id}" for each in found.citizens] or ["nobody"]
