"""What is asked before something is done to a broadcast that cannot be taken back by a click."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from html import escape

from nicegui import ui

from bot.clock import wall
from bot.console import telling
from bot.console.pages.broadcast_doing import RETRIED, SETTLE, Doing, Work
from bot.console.pages.reach import would_end
from bot.console.pages.sheets import facts
from bot.console.seat import Declined
from bot.console.telling import SHORT
from bot.notices.rules import awake
from conversations.broadcasts import Act, Stage
from conversations.calendar import ISTANBUL
from conversations.replies import Param, Word
from storage import Broadcast, Connection, Member
from storage.entries import Post


class Questions:
    """A question each; who agrees, does it."""

    def __init__(self, doing: Doing) -> None:
        self._doing = doing
        self._seat = doing.seat

    @property
    def _found(self) -> Broadcast:
        return self._doing.found

    @property
    def _counts(self) -> Mapping[Post, int]:
        return self._doing.counts

    async def approve(self) -> None:
        """It is this version that is approved, and no other."""
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
            rows = ((self._say(name), escape(value)) for name, value in told)
            ui.html(facts(rows), sanitize=False)
            word = Word("console.broadcast.approve_yes", {"version": found.version})
            self._yes(dialog, word, "verified", Act.APPROVE, work)

    async def give_back(self) -> None:
        """Its author is told why."""
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

    async def start(self) -> None:
        """Now, or at a time that is chosen."""
        seat, found = self._seat, self._found
        wished = found.draft.starts_at
        with self._dialog(Word("console.broadcast.start_title")) as dialog:
            if found.planned_at is None:
                said = Word("console.broadcast.still_planning", {"count": found.planned})
            else:
                said = Word("console.broadcast.start_hint", {"count": found.planned})
            ui.label(seat.say(said)).classes("dialog-hint")
            lanes = self._doing.standing.progress.lanes
            waiting = {name: lane.pending for name, lane in lanes.items()}
            now = seat.office.now()
            if ends := would_end(seat, waiting, now, urgent=found.draft.urgent):
                ui.label(ends).classes("soft")
            if not found.draft.urgent and awake(now) != now:
                morning: dict[str, Param] = {"time": telling.clock(awake(now))}
                ui.label(seat.say(Word("console.broadcast.night", morning))).classes("note night")
            at_once = self._say(Word("console.broadcast.now"))
            choices = {"now": at_once, "later": self._say(Word("console.broadcast.later"))}
            later = wished is not None and wished > now
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

    async def cancel(self) -> None:
        """For good."""

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

    async def retry(self) -> None:
        """To those it failed to reach, and to those it may have reached if that is wanted."""
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

    async def tell_unlinked(self) -> None:
        """A test needs an account to go to."""
        with self._dialog(Word("console.broadcast.unlinked")) as dialog:
            ui.label(self._say(Word("console.broadcast.unlinked_hint")))
            with ui.element("div").classes("dialog-acts"):
                self._close(dialog)
                go = ui.button(self._say(Word("console.page.account")), icon="link")
                go.props("unelevated no-caps").on_click(lambda: ui.navigate.to("/hesabim"))

    # --- within ---------------------------------------------------------------------------------

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
            if await self._doing.do(act, work):
                dialog.close()

        with ui.element("div").classes("dialog-acts"):
            self._close(dialog)
            colour = "negative" if act is Act.CANCEL else "primary"
            yes = ui.button(self._say(word), icon=icon, color=colour).props("unelevated no-caps")
            yes.on("click", self._doing.once(agree), throttle=SETTLE, trailing_events=False)

    def _close(self, dialog: ui.dialog) -> None:
        ui.button(self._say(Word("console.broadcast.not_now")), on_click=dialog.close).props(
            "flat no-caps"
        )

    def _dialog(self, title: Word) -> Dialog:
        return Dialog(self._say(title))

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
