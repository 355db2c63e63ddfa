"""What would go out on a day, and doing a day's passes by hand.

The outlook is the passes themselves, made on that day's clock in one transaction that is undone.
Knows no messenger; identities are masked here and leave in no other way.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from bot.notices.passes import Passes, Transactions
from bot.notices.rounds import MOST_MISSES, NOTICES, Pass
from bot.notices.rules import objection
from conversations import masks
from conversations.calendar import ISTANBUL
from storage import Connection, Database, Parcel, Registry, Vault
from storage.upcoming import doomed, upcoming

PAGE = 500
LIMIT = 20.0
"""Seconds for which people who pair may have to wait for an outlook."""


def noon(day: date) -> datetime:
    """The day's middle in Istanbul, when everything may be said."""
    return datetime.combine(day, time(12), ISTANBUL)


async def make(passes: Passes, now: datetime, which: tuple[Pass, ...] = NOTICES) -> None:
    """Make these passes to their end, by that moment. Raise Unavailable."""
    for what in which:
        if what in passes.offered:
            await _make_one(passes, what, now)


async def _make_one(passes: Passes, what: Pass, now: datetime) -> None:
    after: int | None = 0
    misses = 0
    while after is not None and misses < MOST_MISSES:
        stride = await passes.advance(what, now, now, after)
        after = stride.after
        misses = misses + 1 if stride.missed else 0


# --- the outlook ----------------------------------------------------------------------------


@dataclass(slots=True)
class Outlook:
    """What would go out: counts, and if ``listing`` every notice masked. Moments are ISO, UTC."""

    on: date
    listing: bool = True
    kinds: Counter[str] = field(default_factory=Counter)
    channels: Counter[str] = field(default_factory=Counter)
    notices: list[dict[str, Any]] = field(default_factory=list)

    def add(self, due_at: datetime, parcel: Parcel) -> None:
        """One more."""
        self.kinds[parcel.kind] += 1
        self.channels[parcel.address.channel] += 1
        if self.listing:
            self.notices.append(_shown(due_at, parcel))

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "on": self.on.isoformat(),
            "total": self.kinds.total(),
            "kinds": dict(sorted(self.kinds.items())),
            "channels": dict(sorted(self.channels.items())),
            "notices": self.notices,
        }


async def outlook(
    database: Database,
    passes_on: Callable[[Transactions], Passes],
    registry: Registry,
    vault: Vault,
    day: date,
    limit: float | None = LIMIT,
    *,
    listing: bool = True,
) -> Outlook:
    """What would go out on that day as things stand, seen at noon; nothing is changed. Without
    ``listing`` only the counts are kept, however many are told.

    Where cards change, people who pair wait meanwhile; so no one outside is asked, and cards that
    nobody has paired are left aside: nobody is told of them. Raise TimeoutError after ``limit``
    seconds.
    """
    found = Outlook(day, listing)
    try:
        async with asyncio.timeout(limit), database.begin() as connection:
            passes = passes_on(_Rehearsal(connection))
            await make(passes, noon(day), _CARDS)
            await _end_cards(connection, registry, passes.deadline, noon(day))
            await make(passes, noon(day), _REMINDERS)
            await _collect(connection, vault, found)
            raise _Undone
    except _Undone:
        return found


async def _end_cards(
    connection: Connection, registry: Registry, deadline: datetime, now: datetime
) -> None:
    after = 0
    while now >= deadline and (page := await doomed(connection, now, after, PAGE)):
        await registry.cards.settle(connection, page, now)
        after = page[-1]


class _Undone(Exception):
    """Ends a transaction that must not be kept."""


class _Rehearsal:
    """A database whose transactions are all one that is going to be undone."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Connection]:
        yield self._connection

    read = begin


async def _collect(connection: Connection, vault: Vault, found: Outlook) -> None:
    end = datetime.combine(found.on + timedelta(days=1), time(), ISTANBUL)
    after = 0
    while page := await upcoming(connection, vault, end, after, PAGE):
        for due_at, parcel in page:
            lost = parcel.opted_out or parcel.blocked
            if not lost and objection(parcel, max(due_at, noon(found.on))) is None:
                found.add(due_at, parcel)
        after = page[-1][1].id


def _shown(due_at: datetime, parcel: Parcel) -> dict[str, Any]:
    return {
        "kind": parcel.kind,
        "channel": parcel.address.channel,
        "recipient": parcel.recipient,
        "to": masks.address(parcel.address.id),
        "card": None if parcel.number is None else masks.card(parcel.number),
        "due_at": due_at.isoformat(),
        "expires_at": None if parcel.expires_at is None else parcel.expires_at.isoformat(),
        "key": parcel.key,
    }


_CARDS = (Pass.RETURNS, Pass.EXPIRY)
_REMINDERS = (Pass.CODE_REMINDERS, Pass.DEADLINE_REMINDERS, Pass.UNFINISHED)
