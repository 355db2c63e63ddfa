"""One page that somebody of the staff has open: who they are, what they read, what they may do.

Every act on a page goes through ``acting``, which asks again who that is: a session may have ended
and a role may have changed since the page was drawn.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nicegui import Client, background_tasks, ui

from bot import wording_numbers
from bot.console.look import Look
from bot.console.office import Office
from bot.console.visits import PATH, SIGN_IN, SignedIn
from bot.telemetry import place_of
from conversations.broadcasts import Role
from conversations.outcomes import Invalid
from conversations.replies import Word
from storage import Unavailable

if TYPE_CHECKING:
    from datetime import date, datetime

    from storage.staff import Member

log = logging.getLogger("hesbot.console")

WATCH = 15.0
"""Seconds until an open page notices that its session has ended."""


LEAVING = 2.0
"""Seconds a browser is given to go to the sign-in page."""


class SignedOut(Exception):
    """The session behind a page has ended; the page is on its way to the sign-in page."""


class NotAllowed(Exception):
    """Their role does not do this."""


class Declined(Exception):
    """An act that cannot be carried out as things stand; ``word`` says why, for whoever tried."""

    def __init__(self, word: Word) -> None:
        super().__init__(word.key)
        self.word = word


@dataclass(slots=True)
class Seat:
    """What a page's builder and its handlers are given."""

    office: Office
    signed_in: SignedIn
    look: Look
    client: Client = field(repr=False)

    @property
    def member(self) -> Member:
        """As they were when the page was drawn; ``acting`` gives them as they are."""
        return self.signed_in.member

    # --- words ------------------------------------------------------------------------------

    def say(self, word: Word) -> str:
        return self.office.wording.text(word, self.look.locale)

    def number(self, number: int) -> str:
        return wording_numbers.number(number, self.look.locale)

    def share(self, part: float, of: float) -> str:
        """How much that is of the whole, in per cent; a dash of nothing."""
        return wording_numbers.percent(part / of, self.look.locale) if of else "–"

    def moment(self, at: datetime) -> str:
        return wording_numbers.moment(at, self.look.locale)

    def day(self, day: date) -> str:
        return wording_numbers.short_day(day, self.look.locale)

    def hour(self, at: datetime) -> str:
        return wording_numbers.hour(at, self.look.locale)

    def span(self, seconds: float) -> str:
        return wording_numbers.span(seconds, self.look.locale)

    # --- acts -------------------------------------------------------------------------------

    async def watch(self) -> None:
        """Notice that the session has ended or the role has changed. For a timer."""
        try:
            member = await self.office.doors.who(self.signed_in.token, seen=False)
        except Unavailable:
            return
        if member is None:
            self._show_out()
        elif member.role is not self.member.role:
            ui.navigate.reload()

    @asynccontextmanager
    async def acting(self, roles: Collection[Role] = frozenset(Role)) -> AsyncIterator[Member]:
        """For the body of every handler that changes or looks up something.

        Gives the member as they are now. What goes wrong is said to them and ends here, except
        that the handler is left: SignedOut and NotAllowed are raised before the body begins.
        """
        with self.client:
            try:
                member = await self.office.doors.who(self.signed_in.token)
            except Unavailable as error:
                self.tell(self.say(Word("console.busy")), bad=True)
                raise SignedOut from error
            if member is None:
                self._show_out()
                raise SignedOut
            if member.role not in roles:
                self.tell(self.say(Word("console.not_allowed")), bad=True)
                raise NotAllowed
            self.signed_in = replace(self.signed_in, member=member)
            try:
                yield member
            except Unavailable:
                self.tell(self.say(Word("console.busy")), bad=True)
            except Declined as declined:
                self.tell(self.say(declined.word), bad=True)
            except Invalid as invalid:
                self.tell(self.say(Word(f"invalid.{invalid.code}", invalid.params)), bad=True)
            except Exception as error:
                log.error("act failed", extra={"error": place_of(error)})
                self.tell(self.say(Word("console.fault")), bad=True)

    def tell(self, text: str, *, bad: bool = False) -> None:
        """A word to whoever acts, which goes by itself; read out by screen readers."""
        with self.client:
            ui.notify(
                text,
                type="negative" if bad else "positive",
                position="top",
                timeout=6000,
                close_button="×",
            )

    def _show_out(self) -> None:
        """To the sign-in page; what does not go there is closed."""
        self.client.open(SIGN_IN.removeprefix(PATH))
        background_tasks.create(self._close(), name="close a page")

    async def _close(self) -> None:
        await asyncio.sleep(LEAVING)
        if not self.client.is_deleted:
            self.client.delete()
