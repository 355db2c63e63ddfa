"""What stands around every page: the menu, who is signed in, language and light, the way out.

Draws a page only for whom its declaration lets in; knows nothing of what a page shows.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Awaitable, Callable
from html import escape
from urllib.parse import quote

from nicegui import Client, ui
from nicegui.element import Element
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from bot.console import door
from bot.console.look import Look, Theme, look
from bot.console.office import Office
from bot.console.pages import BUILDERS
from bot.console.places import NOTES, PAGES, Page
from bot.console.seat import WATCH, NotAllowed, Seat, SignedOut
from bot.console.visits import LOOK, PATH, SIGN_OUT, STYLE, signed_in
from conversations.replies import Word
from storage import Unavailable

log = logging.getLogger("hesbot.console")

STOPPED = (SignedOut, NotAllowed)
"""What ends a handler without being a fault."""

PATIENCE = 10.0
"""Seconds that a page may take to be built."""
STYLES = ("palette.css", "console.css", "broadcasts.css")
WIDE = 1024
"""Pixels from which on the menu always stands beside the page."""
THEMES = ((Theme.LIGHT, "light_mode"), (Theme.DARK, "dark_mode"), (Theme.SYSTEM, "contrast"))

SEEN = """document.addEventListener("visibilitychange", () => {
  if (!document.hidden) emitEvent("console_seen");
});"""
"""Lets a page know that somebody looks at it again."""


def style() -> None:
    """The console's own style, in every page."""
    links = "".join(f'<link rel="stylesheet" href="{STYLE}/{name}">' for name in STYLES)
    ui.add_head_html(f'{links}<meta name="robots" content="noindex">', shared=True)
    ui.add_body_html(f"<script>{SEEN}</script>", shared=True)


def declare(page: Page, office: Office) -> None:
    """Make the page known to NiceGUI."""

    async def open_page(request: Request, client: Client) -> Response | None:
        inside = signed_in(request.scope)
        if inside is None:
            raise RuntimeError("a page without the guard")
        seen = _look(office, request)
        if inside.member.role not in page.roles:
            return note(office, request, 403)
        seat = Seat(office, inside, seen, client)
        _dress(client, seat, seat.say(Word(f"console.page.{page.name}")))
        try:
            await _draw(seat, page, request)
        except Unavailable:
            return note(office, request, 503)
        return None

    ui.page(page.path, response_timeout=PATIENCE)(open_page)


def _look(office: Office, request: Request) -> Look:
    return look(request.cookies, office.wording.locales)


def _dress(client: Client, seat: Seat, title: str) -> None:
    """NiceGUI keeps one description for all who open a page; this one gets a copy of its own."""
    dressed = copy.copy(client.page)
    dressed.dark = seat.look.theme.dark
    dressed.language = "tr" if seat.look.locale == "tr" else "en-GB"
    client.page = dressed
    client.title = f"{title} · {seat.say(Word('console.product'))}"
    theme = {True: "dark", False: "light", None: "light dark"}[seat.look.theme.dark]
    client._head_html += f"<style>:root{{color-scheme:{theme}}}</style>"


async def _draw(seat: Seat, page: Page, request: Request) -> None:
    title = seat.say(Word(f"console.page.{page.name}"))
    drawer = _drawer(seat)
    with drawer:
        skip = ui.element("a").classes("skip")
        with skip:
            ui.label(seat.say(Word("console.skip")))
        _brand(seat)
        _menu(seat, page)
        ui.element("div").classes("side-rest")
        _person(seat, request.scope["path"])
    with ui.header(wrap=False).classes("top"):
        opener = ui.button(icon="menu", color=None).props("flat round dense").classes("opener")
        opener.props(f'aria-label="{seat.say(Word("console.menu"))}"')
        opener.on("click", js_handler=f"() => getElement({drawer.id}).toggle()")
        ui.label(title).classes("top-title")
    with ui.element("div").classes("page").props("tabindex=-1") as main:
        skip.props(f"href=#{main.html_id}")
        with ui.element("h1").classes("page-title"):
            ui.html(escape(title), sanitize=False, tag="span")
        await BUILDERS[page.name](seat)
    ui.timer(WATCH, seat.watch, immediate=False)
    ui.on("console_seen", seat.watch)


