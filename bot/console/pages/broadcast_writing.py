"""The page on which an author writes a broadcast, and sees at once how it will read and to whom it
would go."""

from __future__ import annotations

from html import escape

from nicegui import ui

from bot.console.pages.broadcast_fields import Fields
from bot.console.pages.bubbles import Phone
from bot.console.pages.reach import Reach
from bot.console.pages.sheets import card, html, nothing
from bot.console.places import roles_of
from bot.console.seat import Declined, Seat
from bot.console.sheet import Sheet, read, sheet_of
from conversations.broadcasts import Refusal, Stage
from conversations.replies import Word
from storage import Broadcast, Draft

PLACE = "/duyurular"


async def build(seat: Seat) -> None:
    """A new broadcast, or the draft whose number is in the path."""
    found: Broadcast | None = None
    if (number := seat.client.request.path_params.get("id")) is not None:
        office = seat.office
        try:
            async with office.database.read() as conn:
                found = await office.press.broadcasts.get(conn, int(number))
        except Refusal as refusal:
            html().set_content(nothing(seat.say(refusal.word)))
            return
        if found.stage is not Stage.DRAFT:
            said = Refusal("stage", stage=str(found.stage)).word
            html().set_content(nothing(seat.say(said)))
            back = ui.link(found.draft.title, f"{PLACE}/{found.id}")
            back.classes("back")
            return
    Writing(seat, found).draw()


class Writing:
    """The sheet with its preview. ``found`` is the draft that is rewritten, None for a new one."""

    def __init__(self, seat: Seat, found: Broadcast | None) -> None:
        self._seat = seat
        self._found = found
        self._draft: Draft | None = None
        self._busy = False

    def draw(self) -> None:
        """Fields on one side, what becomes of them on the other."""
        seat = self._seat
        sheet = Sheet() if self._found is None else sheet_of(self._found.draft)
        with ui.element("div").classes("grid write"):
            with ui.element("div").classes("stack"):
                self._fields = Fields(seat, sheet, self._look)
                self._fields.draw()
            with ui.element("div").classes("stack sticky"):
                with card(seat.say(Word("console.broadcast.preview")), "second"):
                    self._phone = Phone(seat)
                    self._hint = ui.label(seat.say(Word("console.broadcast.preview_hint")))
                    self._hint.classes("told preview-hint")
                with card(seat.say(Word("console.broadcast.reach")), "last"):
                    self._reach = Reach(seat, lambda: self._draft)
        with ui.element("div").classes("savebar"):
            self._trouble = ui.label().classes("save-trouble").props("role=status")
            ui.link(seat.say(Word("console.broadcast.leave")), self._way_back()).classes("quiet")
            self._save = ui.button(seat.say(Word("console.broadcast.save")), icon="check")
            self._save.props("unelevated no-caps")
            self._save.on("click", self._keep, throttle=1.0, trailing_events=False)
        self._look()

    def _way_back(self) -> str:
        return PLACE if self._found is None else f"{PLACE}/{self._found.id}"

    def _look(self) -> None:
        """Something was typed: show how it reads now."""
        office = self._seat.office
        before = self._draft
        sheet = self._fields.sheet()
        self._draft, troubles = read(sheet, office.wording.locales, office.now)
        self._fields.mark(troubles, self._draft)
        if not troubles:
            self._trouble.set_text("")
        if self._draft is not None:
            self._phone.show(self._draft)
        self._hint.set_visibility(self._draft is None)
        if before is not None and before != self._draft:
            self._reach.forget()

    async def _keep(self) -> None:
        """Save it, if every field can be used and nobody has rewritten it meanwhile."""
        if self._busy:
            return
        self._busy = True
        try:
            await self._save_draft()
        finally:
            self._busy = False

    async def _save_draft(self) -> None:
        seat, office = self._seat, self._seat.office
        async with seat.acting(roles_of("broadcast_write")) as member:
            draft, troubles = read(self._fields.sheet(), office.wording.locales, office.now)
            self._fields.mark(troubles, draft, all_of_them=True)
            if draft is None:
                self._trouble.set_text(seat.say(Word("console.broadcast.see_fields")))
                self._fields.go_to_trouble()
                return
            broadcasts, now = office.press.broadcasts, office.now()
            try:
                async with office.database.begin() as conn:
                    if self._found is None:
                        kept = await broadcasts.create(conn, member, draft, now)
                    else:
                        id, version = self._found.id, self._found.version
                        kept = await broadcasts.write(conn, member, id, version, draft, now)
            except Refusal as refusal:
                if refusal.code == "changed":
                    self._offer_reload()
                    return
                raise Declined(refusal.word) from refusal
            office.press.standings.moved(kept.id)
            self._fields.settle()
            ui.navigate.to(f"{PLACE}/{kept.id}")

    def _offer_reload(self) -> None:
        """Somebody else was quicker. What was typed here stays until it is thrown away."""
        say = self._seat.say
        with self._seat.client, ui.dialog(value=True) as dialog, ui.card().classes("dialog"):
            title = escape(say(Word("console.broadcast.changed")))
            ui.html(title, sanitize=False, tag="h2").classes("card-title")
            ui.label(say(Word("console.broadcast.changed_hint")))
            with ui.element("div").classes("dialog-acts"):
                stay = ui.button(say(Word("console.broadcast.stay")), on_click=dialog.close)
                stay.props("flat no-caps")

                def reload() -> None:
                    self._fields.settle()
                    ui.navigate.reload()

                again = ui.button(say(Word("console.broadcast.reload")), on_click=reload)
                again.props("unelevated no-caps autofocus")
