"""What every channel that is reached over HTTP needs: a body of bounded size, and a bound to what
comes from one place."""

from __future__ import annotations

from typing import Protocol
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, HTTPConnection, Request

from bot.channels.base import MAX_BODY


class Places(Protocol):
    """How much may come from one place. Answers in seconds to wait, 0 for none."""

    def take(self, request: HTTPConnection) -> int:
        """Count one request."""
        ...

    def look(self, request: HTTPConnection) -> int:
        """The same without counting it."""
        ...


class Anywhere:
    """Where nobody counts."""

    def take(self, _request: HTTPConnection) -> int:
        """Nobody waits."""
        return 0

    def look(self, _request: HTTPConnection) -> int:
        """Nobody waits."""
        return 0


async def read_body(request: Request) -> bytes | None:
    """The request's body; None if it is over ``MAX_BODY`` or the sender went away."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                return None
    except ClientDisconnect:
        return None
    return bytes(body)


def from_here(headers: Headers, address: str) -> bool:
    """Whether nothing says that another site sent this. ``address`` is our own.

    A browser says so itself (Fetch Metadata); an old one gives the origin, and any over plain HTTP.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is None or is_ours(origin, headers, address)


def is_ours(origin: str, headers: Headers, address: str) -> bool:
    """Whether a page of that origin is one of ours: by our address, or the host that was asked,
    which no other site can choose."""
    if origin == address:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc == headers.get("host")