def _drawer(seat: Seat) -> Element:
    """The menu's place: beside a wide page, and drawn over a narrow one.

    NiceGUI's own drawer asks the browser for its state, which fails where the page is slow.
    """
    client = seat.client
    with client.layout:
        drawer = ui.element("q-drawer").classes("side nicegui-drawer")
    drawer.props(f"side=left show-if-above no-swipe-open breakpoint={WIDE - 1} width=256")
    drawer.move(target_index=client.layout.default_slot.children.index(client.page_container))
    drawer.on("keydown.escape", js_handler=f"() => getElement({drawer.id}).hide()")
    client.layout.props["view"] = "lHh Lpr lff"
    return drawer


def _brand(seat: Seat) -> None:
    with ui.element("a").classes("brand").props(f"href={PATH}/"):
        ui.html(door.mark(), sanitize=False).classes("brand-mark")
        ui.label(seat.say(Word("console.product"))).classes("brand-name")


def _menu(seat: Seat, page: Page) -> None:
    pages = [each for each in PAGES if each.icon and seat.member.role in each.roles]
    with ui.element("nav").classes("menu").props(f'aria-label="{seat.say(Word("console.menu"))}"'):
        for each in pages:
            link = ui.element("a").classes("menu-item").props(f"href={PATH}{each.path}")
            if each.name == page.name or (page.path.startswith(each.path) and each.path != "/"):
                link.props("aria-current=page")
            with link:
                ui.icon(each.icon).props("aria-hidden=true")
                ui.label(seat.say(Word(f"console.page.{each.name}")))


def _person(seat: Seat, here: str) -> None:
    """Who is signed in, and what concerns only them."""
    with ui.element("div").classes("person"):
        ui.label(seat.member.name).classes("person-name")
        ui.label(seat.say(Word(f"console.role.{seat.member.role}"))).classes("person-role")
        with ui.element("div").classes("choices"):
            _themes(seat, here)
            _languages(seat, here)
        with (
            ui.element("form").props(f"method=post action={SIGN_OUT}"),
            ui.element("button").classes("leave"),
        ):
            ui.icon("logout").props("aria-hidden=true")
            ui.label(seat.say(Word("console.sign_out")))


def _themes(seat: Seat, here: str) -> None:
    group = ui.element("div").classes("choice").props("role=group")
    with group.props(f'aria-label="{seat.say(Word("console.light"))}"'):
        for theme, icon in THEMES:
            label = seat.say(Word(f"console.theme.{theme.name.lower()}"))
            link = ui.element("a").props(f'href="{_chosen(here, renk=theme)}" title="{label}"')
            link.props(f'aria-label="{label}"')
            if theme is seat.look.theme:
                link.props("aria-current=true")
            with link:
                ui.icon(icon).props("aria-hidden=true")


def _languages(seat: Seat, here: str) -> None:
    group = ui.element("div").classes("choice").props("role=group")
    with group.props(f'aria-label="{seat.say(Word("console.language"))}"'):
        for locale in seat.office.wording.locales:
            name = seat.office.wording.text(Word(f"locale:{locale}"), locale)
            link = ui.element("a").props(f'href="{_chosen(here, dil=locale)}" lang={locale}')
            link.props(f'title="{name}" aria-label="{name}"')
            if locale == seat.look.locale:
                link.props("aria-current=true")
            with link:
                ui.label(locale.upper())


def _chosen(here: str, **choice: str) -> str:
    (name, value), *_ = choice.items()
    return f"{LOOK}?{name}={value}&sonra={quote(here, safe='')}"


# --- instead of a page ------------------------------------------------------------------------


def note(office: Office, request: Request, status: int) -> Response:
    """A page that says why there is none, and leads back."""
    seen = _look(office, request)
    name = f"console.note.{NOTES[status]}"

    told = {"title": Word(f"{name}.title"), "lead": Word(name), "back": Word("console.back")}
    words = {place: office.wording.text(word, seen.locale) for place, word in told.items()}
    return HTMLResponse(door.note(seen, words), status, {"Cache-Control": "no-store"})


def lost(office: Office) -> Callable[[Request, Exception], Awaitable[Response]]:
    """For what is not there."""

    async def answer(request: Request, _error: Exception) -> Response:
        return note(office, request, 404)

    return answer
