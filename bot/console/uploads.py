"""Files of staff over HTTP: received as they come, never held in memory, by whose role allows it.

Stands behind the guard. What a file is and what becomes of it is in ``bot.feeds``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bot.console.places import path_of, roles_of
from bot.console.signing import Doors
from bot.console.visits import PATH, SignedIn, signed_in
from bot.feeds.feeds import Feeds
from bot.feeds.receiving import Upload
from bot.feeds.values import Kind, Refused
from storage import Member, Unavailable

PAGE = "feeds"
MARK = "x-hesbot-upload"
"""A header that no other site can send without being asked about it first (CORS)."""
SILENT_WITHIN = 60.0
"""Seconds in which the next piece must come."""
STATUSES = {"busy": 409, "too_large": 413, "no_room": 507, "empty": 400}

ERRORS = ("broken_off", "busy", "empty", "no_room", "not_allowed", "too_large", "unavailable")
"""What can be said to whoever sends a file, ``console.feeds.error.<code>``."""

BAD_LINES = "okunamayanlar"

Serve = Callable[[Request, SignedIn, Kind], Awaitable[Response]]


def routes(feeds: Feeds, doors: Doors) -> Sequence[BaseRoute]:
    """Where files are sent to, and where the lines are fetched that could not be taken."""
    desk = _Desk(feeds, doors)
    place = path_of(PAGE) + "/{kind}"
    return (
        Route(place, _allowed(desk.receive), methods=["PUT"]),
        Route(f"{place}/{BAD_LINES}", _allowed(desk.give_bad_lines), methods=["GET"]),
    )


def address(kind: Kind) -> str:
    """Where a file of that kind is sent to, as a browser asks for it."""
    return f"{PATH}{path_of(PAGE)}/{kind}"


def bad_lines_address(kind: Kind) -> str:
    """Where its bad lines are fetched."""
    return f"{address(kind)}/{BAD_LINES}"


def _allowed(serve: Serve) -> Callable[[Request], Awaitable[Response]]:
    """Only for whose role allows it, and for what there is."""

    async def guarded(request: Request) -> Response:
        inside, name = signed_in(request.scope), request.path_params["kind"]
        if inside is None or inside.member.role not in roles_of(PAGE):
            return _error("not_allowed", 403)
        if name not in Kind._value2member_map_:
            return _error("lost", 404)
        try:
            return await serve(request, inside, Kind(name))
        except Unavailable:
            return _error("unavailable", 503)

    return guarded


class _Desk:
    def __init__(self, feeds: Feeds, doors: Doors) -> None:
        self._feeds = feeds
        self._doors = doors

    async def receive(self, request: Request, inside: SignedIn, kind: Kind) -> Response:
        """Receive a file and have it taken in."""
        if MARK not in request.headers:
            return _error("not_allowed", 403)
        try:
            async with self._feeds.receiving(kind, _announced(request)) as upload:
                await _read(request, upload)
                member = await self._still(inside)
                if member is None:
                    return _error("not_allowed", 403)
                await self._feeds.take(upload, member.name)
        except Refused as refused:
            return _error(refused.why, STATUSES[refused.why])
        except ClientDisconnect:
            # Nobody reads this.
            return _error("broken_off", 400)
        except TimeoutError:
            return _error("broken_off", 408, {"Connection": "close"})
        except OSError:
            return _error("no_room", 507)
        return JSONResponse({"size": upload.size, "sha256": upload.sha256}, 202)

    async def _still(self, inside: SignedIn) -> Member | None:
        """Who sent it, if they still may: a long file outlives a session or a role."""
        member = await self._doors.who(inside.token)
        return member if member is not None and member.role in roles_of(PAGE) else None

    async def give_bad_lines(self, _request: Request, inside: SignedIn, kind: Kind) -> Response:
        """The lines that could not be taken, as they were."""
        path = await self._feeds.fetch_bad(kind, inside.member.name)
        if path is None:
            return _error("lost", 404)
        return FileResponse(path, media_type="application/octet-stream", filename=path.name)


async def _read(request: Request, upload: Upload) -> None:
    pieces = request.stream()
    while (piece := await _next(pieces)) is not None:
        await upload.add(piece)


async def _next(pieces: AsyncIterator[bytes]) -> bytes | None:
    """The next piece of a body, None at its end. Raise TimeoutError."""
    async with asyncio.timeout(SILENT_WITHIN):
        return await anext(pieces, None)


def _announced(request: Request) -> int:
    """How long the body will be by its own account; the server has seen to its being a number."""
    return int(request.headers.get("content-length", 0))


def _error(code: str, status: int, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": code}, status, headers)
