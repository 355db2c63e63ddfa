"""What can be done to a broadcast, as buttons: those that its stage and the reader's role allow."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from html import escape

from nicegui import ui

from bot.clock import wall
from bot.console.pages.broadcast_doing import SETTLE, Doing
from bot.console.pages.broadcast_questions import Questions
from bot.console.seat import Seat
from bot.standings import Standing
from conversations.broadcasts import Act
from conversations.replies import Word
from storage import Broadcast, Connection, Member

LOUD = ("main-act", "pause-act")
"""Kinds of buttons that are meant to be seen first."""


class Acts:
    """The buttons. ``renew`` shows the page as it stands after an act."""

    def __init__(
        self, seat: Seat, standing: Standing, renew: Callable[[], Awaitable[None]]
    ) -> None:
        self._seat = seat
        self._doing = Doing(seat, standing, renew)
        self._questions = Questions(self._doing)
        self._shown: object = None
        self._bar = ui.element("div").classes("acts").props("role=group")
        self._bar.props(f'aria-label="{escape(seat.say(Word("console.broadcast.acts")))}"')

    @property
    def _found(self) -> Broadcast:
        return self._doing.found

    def show(self, standing: Standing) -> None:
        """Draw the buttons anew if others are wanted by now."""
        self._doing.standing, found = standing, standing.broadcast
        again = self._doing.can_retry
        wanted = (found.stage, found.version, found.approvals, found.draft, again)
        if wanted == self._shown:
            return
        self._shown = wanted
        self._bar.clear()
        with self._bar:
            self._draw()

    def may(self, act: Act) -> bool:
        """Whether the reader could do that now, as far as can be seen."""
        return self._doing.may(act)

    def _draw(self) -> None:
        if self.may(Act.PAUSE):
            self._button(Word("console.broadcast.pause"), "pause", self._pause, "pause-act")
        if self.may(Act.RESUME):
            self._button(Word("console.broadcast.resume"), "play_arrow", self._resume, "main-act")
        if self.may(Act.SUBMIT):
            self._button(Word("console.broadcast.submit"), "outbox", self._submit, "main-act")
        if self.may(Act.APPROVE):
            self._button(
                Word("console.broadcast.approve"), "verified", self._questions.approve, "main-act"
            )
        if self.may(Act.START):
            self._button(Word("console.broadcast.start"), "send", self._questions.start, "main-act")
        if self.may(Act.WRITE):
            link = ui.button(self._say(Word("console.broadcast.edit")), icon="edit")
            link.props("outline no-caps")
            link.on_click(lambda: ui.navigate.to(f"/duyurular/{self._found.id}/yaz"))
        if self.may(Act.GIVE_BACK):
            self._button(Word("console.broadcast.give_back"), "undo", self._questions.give_back)
        if self.may(Act.TEST):
            self._button(Word("console.broadcast.test"), "phone_iphone", self._test)
        if self.may(Act.RETRY):
            self._button(Word("console.broadcast.retry"), "replay", self._questions.retry)
        if self.may(Act.CANCEL):
            self._button(
                Word("console.broadcast.cancel"), "block", self._questions.cancel, "cancel-act"
            )

    def _button(
        self, word: Word, icon: str, act: Callable[[], Awaitable[None]], kind: str = ""
    ) -> None:
        colour = "negative" if kind in ("pause-act", "cancel-act") else "primary"
        button = ui.button(self._say(word), icon=icon, color=colour).classes(kind)
        button.props("unelevated no-caps no-wrap" if kind in LOUD else "outline no-caps no-wrap")
        button.on("click", self._doing.once(act), throttle=SETTLE, trailing_events=False)

    # --- at once --------------------------------------------------------------------------------

    async def _pause(self) -> None:
        async def work(conn: Connection, by: Member) -> Word:
            office = self._seat.office
            await office.press.broadcasts.pause(conn, by, self._found.id, office.now())
            return Word("console.broadcast.done.pause")

        await self._doing.do(Act.PAUSE, work)

    async def _resume(self) -> None:
        async def work(conn: Connection, by: Member) -> Word:
            office = self._seat.office
            await office.press.broadcasts.resume(conn, by, self._found.id, office.now(), wall())
            return Word("console.broadcast.done.resume")

        await self._doing.do(Act.RESUME, work)

    async def _submit(self) -> None:
        found = self._found

        async def work(conn: Connection, by: Member) -> Word:
            office = self._seat.office
            now = office.now()
            await office.press.broadcasts.submit(conn, by, found.id, now, found.version)
            return Word("console.broadcast.done.submit")

        await self._doing.do(Act.SUBMIT, work)

    async def _test(self) -> None:
        async def work(conn: Connection, by: Member) -> Word:
            office = self._seat.office
            press = office.press
            await press.broadcasts.test(conn, by, self._found.id, office.now(), press.ledger)
            return Word("console.broadcast.done.test")

        if self._seat.member.address is None:
            await self._questions.tell_unlinked()
            return
        await self._doing.do(Act.TEST, work)

    def _say(self, word: Word) -> str:
        return self._seat.say(word)
