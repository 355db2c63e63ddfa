"""What can be done to a broadcast, as buttons: those that its stage and the reader's role allow.

Each act runs in one transaction with the member as they are now. While one is under way, and for a
moment after it, nothing else is taken: the second half of a double click must not press the button
that has come to stand where the first one was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from html import escape

from nicegui import ui
from nicegui.events import GenericEventArguments

from bot.clock import wall
from bot.console import telling
from bot.console.seat import Declined, Seat
from bot.console.telling import SHORT
from conversations.broadcasts import MOVES, RIGHTS, Act, Refusal, Stage
from conversations.calendar import ISTANBUL
from conversations.replies import Word
from storage import Broadcast, Connection, Member
from storage.entries import Post

SETTLE = 0.7
"""Seconds after an act in which another click is taken for a part of the first."""

Work = Callable[[Connection, Member], Awaitable[Word]]
"""Does the act; what is said of it when it is done."""

RETRIED = (Post.FAILED, Post.HELD)
LOUD = ("main-act", "pause-act")
"""Kinds of buttons that are meant to be seen first."""


class Acts:
    """The buttons. ``renew`` shows the page as it stands after an act."""

    def __init__(self, seat: Seat, found: Broadcast, renew: Callable[[], Awaitable[None]]) -> None:
        self._seat = seat
        self._renew = renew
        self._found = found
        self._free_at = 0.0
        self._is_busy = False
        self._shown: object = None
        self._counts: dict[Post, int] = {}
        self._bar = ui.element("div").classes("acts").props("role=group")
        self._bar.props(f'aria-label="{escape(seat.say(Word("console.broadcast.acts")))}"')

    def show(self, found: Broadcast, counts: dict[Post, int]) -> None:
        """Draw the buttons anew if others are wanted by now."""
        self._found, self._counts = found, counts
        again = any(counts.get(post) for post in (*RETRIED, Post.UNKNOWN))
        wanted = (found.stage, found.version, found.approvals, found.draft, again)
        if wanted == self._shown:
            return
        self._shown = wanted
        self._bar.clear()
        with self._bar:
            self._draw()

    def may(self, act: Act) -> bool:
        """Whether the reader could do that now, as far as can be seen."""
        member, found = self._seat.member, self._found
        if member.role not in RIGHTS[act] or found.stage not in MOVES[act]:
            return False
        if act is Act.APPROVE:
            approved = any(each.name == member.name for each in found.approvals)
            return member.id != found.author_id and not approved
        if act is Act.RETRY:
            return any(self._counts.get(post) for post in (*RETRIED, Post.UNKNOWN))
        return True

    def _draw(self) -> None:
        if self.may(Act.PAUSE):
            self._button(Word("console.broadcast.pause"), "pause", self._pause, "pause-act")
        if self.may(Act.RESUME):
            self._button(Word("console.broadcast.resume"), "play_arrow", self._resume, "main-act")
        if self.may(Act.SUBMIT):
            self._button(Word("console.broadcast.submit"), "outbox", self._submit, "main-act")
        if self.may(Act.APPROVE):
            self._button(
                Word("console.broadcast.approve"), "verified", self._ask_approve, "main-act"
            )
        if self.may(Act.START):
            self._button(Word("console.broadcast.start"), "send", self._ask_start, "main-act")
        if self.may(Act.WRITE):
            link = ui.button(self._say(Word("console.broadcast.edit")), icon="edit")
            link.props("outline no-caps")
            link.on_click(lambda: ui.navigate.to(f"/duyurular/{self._found.id}/yaz"))
        if self.may(Act.GIVE_BACK):
            self._button(Word("console.broadcast.give_back"), "undo", self._ask_give_back)
        if self.may(Act.TEST):
            self._button(Word("console.broadcast.test"), "phone_iphone", self._test)
        if self.may(Act.RETRY):
            self._button(Word("console.broadcast.retry"), "replay", self._ask_retry)
        if self.may(Act.CANCEL):
            self._button(Word("console.broadcast.cancel"), "block", self._ask_cancel, "cancel-act")

    def _button(
        self, word: Word, icon: str, act: Callable[[], Awaitable[None]], kind: str = ""
    ) -> None:
        colour = "negative" if kind in ("pause-act", "cancel-act") else "primary"
        button = ui.button(self._say(word), icon=icon, color=colour).classes(kind)
        button.props("unelevated no-caps no-wrap" if kind in LOUD else "outline no-caps no-wrap")
        button.on("click", self._once(act), throttle=SETTLE, trailing_events=False)

    # --- at once --------------------------------------------------------------------------------

    async def _pause(self) -> None:
        async def work(conn: Connection, by: Member) -> Word:
            office = self._seat.office
            await office.press.broadcasts.pause(conn, by, self._found.id, office.now())
            return Word("console.broadcast.done.pause")

        await self._do(Act.PAUSE, work)

    async def _resume(self) -> None:
        async def work(conn: Connection, by: Member) -> Word:
            office = self._seat.office
            await office.press.broadcasts.resume(conn, by, self._found.id, office.now(), wall())
            return Word("console.broadcast.done.resume")

        await self._do(Act.RESUME, work)

    async def _submit(self) -> None:
        found = self._found

        async def work(conn: Connection, by: Member) -> Word:
            office = self._seat.office
            now = office.now()
            await office.press.broadcasts.submit(conn, by, found.id, now, found.version)
            return Word("console.broadcast.done.submit")

        await self._do(Act.SUBMIT, work)

    async def _test(self) -> None:
        async def work(conn: Connection, by: Member) -> Word:
            office = self._seat.office
            press = office.press
            await press.broadcasts.test(conn, by, self._found.id, office.now(), press.ledger)
            return Word("console.broadcast.done.test")

        if self._seat.member.address is None:
            self._tell_unlinked()
            return
        await self._do(Act.TEST, work)

    def _tell_unlinked(self) -> None:
        with self._dialog(Word("console.broadcast.unlinked")) as dialog:
            ui.label(self._say(Word("console.broadcast.unlinked_hint")))
            with ui.element("div").classes("dialog-acts"):
                self._close(dialog)
                go = ui.button(self._say(Word("console.page.account")), icon="link")
                go.props("unelevated no-caps").on_click(lambda: ui.navigate.to("/hesabim"))

    # --- after a question -----------------------------------------------------------------------

    async def _ask_approve(self) -> None:
        found = self._found

        async def work(conn: Connection, by: Member) -> Word:
            office = self._seat.office
            now = office.now()
            await office.press.broadcasts.approve(conn, by, found.id, now, found.version)
            return Word("console.broadcast.done.approve")

        with self._dialog(Word("console.broadcast.approve_title")) as dialog:
            ui.label(self._say(Word("console.broadcast.approve_hint"))).classes("dialog-hint")
            told = (
                (Word("console.broadcast.title"), found.draft.title),
                (
                    Word("console.broadcast.for_whom"),
                    telling.audience(self._seat, found.draft.audience),
                ),
                (Word("console.broadcast.version"), str(found.version)),
                (Word("console.broadcast.fingerprint"), found.fingerprint[:SHORT]),
            )
            rows = "".join(
                f"<div><dt>{escape(self._say(name))}</dt><dd>{escape(value)}</dd></div>"
                for name, value in told
            )
            ui.html(f'<dl class="facts">{rows}</dl>', sanitize=False)
            word = Word("console.broadcast.approve_yes", {"version": found.version})
            self._yes(dialog, word, "verified", Act.APPROVE, work)

    async def _ask_give_back(self) -> None:
        with self._dialog(Word("console.broadcast.give_back_title")) as dialog:
            ui.label(self._say(Word("console.broadcast.give_back_hint"))).classes("dialog-hint")
            why = ui.textarea(self._say(Word("console.broadcast.reason")))
            why.props("outlined autogrow autofocus maxlength=500").classes("field full")

            async def work(conn: Connection, by: Member) -> Word:
                office = self._seat.office
                reason = " ".join((why.value or "").split())
                if not reason:
                    raise Declined(Word("console.broadcast.no_reason"))
                register = office.press.broadcasts
                await register.give_back(conn, by, self._found.id, office.now(), reason)
                return Word("console.broadcast.done.give_back")

            self._yes(dialog, Word("console.broadcast.give_back"), "undo", Act.GIVE_BACK, work)

    async def _ask_start(self) -> None:
        seat, found = self._seat, self._found
        wished = found.draft.starts_at
        with self._dialog(Word("console.broadcast.start_title")) as dialog:
            if found.planned_at is None:
                said = Word("console.broadcast.still_planning", {"count": found.planned})
            else:
                said = Word("console.broadcast.start_hint", {"count": found.planned})
            ui.label(seat.say(said)).classes("dialog-hint")
            now = self._say(Word("console.broadcast.now"))
            choices = {"now": now, "later": self._say(Word("console.broadcast.later"))}
            later = wished is not None and wished > seat.office.now()
            when = ui.radio(choices, value="later" if later else "now").classes("radios")
            given = f"{wished.astimezone(ISTANBUL):%Y-%m-%dT%H:%M}" if later and wished else ""
            at = ui.input(self._say(Word("console.broadcast.starts_at")), value=given)
            at.props("outlined dense stack-label type=datetime-local").classes("field full")
            at.bind_visibility_from(when, "value", value="later")

            async def work(conn: Connection, by: Member) -> Word:
                chosen = _moment(at.value) if when.value == "later" else None
                moved = await self._start(conn, by, chosen)
                if moved.stage is Stage.SCHEDULED and moved.draft.starts_at is not None:
                    told = seat.moment(moved.draft.starts_at)
                    return Word("console.broadcast.done.schedule", {"at": told})
                return Word("console.broadcast.done.start")

            self._yes(dialog, Word("console.broadcast.start_yes"), "send", Act.START, work)

    async def _start(self, conn: Connection, by: Member, at: datetime | None) -> Broadcast:
        office = self._seat.office
        register, id = office.press.broadcasts, self._found.id
        moved = await register.start(conn, by, id, office.now(), wall(), at)
        if at is None and moved.stage is Stage.SCHEDULED:
            # Its author had another time in mind; who starts it now means now.
            moved = await register.start(conn, by, id, office.now(), wall())
        return moved

    async def _ask_cancel(self) -> None:
        async def work(conn: Connection, by: Member) -> Word:
            office = self._seat.office
            await office.press.broadcasts.cancel(conn, by, self._found.id, office.now())
            return Word("console.broadcast.done.cancel")

        with self._dialog(Word("console.broadcast.cancel_title")) as dialog:
            ui.label(self._say(Word("console.broadcast.cancel_hint"))).classes("dialog-hint")
            self._yes(
                dialog,
                Word("console.broadcast.cancel_yes"),
                "block",
                Act.CANCEL,
                work,
                "cancel-yes",
            )

    async def _ask_retry(self) -> None:
        failed = sum(self._counts.get(post, 0) for post in RETRIED)
        unknown = self._counts.get(Post.UNKNOWN, 0)
        with self._dialog(Word("console.broadcast.retry_title")) as dialog:
            said = Word("console.broadcast.retry_hint", {"count": failed})
            ui.label(self._say(said)).classes("dialog-hint")
            also = Word("console.broadcast.retry_unknown", {"count": unknown})
            box = ui.checkbox(self._say(also), value=False)
            box.set_visibility(unknown > 0)

            async def work(conn: Connection, by: Member) -> Word:
                office = self._seat.office
                _, count = await office.press.broadcasts.retry(
                    conn, by, self._found.id, office.now(), wall(), unknown=bool(box.value)
                )
                return Word("console.broadcast.done.retry", {"count": count})

            self._yes(dialog, Word("console.broadcast.retry_yes"), "replay", Act.RETRY, work)

    # --- within ---------------------------------------------------------------------------------

    def _once(
        self, act: Callable[[], Awaitable[None]]
    ) -> Callable[[GenericEventArguments], Awaitable[None]]:
        async def handle(_event: GenericEventArguments) -> None:
            if self._is_busy or asyncio.get_running_loop().time() < self._free_at:
                return
            self._is_busy = True
            try:
                with self._seat.client:
                    await act()
            finally:
                self._is_busy = False

        return handle

    async def _do(self, act: Act, work: Work) -> bool:
        """Do it in one transaction and say so; whether it is done."""
        seat, done = self._seat, False
        async with seat.acting(RIGHTS[act]) as member:
            try:
                async with seat.office.database.begin() as conn:
                    told = await work(conn, member)
            except Refusal as refusal:
                raise Declined(refusal.word) from refusal
            done = True
            seat.tell(seat.say(told))
        # Also where it was refused: somebody else may have been quicker.
        seat.office.press.standings.moved(self._found.id)
        await self._renew()
        self._free_at = asyncio.get_running_loop().time() + SETTLE
        return done

    def _dialog(self, title: Word) -> Dialog:
        return Dialog(self._say(title))

    def _close(self, dialog: ui.dialog) -> None:
        ui.button(self._say(Word("console.broadcast.not_now")), on_click=dialog.close).props(
            "flat no-caps"
        )

    def _yes(
        self,
        dialog: ui.dialog,
        word: Word,
        icon: str,
        act: Act,
        work: Work,
        kind: str = "main-act",
    ) -> None:
        """The two ways out of a question."""

        async def agree() -> None:
            if await self._do(act, work):
                dialog.close()

        with ui.element("div").classes("dialog-acts"):
            self._close(dialog)
            colour = "negative" if act is Act.CANCEL else "primary"
            yes = ui.button(self._say(word), icon=icon, color=colour).props("unelevated no-caps")
            yes.on("click", self._once(agree), throttle=SETTLE, trailing_events=False)

    def _say(self, word: Word) -> str:
        return self._seat.say(word)


class Dialog:
    """A question over the page; what stands in the ``with`` block is its body."""

    def __init__(self, title: str) -> None:
        self._dialog = ui.dialog(value=True).props(f'aria-label="{escape(title)}"')
        self._title = title

    def __enter__(self) -> ui.dialog:
        self._dialog.__enter__()
        self._card = ui.card().classes("dialog")
        self._card.__enter__()
        ui.html(escape(self._title), sanitize=False, tag="h2").classes("card-title")
        self._dialog.on("hide", self._dialog.delete)
        return self._dialog

    def __exit__(self, *error: object) -> None:
        self._card.__exit__(*error)
        self._dialog.__exit__(*error)


def _moment(text: str | None) -> datetime:
    try:
        return datetime.fromisoformat(text or "").replace(tzinfo=ISTANBUL)
    except ValueError:
        raise Declined(Word("console.broadcast.no_moment")) from None
