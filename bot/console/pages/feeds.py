"""The lists that the city lives by: handing them in, how they are taken, what could not be read.

What is handed in goes on without this page, which only looks at it every second.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from html import escape

from nicegui import ui

from bot.console.pages import feed_parts as parts
from bot.console.seat import Seat
from bot.console.visits import STYLE
from bot.feeds.values import Kind, Past
from conversations.replies import Word
from storage import Unavailable, feeds
from storage.feeds import ListState, RiskState, Source

LOOK = 1.0
"""Seconds between two looks at what is being taken in."""
LOOKS = 30
"""How many of those until the records are looked at as well."""
LISTED = 12
"""How many files are listed."""
LATELY = timedelta(days=30)
"""How far back systems that send by themselves are told."""

TITLES = {
    Kind.RISKS: (Word("console.feeds.risks"), Word("console.feeds.risks_lead")),
    Kind.CARDS: (Word("console.feeds.cards"), Word("console.feeds.cards_lead")),
}


@dataclass(frozen=True, slots=True)
class Known:
    """What the records say, at one moment."""

    risks: RiskState
    lists: list[ListState]
    sources: list[Source]
    past: list[Past]


@dataclass(frozen=True, slots=True)
class Desk:
    """One kind of file: where it is handed in, how it goes, and what came of the last one."""

    form: ui.html
    running: ui.html
    came: ui.html


class Watch:
    """The page while it is open."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._looks = 0
        self._moves = seat.office.feeds.moves

    async def draw(self) -> None:
        """All of it, as things stand."""
        seat = self._seat
        self._figures = _html().classes("figures three")
        with ui.element("div").classes("grid two"):
            self._desks = {kind: self._desk(kind) for kind in Kind}
        with _card(seat.say(Word("console.feeds.past"))):
            self._past = _html()
        with _card(seat.say(Word("console.feeds.sources"))):
            self._sources = _html()
        self._show_running()
        await self._show()

    def _desk(self, kind: Kind) -> Desk:
        title, lead = (self._seat.say(word) for word in TITLES[kind])
        with _card(title):
            ui.label(lead).classes("lead")
            form = ui.html(parts.form(self._seat, kind), sanitize=False)
            running = _html().classes("running")
            came = _html().classes("came").props("role=status")
        return Desk(form, running, came)

    async def look(self) -> None:
        """See how far things are. For a timer."""
        self._show_running()
        self._looks += 1
        moves = self._seat.office.feeds.moves
        if moves != self._moves or self._looks % LOOKS == 0:
            self._moves = moves
            try:
                await self._show()
            except Unavailable:
                return

    def _show_running(self) -> None:
        """Show what is being taken in."""
        for kind, desk in self._desks.items():
            run = self._seat.office.feeds.running(kind)
            desk.form.set_visibility(run is None)
            desk.running.set_visibility(run is not None)
            desk.came.set_visibility(run is None)
            desk.running.set_content("" if run is None else parts.running(self._seat, run))

    async def _show(self) -> None:
        seat, known = self._seat, await self._known()
        self._figures.set_content(parts.figures(seat, known.risks, known.lists, known.past))
        for kind, desk in self._desks.items():
            last = next((each for each in known.past if each.kind is kind), None)
            bad = await seat.office.feeds.bad(kind)
            unfinished = next((each for each in known.lists if not each.finished), None)
            left = unfinished if kind is Kind.CARDS else None
            desk.came.set_content(parts.came(seat, kind, last, bad, left))
        self._past.set_content(parts.past(seat, known.past[:LISTED]))
        self._sources.set_content(parts.sources(seat, known.sources))

    async def _known(self) -> Known:
        office = self._seat.office
        now = office.now()
        async with office.database.read() as conn:
            risks, lists = await feeds.risks(conn, now), await feeds.lists(conn)
            sources = await feeds.sources(conn, now - LATELY)
        return Known(risks, lists, sources, await office.feeds.past())


async def build(seat: Seat) -> None:
    """Draw the page and keep looking."""
    ui.add_head_html(
        f'<link rel="stylesheet" href="{STYLE}/desk.css">'
        f'<script src="{STYLE}/upload.js" defer></script>'
    )
    watch = Watch(seat)
    await watch.draw()
    ui.timer(LOOK, watch.look, immediate=False)


def _card(title: str) -> ui.element:
    card = ui.element("section").classes("card").props(f'aria-label="{title}"')
    with card:
        ui.html(escape(title), sanitize=False, tag="h2").classes("card-title")
    return card


def _html() -> ui.html:
    return ui.html("", sanitize=False)
