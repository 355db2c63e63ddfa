"""A text as people will see it: bubbles on a phone, as long as each channel lets them be."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from nicegui import ui

from bot.console import charts, telling
from bot.console.pages.sheets import html
from bot.console.seat import Seat
from bot.notices.drafting import Bubble, bubbles
from conversations.broadcasts import LONGEST
from conversations.replies import Param, Word
from storage import Draft

DESK_ONLY = "terminal"
"""Nobody out there reads a terminal; it is shown where an audience names it."""


class Phone:
    """A phone that shows one channel at a time."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._found: Sequence[Bubble] = ()
        choices = {name: telling.channel(seat, name) for name in LONGEST if name != DESK_ONLY}
        self._channel = ui.toggle(choices, value="telegram", on_change=self._draw)
        self._channel.props("no-caps unelevated").classes("toggle")
        self._channel.props(f'aria-label="{seat.say(Word("console.broadcast.channel"))}"')
        self._screen = html("phone").props("role=region")
        self._screen.props(f'aria-label="{seat.say(Word("console.broadcast.preview"))}"')

    def show(self, draft: Draft) -> None:
        """Show it as it would read now, for somebody invented."""
        office = self._seat.office
        self._found = bubbles(draft, office.wording, office.now(), office.press.deadline)
        names = list(dict.fromkeys(each.channel for each in self._found))
        if not draft.audience.channels:
            names.remove(DESK_ONLY)
        choices = {name: telling.channel(self._seat, name) for name in names}
        chosen = self._channel.value if self._channel.value in choices else names[0]
        if list(self._channel.options) != names:
            self._channel.set_options(choices, value=chosen)
        self._channel.set_visibility(len(names) > 1)
        self._draw()

    def _draw(self) -> None:
        chosen = self._channel.value
        bubbles = [each for each in self._found if each.channel == chosen]
        name = escape(telling.channel(self._seat, chosen))
        top = escape(self._seat.say(Word("console.product")))
        body = "".join(_bubble(self._seat, each, many=len(bubbles) > 1) for each in bubbles)
        self._screen.set_content(
            f'<div class="phone-top {escape(chosen)}"><b>{top}</b><span>{name}</span></div>'
            f'<div class="phone-body">{body}</div>'
        )


def _bubble(seat: Seat, bubble: Bubble, *, many: bool) -> str:
    size: dict[str, Param] = {"length": bubble.length, "limit": bubble.limit}
    said = escape(seat.say(Word("console.broadcast.length", size)))
    tight = bubble.length > 0.9 * bubble.limit
    colour = "var(--saffron)" if tight else "var(--blue)"
    language = f"<b>{escape(telling.language(seat, bubble.locale))}</b> · " if many else ""
    return (
        f'<div class="bubble" lang="{bubble.locale}">{escape(bubble.text)}</div>'
        f'<div class="bubble-size">{language}{said}'
        f"{charts.meter(bubble.length, bubble.limit, colour)}</div>"
    )
