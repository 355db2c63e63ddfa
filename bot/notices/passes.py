"""What time alone brings, page by page: cards that end or come back, people to remind, what is
forgotten, codes to ask about.

A page is one short transaction and may be done twice: whatever it finds done already it leaves.
Knows no clock and no timetable; whom it concerns is decided by the rules and by the records.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Protocol

from bot.notices.rounds import Pass, Round, Stride
from bot.notices.rules import (
    EXPIRY_DAYS,
    SILENT_FOR,
    WINDOW,
    Kind,
    on_deadline,
    on_unfinished,
    on_waning,
)
from bot.telemetry import FAULTS
from conversations.actions import CodeChecked
from storage import Connection, Conversations, Entry, Ledger, Registry, candidates
from storage.passes import CodeQuestion, expire, pass_deadline
from storage.places import place
from storage.retention import TERMS, forget

log = logging.getLogger("hesbot.passes")

PAGE = 1000
"""People or links read at once."""
CARDS = 500
"""Cards settled in one transaction."""
NEVER_PAIRED = 5000
"""Cards without a link, which change all in one statement."""
CODES = 500
"""Codes in one question to the HES service, which refuses more."""
MESSAGES = 5000
"""Old messages forgotten in one transaction."""
WORDS = 5000
"""Old words on codes, and ids of records, forgotten in one transaction."""

INBOX_KEPT = TERMS["inbox"].kept
"""Telegram repeats an update for a day, Twilio a message for hours; the rest is for a long fault
of ours."""
RISKS_KEPT = TERMS["risks"].kept
"""An isolation lasts 14 days, so a record that comes again after so long says nothing of today."""
OLD_ROWS = 2000
"""Rows of each table whose term is over, forgotten in one transaction."""
FORM = "registration"
"""The form whose half-finished ones are reminded."""


class Transactions(Protocol):
    """The database, or a rehearsal on it."""

    def begin(self) -> AbstractAsyncContextManager[Connection]: ...

    def read(self) -> AbstractAsyncContextManager[Connection]: ...


class Ministry(Protocol):
    """Asks about many codes; None if it did not answer."""

    async def check(self, questions: Sequence[CodeQuestion]) -> list[CodeChecked] | None: ...


Page = Callable[[datetime, datetime, int], Awaitable[Stride]]
"""One page: by now, when the round began, and where the page before ended."""


class Passes:
    """Every pass, one page at a time. Without a ministry nobody is asked about codes."""

    def __init__(
        self,
        records: Transactions,
        registry: Registry,
        ledger: Ledger,
        conversations: Conversations,
        deadline: datetime,
        ministry: Ministry | None = None,
    ) -> None:
        self.deadline = deadline
        self._records = records
        self._registry = registry
        self._ledger = ledger
        self._conversations = conversations
        self._ministry = ministry
        self._looked_at = 0
        self._pages: Mapping[Pass, Page] = {
            Pass.RETURNS: self._returns,
            Pass.EXPIRY: self._expiry,
            Pass.DEADLINE: self._deadline,
            Pass.CODE_REMINDERS: self._code_reminders,
            Pass.DEADLINE_REMINDERS: self._deadline_reminders,
            Pass.UNFINISHED: self._unfinished,
            Pass.FORGET: self._forget,
            **({Pass.CODES: self._codes} if ministry else {}),
        }

    @property
    def offered(self) -> frozenset[Pass]:
        """The passes that can be made here."""
        return frozenset(self._pages)

    async def advance(self, task: str, now: datetime, began: datetime, after: int) -> Stride:
        """Do the page of that pass that follows ``after``, 0 for the first. Raise Unavailable."""
        return await self._pages[Pass(task)](now, began, after)

    async def wanted(self) -> list[Round]:
        """Passes go by the timetable alone."""
        return []

    # --- cards --------------------------------------------------------------------------------

    async def _returns(self, now: datetime, _began: datetime, _after: int) -> Stride:
        """Suspensions whose time is over."""
        async with self._records.begin() as connection:
            ended = await self._registry.suspensions.end_due(connection, now, CARDS)
        return Stride(0 if ended == CARDS else None, ended)

    async def _expiry(self, now: datetime, began: datetime, after: int) -> Stride:
        """Codes that have ended; those that an earlier round looked at are done for good."""
        start = after or self._looked_at
        async with self._records.begin() as connection:
            reached, found = await expire(connection, self._registry.cards, now, start, CARDS)
        if found < CARDS:
            self._looked_at = place(began)
        return Stride(reached if found == CARDS else None, found)

    async def _deadline(self, now: datetime, _began: datetime, after: int) -> Stride:
        """Cards without a good code, once the deadline has passed."""
        async with self._records.begin() as connection:
            reached, changed = await pass_deadline(
                connection, self._registry.cards, now, after, NEVER_PAIRED
            )
        return Stride(reached if reached > after else None, changed)

    # --- people -------------------------------------------------------------------------------

    async def _code_reminders(self, now: datetime, _began: datetime, after: int) -> Stride:
        """Codes that end in the next days."""
        last = now + timedelta(days=max(EXPIRY_DAYS) + 1)
        async with self._records.read() as connection:
            found = await candidates.waning_links(connection, now, last, after, PAGE)
        written = await self._write(on_waning(found, now), now)
        return Stride(found[-1].place if len(found) == PAGE else None, written)

    async def _deadline_reminders(self, now: datetime, _began: datetime, after: int) -> Stride:
        """People without a card that works, before the deadline and after it."""
        async with self._records.read() as connection:
            found, reached = await candidates.untravelled(connection, after, PAGE)
        written = await self._write(on_deadline(found, now, self.deadline), now)
        return Stride(reached, written)

    async def _unfinished(self, now: datetime, _began: datetime, after: int) -> Stride:
        """Registrations left half-way."""
        first, last = now - WINDOW, now - SILENT_FOR
        async with self._records.read() as connection:
            found = await candidates.unfinished(
                connection, first, last, FORM, f"{Kind.UNFINISHED}:", after, PAGE
            )
        written = await self._write(on_unfinished(found, now, self.deadline), now)
        return Stride(found[-1].place if len(found) == PAGE else None, written)

    async def _write(self, entries: Iterable[Entry], now: datetime) -> int:
        new = list(entries)
        if not new:
            return 0
        # Read before and apart: what changed since is looked at once more before it goes out.
        async with self._records.begin() as connection:
            return await self._ledger.write(connection, new, now)

    # --- codes --------------------------------------------------------------------------------

    async def _codes(self, now: datetime, began: datetime, after: int) -> Stride:
        """Every paired code, asked of the HES service; nobody waits for it in a transaction."""
        if self._ministry is None:
            return Stride(None)
        async with self._records.read() as connection:
            found, unreadable = await self._registry.questions(connection, began, after, CODES)
        reached = max([*(each.links[0] for each in found), *unreadable], default=None)
        _count(unreadable)
        if not found:
            return Stride(reached)
        checked = await self._ministry.check(found)
        if checked:
            async with self._records.begin() as connection:
                await self._registry.keep_verdicts(connection, checked, now)
        # What was not answered stays "not checked since", and is asked about another night.
        return Stride(reached, len(checked or ()), missed=checked is None)

    # --- forgetting ---------------------------------------------------------------------------

    async def _forget(self, now: datetime, _began: datetime, _after: int) -> Stride:
        """Whatever is kept no longer, see ``retention``."""
        async with self._records.begin() as connection:
            messages = await self._conversations.forget_inbox(
                connection, now - INBOX_KEPT, MESSAGES
            )
            words = await self._registry.risks.forget(connection, now - RISKS_KEPT, WORDS)
            rows = await forget(connection, now, OLD_ROWS)
        more = messages == MESSAGES or words == WORDS or rows >= OLD_ROWS
        return Stride(0 if more else None, messages + words + rows)


def _count(unreadable: Sequence[int]) -> None:
    """Codes that cannot be opened: an operator must see it, and the others are asked about."""
    if unreadable:
        log.error("codes unreadable", extra={"codes": len(unreadable)})
        FAULTS.labels("codes").inc(len(unreadable))
