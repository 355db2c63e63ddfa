"""The HTTP face: the channels' routes, health and metrics, on one Starlette app under uvicorn."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterable, Mapping
from socket import AF_INET, AF_INET6, SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET, socket
from types import FrameType

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bot import tracing
from bot.channels.base import Channel
from bot.server_line import Line
from bot.settings import SettingsError
from bot.stopping import CALLS, Stop
from storage import Database, Unavailable

Endpoint = Callable[[Request], Awaitable[Response]]

LARGEST_MESSAGE = 1_000_000
"""Bytes of one message on a web socket."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Of what the server says itself; each channel has its own for what it says."""

ONLY_HTTPS = ("Strict-Transport-Security", "max-age=31536000")
"""Of everything, where the world reaches us by HTTPS."""


class Front:
    """The application, with what is posted to the channels taken before its door.

    A webhook is found by its path alone, which for a short message saves a good part of the whole;
    everything else goes the usual way.
    """

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute]) -> None:
        self._app = app
        self._posts: dict[str, Endpoint] = {
            route.path: route.endpoint
            for route in routes
            if isinstance(route, Route) and route.methods == {"POST"} and not route.param_convertors
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        posted = scope["type"] == "http" and scope["method"] == "POST"
        endpoint = self._posts.get(scope["path"]) if posted else None
        if endpoint is None:
            await self._app(scope, receive, send)
            return
        try:
            with tracing.request(scope["path"]) as asked:
                response = await endpoint(Request(scope, receive, send))
                asked.set(status=response.status_code)
        except Exception:
            await _plain("Internal Server Error", 500)(scope, receive, send)
            # The server writes down where it was.
            raise
        await response(scope, receive, send)


def application(
    channels: Iterable[Channel], database: Database, others: Iterable[BaseRoute] = ()
) -> Front:
    """Every channel's routes, the operator's, and ``others``."""

    async def alive(_request: Request) -> Response:
        return _plain("ok")

    async def ready(_request: Request) -> Response:
        try:
            await database.ping()
        except Unavailable:
            return _plain("database unavailable", 503, {"Retry-After": "5"})
        return _plain("ok")

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(), 200, HEADERS, CONTENT_TYPE_LATEST)

    posts = [route for channel in channels for route in channel.routes()]
    routes = [
        *posts,
        Route("/healthz", alive),
        Route("/readyz", ready),
        Route("/metrics", metrics),
        *others,
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _refused, 500: _failed})
    # It would lead to whatever host the request says it is for.
    app.router.redirect_slashes = False
    return Front(app, posts)


async def _refused(_request: Request, error: Exception) -> Response:
    """No such page, or not in this way."""
    if not isinstance(error, HTTPException):
        raise error
    return _plain(error.detail, error.status_code, error.headers)


async def _failed(_request: Request, _error: Exception) -> Response:
    return _plain("Internal Server Error", 500)


def _plain(
    text: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> PlainTextResponse:
    return PlainTextResponse(text, status, {**HEADERS, **(headers or {})})


class Server(uvicorn.Server):
    """uvicorn that says when it is ready, and gives the word when it is told to stop."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None], stop: Stop) -> None:
        super().__init__(config)
        self._announce = announce
        self._stop = stop

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop gently; the second Ctrl-C does not wait for requests under way.

        uvicorn's own would raise the signal again once it has stopped, and end the process before
        the desk and the records are closed.
        """
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Let requests under way end while everything else does."""
        self._stop.begin()
        await super().shutdown(sockets)

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second; once a second the connections are looked at."""
        if counter % 10 == 0:
            now = asyncio.get_running_loop().time()
            for each in tuple(self.server_state.connections):
                if isinstance(each, Line):
                    each.look(now)
        return await super().on_tick(counter)

    async def startup(self, sockets: list[socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except OSError as error:
            raise _not_to_be_had(error) from None
        if self.started:
            self._announce()


def bind(host: str, port: int) -> socket:
    """Take the address, without listening yet. Raise SettingsError if it cannot be had."""
    taken = socket(AF_INET6 if ":" in host else AF_INET, SOCK_STREAM)
    try:
        taken.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        taken.bind((host, port))
    except (OSError, UnicodeError) as error:
        taken.close()
        raise _not_to_be_had(error) from None
    return taken


def _not_to_be_had(error: Exception) -> SettingsError:
    why = getattr(error, "strerror", None) or "no such address"
    return SettingsError(f"HOST, PORT: cannot listen there: {why}")


def server(
    app: ASGIApp, announce: Callable[[], None], stop: Stop | None = None, *, secure: bool = False
) -> Server:
    """A server for the app, to be given its sockets; ``announce`` is called once it listens.

    ``stop`` begins when it is told to. ``secure``: the world reaches us by HTTPS.
    """
    config = uvicorn.Config(
        app,
        http=Line,
        headers=[ONLY_HTTPS] if secure else [],
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=int(CALLS),
        ws_max_size=LARGEST_MESSAGE,
    )
    return Server(config, announce, stop or Stop())
