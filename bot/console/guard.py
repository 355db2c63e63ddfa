"""The guard before every page and socket of the console: only who is signed in comes through.

Plain ASGI, in front of whatever the console is made of. Knows no page.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.console.visits import SIGN_IN, Badge, SignedIn, Who, sign
from storage import Unavailable

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval';"
        " style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none';"
        " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""Of everything behind the guard. NiceGUI's pages are scripts in themselves, and compile more."""

READING = ("GET", "HEAD")
NOT_OURS = ("x-forwarded-prefix",)
"""Headers that NiceGUI would write into a page."""
REFUSED = 4403
"""A socket's own way to say 403."""


class Guard:
    """Lets through what belongs to a living visit; everybody else is shown the sign-in page."""

    def __init__(self, inner: Callable[[], Awaitable[ASGIApp]], who: Who, badge: Badge) -> None:
        self._inner = inner
        self._who = who
        self._badge = badge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sealed = _with_headers(send) if scope["type"] == "http" else send
        refusal = await self._refusal(scope)
        if refusal is None:
            scope["headers"] = [
                (name, value) for name, value in scope["headers"] if name.decode() not in NOT_OURS
            ]
            app = await self._inner()
            await app(scope, receive, sealed)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": REFUSED})
        else:
            await refusal(scope, receive, sealed)

    async def _refusal(self, scope: Scope) -> Response | None:
        """Why not; None for who may come in, with the visit in the scope."""
        connection = HTTPConnection(scope)
        if not self._may_ask(scope, connection.headers):
            return PlainTextResponse("403", 403)
        token = self._badge.token(connection)
        try:
            seen = scope["type"] == "http"
            member = None if token is None else await self._who(token, seen=seen)
        except Unavailable:
            return PlainTextResponse("503", 503, {"Retry-After": "5"})
        if token is None or member is None:
            return _to_the_door(scope, connection.headers)
        sign(scope, SignedIn(member, token))
        return None

    def _may_ask(self, scope: Scope, headers: Headers) -> bool:
        """No other site opens a socket here or changes anything."""
        if scope["type"] == "websocket":
            return self._badge.is_ours(headers.get("origin", ""), headers)
        return scope["method"] in READING or self._badge.from_here(headers)


def _to_the_door(scope: Scope, headers: Headers) -> Response:
    """A page goes to the sign-in page and comes back from there; anything else is refused."""
    page = "text/html" in headers.get("accept", "")
    if scope["type"] == "websocket" or scope["method"] not in READING or not page:
        return PlainTextResponse("401", 401)
    query = scope["query_string"].decode("ascii", "replace")
    wanted = scope["path"] + (f"?{query}" if query else "")
    return RedirectResponse(f"{SIGN_IN}?{urlencode({'sonra': wanted})}", 303)


def _with_headers(send: Send) -> Send:
    """Every answer carries our headers; what says nothing of it is never kept."""

    async def send_sealed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(HEADERS)
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return send_sealed
