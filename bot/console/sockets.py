"""A page is driven only from the visit that opened it.

NiceGUI takes whoever knows a page's name for the one who has it open. Here every message of a
socket is looked at first: the socket and the page must belong to the same visit. Only web sockets
are spoken, for they say once and for good whose they are.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from nicegui import Client, core
from socketio.exceptions import ConnectionRefusedError as Turned  # type: ignore[import-untyped]
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.console.visits import same_visit

LARGEST = 1_000_000
"""Bytes of one message from a browser."""

_PAGE = re.compile(r"/_nicegui/client/([^/]+)")

Handler = Callable[..., Any]


def bind() -> None:
    """Put the check before NiceGUI's own handlers."""
    core.app.config.socket_io_js_transports = ["websocket"]
    core.sio.eio.transports = ["websocket"]
    core.sio.eio.max_http_buffer_size = LARGEST
    handlers = core.sio.handlers["/"]
    core.sio.on("connect", _connecting(handlers["connect"]))
    core.sio.on("handshake", _shaking(handlers["handshake"]))
    for name in ("event", "javascript_response", "ack"):
        core.sio.on(name, _checked(handlers[name]))
    # What a browser would like to see in our log is none of its business.
    core.sio.on("log", _nothing)


def owned(client_id: object, environ: dict[str, Any] | None) -> bool:
    """Whether a page with that name was opened in the visit that this socket belongs to."""
    client = Client.instances.get(client_id) if isinstance(client_id, str) else None
    scope = (environ or {}).get("asgi.scope")
    return client is not None and scope is not None and same_visit(client.request.scope, scope)


class OwnPages:
    """ASGI: what is sent to a page over HTTP, such as a file, comes from its visit as well."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        named = _PAGE.search(scope["path"]) if scope["type"] == "http" else None
        if named and not owned(named[1], {"asgi.scope": scope}):
            await PlainTextResponse("403", 403)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _connecting(proceed: Callable[..., Awaitable[None]]) -> Handler:
    async def connect(sid: str, environ: dict[str, Any], _auth: object = None) -> None:
        named = parse_qs(environ.get("QUERY_STRING", "")).get("client_id", [""])[0]
        if not owned(named, environ):
            raise Turned("not yours")
        await proceed(sid, environ)

    return connect


def _shaking(proceed: Callable[..., Awaitable[bool]]) -> Handler:
    async def handshake(sid: str, message: Any) -> bool:
        return _fits(sid, message) and await proceed(sid, message)

    return handshake


def _checked(proceed: Callable[..., None]) -> Handler:
    def handle(sid: str, message: Any) -> None:
        if _fits(sid, message):
            proceed(sid, message)

    return handle


def _fits(sid: str, message: Any) -> bool:
    return isinstance(message, dict) and owned(message.get("client_id"), core.sio.get_environ(sid))


def _nothing(_sid: str, _message: Any) -> None:
    """Hear it and forget it."""
