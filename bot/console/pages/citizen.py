"""Somebody is looked up for the duty desk: by a whole number, with a reason, masked.

Neither the number nor what was found is kept anywhere: not in the address, not in the browser's
history, and on the screen only as long as somebody is at it.
"""

from __future__ import annotations

import asyncio

from nicegui import ui

from bot.console.pages import citizen_parts as parts
from bot.console.places import roles_of
from bot.console.seat import Seat
from bot.console.visits import STYLE
from bot.lookups import LONGEST_REASON, NoReason, NotAKey, look_up
from conversations.replies import Word
from storage import Member
from storage.lookups import Found

QUIET = 180.0
"""Seconds without a sign of life after which what was found leaves the screen."""
CHECK = 2.0
"""Seconds between two looks at that."""
NOTICED = 5.0
"""How exactly signs of life are known, in seconds."""
LONGEST_KEY = 40
"""Characters of what is searched by, with all its spaces and signs."""

LIFE = ("pointermove", "keydown", "wheel", "touchstart")
"""What a browser takes for a sign of life."""


class Glance:
    """Whether somebody is still at a screen; times are seconds that pass evenly."""

    def __init__(self, quiet: float) -> None:
        self._quiet = quiet
        self._seen: float | None = None

    def stir(self, now: float) -> None:
        """Somebody is there."""
        self._seen = now

    def over(self, now: float) -> bool:
        """Nobody has been there for too long. Said once."""
        if self._seen is None or now - self._seen < self._quiet:
            return False
        self._seen = None
        return True


class Desk:
    """The form and what was found last."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._glance = Glance(QUIET)

    def draw(self) -> None:
        """The empty form."""
        seat = self._seat
        with ui.element("div") as page:
            with ui.element("section").classes("card"):
                ui.label(seat.say(Word("console.citizen.lead"))).classes("lead")
                with ui.element("div").classes("look").props("role=search"):
                    self._draw_form()
                ui.html(parts.warning(seat, QUIET), sanitize=False)
            self._bar = ui.element("div").classes("found-bar")
            with self._bar:
                close = ui.button(seat.say(Word("console.citizen.close")), on_click=self.hide)
                close.props("flat dense no-caps icon=visibility_off")
            self._bar.set_visibility(False)
            self._found = ui.html("", sanitize=False).classes("found")
            label = seat.say(Word("console.citizen.result"))
            self._found.props(f'tabindex=-1 role=region aria-label="{label}"')
        for sign in LIFE:
            page.on(sign, self._stir, throttle=NOTICED, args=[])
        ui.timer(CHECK, self._check, immediate=False)

    def _draw_form(self) -> None:
        seat = self._seat
        self._key = ui.input(seat.say(Word("console.citizen.key")))
        self._key.props(f"outlined dense maxlength={LONGEST_KEY} autocomplete=off autofocus")
        self._key.props("spellcheck=false inputmode=tel").classes("field")
        self._reason = ui.input(
            seat.say(Word("console.citizen.reason")),
            placeholder=seat.say(Word("console.citizen.example")),
        )
        self._reason.props(f"outlined dense maxlength={LONGEST_REASON} autocomplete=off")
        self._reason.classes("field")
        self._button = ui.button(seat.say(Word("console.citizen.look")), icon="search")
        self._button.props("unelevated no-caps")
        self._button.on_click(self.look)
        for each in (self._key, self._reason):
            each.on("keydown.enter", self.look)
            each.on_value_change(self._unmark)

    async def look(self) -> None:
        """Look them up; whoever looks is on record before anything is shown."""
        seat = self._seat
        self.hide()
        self._button.disable()
        try:
            async with seat.acting(roles_of("citizen")) as member:
                found = await self._find(member)
                if found is not None:
                    self._show(found)
        finally:
            self._button.enable()

    async def _find(self, who: Member) -> Found | None:
        """Who is found; None if nobody could be looked for, which is said beside the form."""
        seat, office = self._seat, self._seat.office
        what, reason = self._key.value or "", self._reason.value or ""
        try:
            return await look_up(
                office.database, office.lookups, office.audit, who, what, reason, office.now()
            )
        except NotAKey:
            self._key.error = seat.say(Word("console.citizen.not_a_key"))
        except NoReason:
            self._reason.error = seat.say(Word("console.citizen.no_reason"))
        return None

    def _show(self, found: Found) -> None:
        self._found.set_content(parts.found(self._seat, found))
        self._bar.set_visibility(True)
        # Whoever cannot see that something came is led there.
        ui.run_javascript(f"getHtmlElement({self._found.id}).focus({{preventScroll: true}})")
        self._glance.stir(_tick())
        if found.citizens or found.card:
            # The next look is another one, with a reason of its own.
            self._key.value = self._reason.value = ""
            self._unmark()

    def hide(self) -> None:
        """Take away what was found."""
        self._found.set_content("")
        self._bar.set_visibility(False)

    def _unmark(self) -> None:
        self._key.error = self._reason.error = None

    def _stir(self) -> None:
        if self._bar.visible:
            self._glance.stir(_tick())

    def _check(self) -> None:
        if self._glance.over(_tick()) and self._bar.visible:
            self.hide()
            self._found.set_content(parts.hidden(self._seat))


def _tick() -> float:
    return asyncio.get_running_loop().time()


async def build(seat: Seat) -> None:
    """The form; nobody is shown yet."""
    ui.add_head_html(f'<link rel="stylesheet" href="{STYLE}/desk.css">')
    Desk(seat).draw()
