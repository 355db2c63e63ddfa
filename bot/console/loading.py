"""Sets NiceGUI up for the console: ours in looks, silent to the world, without a trace on disk.

Importing this module imports NiceGUI, which takes most of a second.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from importlib.resources import files

from fastapi import FastAPI
from nicegui import core, run, ui
from starlette.requests import Request
from starlette.responses import Response

from bot.console import frame, recipients, sockets, uploads
from bot.console.office import Office
from bot.console.places import PAGES
from bot.telemetry import FAULTS, place_of

log = logging.getLogger("hesbot.console")

COLOURS = {
    "primary": "#0d5f76",
    "secondary": "#4f5d66",
    "accent": "#0d5f76",
    "dark": "#1b262c",
    "dark_page": "#10181c",
    "positive": "#2f6b48",
    "negative": "#98291f",
    "info": "#0d5f76",
    "warning": "#9a5f00",
}
"""Quasar's names for the palette; ``style/console.css`` has the shades for the dark."""

RECONNECT = 5.0
"""Seconds a page waits for its browser to come back after a broken connection."""


def load(office: Office) -> FastAPI:
    """Build the pages; once in a process, before its first page is shown."""
    logging.getLogger("nicegui").addFilter(_without_words)
    # Threads run by now: a process made by fork could inherit a lock that nobody will open.
    run.process_pool_start_method = "spawn"
    core.app.colors(**COLOURS)
    core.app._exception_handlers.clear()
    core.app.on_exception(_note)
    sockets.bind()
    frame.style()
    for page in PAGES:
        frame.declare(page, office)
    recipients.offer(core.app, office)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.router.routes.extend(uploads.routes(office.feeds, office.doors))
    ui.run_with(
        app,
        title="hesbot",
        favicon=(files("bot.channels") / "page" / "icon.svg").read_text("utf-8"),
        dark=None,
        language="tr",
        binding_refresh_interval=None,
        reconnect_timeout=RECONNECT,
        tailwind=False,
        show_welcome_message=False,
    )
    app.add_middleware(sockets.OwnPages)
    core.app.add_exception_handler(404, frame.lost(office))
    core.app.add_exception_handler(Exception, _broken(office))
    return app


def _note(error: Exception) -> None:
    """What went wrong in a page, by its place; what a handler was stopped with is no fault."""
    if isinstance(error, frame.STOPPED):
        return
    FAULTS.labels("console").inc()
    log.error("page failed", extra={"error": place_of(error)})


def _broken(office: Office) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, error: Exception) -> Response:
        _note(error)
        return frame.note(office, request, 500)

    return answer


def _without_words(record: logging.LogRecord) -> bool:
    """An error's words may be a person's: NiceGUI's log says no more than the place."""
    if isinstance(record.msg, BaseException) or record.exc_info:
        record.msg, record.args = "nicegui failed", ()
    return True
