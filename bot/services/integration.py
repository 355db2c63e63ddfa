"""What other systems reach over HTTP: the Ministry's feed and the validators, each with a key.

Nothing that arrives is logged or becomes a label; who is counted is a name from the settings. Knows
no table and no sentence.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from bot.channels.http import Anywhere, Places
from bot.clock import Clock
from bot.services.packed_lines import PackedLines, TooLarge
from bot.services.risk_feed import BadLine, Intake, taking
from bot.services.turnstile import REASONS, Gate, read_attempt, reason
from bot.telemetry import BOARDINGS, INTEGRATION, RISK_RECORDS
from storage import Database, Registry, Unavailable
from storage.feeds import mark

LARGEST_FEED = 64 * 1024 * 1024
"""Bytes of a feed as it is sent, packed or not."""
LARGEST_UNPACKED = 1024 * 1024 * 1024
"""Bytes of a feed's lines. JSON packs to a tenth; what unpacks to much more is no feed."""
LARGEST_ATTEMPT = 4 * 1024

BATCH = 500
"""Records in one transaction: few enough that a conversation never waits long for its turn."""
BAD_LINES_TOLD = 100

ATTEMPT_WITHIN = 10.0
"""Seconds in which an attempt must have come; somebody stands at the gate."""
SILENT_WITHIN = 30.0
"""Seconds in which the next piece of a feed must come."""

RETRY_AFTER = "5"
"""Seconds."""

LANGUAGES = ("tr", "en")
"""Of a validator's screen, the first if it asks for none."""

HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}

Say = Callable[[str, str], str]
"""The sentence for a reason of ``turnstile.REASONS`` in a language."""

Serve = Callable[[Request], Awaitable[Response]]

Count = Callable[[Iterable[str], datetime], None]
"""Counts what happened, see ``bot.marks``."""


def _uncounted(_names: Iterable[str], _now: datetime) -> None:
    """Where nobody asks."""


def routes(
    keys: Mapping[str, str],
    database: Database,
    registry: Registry,
    clock: Clock,
    say: Say,
    count: Count = _uncounted,
    strangers: Places | None = None,
) -> list[Route]:
    """The integration API. ``keys`` are SHA-256 (hex) by name; without any it is closed.

    ``count`` is told who sent risk records. ``strangers`` bounds what is refused of one place.
    """
    guard = _Guard(keys, strangers or Anywhere())
    feed = _RiskFeed(database, registry, clock, count)
    gate = _Turnstile(database, registry, clock, say)
    return [
        Route("/api/risk-changes", guard.over("risk-changes", feed.take), methods=["POST"]),
        Route("/api/boardings", guard.over("boardings", gate.answer), methods=["POST"]),
    ]


# --- who may --------------------------------------------------------------------------------


class _TooSlow(Exception):
    """A body did not come in time."""


class _Guard:
    """Lets in whoever has one of the keys, and counts."""

    def __init__(self, keys: Mapping[str, str], strangers: Places) -> None:
        self._strangers = strangers
        self._keys = {name: bytes.fromhex(digest) for name, digest in keys.items()}

    def over(self, route: str, serve: Serve) -> Serve:
        """The same, guarded."""

        async def guarded(request: Request) -> Response:
            name = self._name(request)
            request.state.key_name = name
            response = self._refuse(request) if name is None else await _served(request, serve)
            INTEGRATION.labels(name or "nobody", route, response.status_code).inc()
            return response

        return guarded

    def _refuse(self, request: Request) -> Response:
        if wait := self._strangers.take(request):
            return _error("too many tries without a key", 429, {"Retry-After": str(wait)})
        return _refusal(bool(self._keys))

    def _name(self, request: Request) -> str | None:
        """Whose key the request has. It takes as long whichever it is, and if it is none."""
        given = hashlib.sha256(_key(request).encode("latin-1")).digest()
        found = None
        for name, digest in self._keys.items():
            if hmac.compare_digest(digest, given):
                found = name
        return found


def _key(request: Request) -> str:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")


def _refusal(open_to_some: bool) -> Response:
    if not open_to_some:
        return _error("closed: INTEGRATION_KEYS is not set", 403)
    return _error("a key is needed: Authorization: Bearer KEY", 401, {"WWW-Authenticate": "Bearer"})


async def _served(request: Request, serve: Serve) -> Response:
    try:
        return await serve(request)
    except Unavailable:
        headers = {"Retry-After": RETRY_AFTER}
        return _error("the records cannot be used now; send the same again", 503, headers)
    except TooLarge:
        return _error("too large", 413)
    except _TooSlow:
        # What is still to come of the body would else be waited for.
        return _error("the body came too slowly; send the same again", 408, {"Connection": "close"})
    except ClientDisconnect:
        # Nobody reads this. What was taken stays taken.
        return _error("the request broke off", 400)


# --- the Ministry's feed --------------------------------------------------------------------


class _RiskFeed:
    def __init__(self, database: Database, registry: Registry, clock: Clock, count: Count) -> None:
        self._take = taking(database, registry, clock)
        self._clock = clock
        self._counted = count

    async def take(self, request: Request) -> Response:
        """Take the good lines of the body as it arrives, and say which are not."""
        if _announced(request) > LARGEST_FEED:
            raise TooLarge
        told: list[BadLine] = []
        intake = Intake(self._take, self._clock(), BATCH, lambda bad: _tell(told, bad))
        try:
            await _read(request, intake)
        finally:
            _count(intake)
        bad = [{"line": each.number, "why": each.why} for each in told]
        counts = {"bad": bad, "bad_count": intake.lines - intake.good}
        if not intake.good:
            return _json({"error": "no risk record can be read", **counts}, 400)
        self._counted([mark(request.state.key_name)], self._clock())
        return _json({**asdict(intake.outcome), **counts})


async def _read(request: Request, intake: Intake) -> None:
    # gzip is known by its own first bytes, so Content-Encoding has nothing to add.
    lines, size = PackedLines(LARGEST_UNPACKED), 0
    pieces = request.stream()
    while (piece := await _next(pieces)) is not None:
        size += len(piece)
        if size > LARGEST_FEED:
            raise TooLarge
        await intake.read(lines.read(piece))
    await intake.read(lines.end())
    await intake.finish()


def _tell(told: list[BadLine], bad: BadLine) -> None:
    if len(told) < BAD_LINES_TOLD:
        told.append(bad)


def _count(intake: Intake) -> None:
    counts = {**asdict(intake.outcome), "bad": intake.lines - intake.good}
    for outcome, count in counts.items():
        RISK_RECORDS.labels(outcome).inc(count)


# --- validators -----------------------------------------------------------------------------


class _Turnstile:
    def __init__(self, database: Database, registry: Registry, clock: Clock, say: Say) -> None:
        self._gate = Gate(database, registry.boardings, clock)
        self._clock = clock
        self._answers = {
            (allowed, why, language): msgspec.json.encode(
                {"allowed": allowed, "reason": why, "sentence": say(why, language)}
            )
            for allowed in (True, False)
            for why in REASONS
            for language in LANGUAGES
        }

    async def answer(self, request: Request) -> Response:
        """Whether the card may pass now."""
        asked = read_attempt(await _body(request, LARGEST_ATTEMPT), self._clock())
        if isinstance(asked, str):
            return _error(asked, 400)
        passage = await self._gate.ask(asked)
        why = reason(passage)
        BOARDINGS.labels(why).inc()
        content = self._answers[passage.allowed, why, language_of(request)]
        return Response(content, 200, HEADERS, "application/json")


def language_of(request: Request) -> str:
    """The first of our languages that the request names; its order counts, not its weights."""
    wanted = request.headers.get("accept-language", "").lower()
    named = (each.strip()[:2] for each in wanted.split(","))
    return next((language for language in named if language in LANGUAGES), LANGUAGES[0])


# --- HTTP -----------------------------------------------------------------------------------


async def _body(request: Request, most: int) -> bytes:
    """The whole body. Raise TooLarge before more than that is kept, and _TooSlow."""
    if _announced(request) > most:
        raise TooLarge
    body = b""
    async with _in_time(ATTEMPT_WITHIN):
        async for piece in request.stream():
            body += piece
            if len(body) > most:
                raise TooLarge
    return body


async def _next(pieces: AsyncIterator[bytes]) -> bytes | None:
    """The next piece of a body, None at its end. Raise _TooSlow."""
    async with _in_time(SILENT_WITHIN):
        return await anext(pieces, None)


@asynccontextmanager
async def _in_time(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise _TooSlow from None


def _announced(request: Request) -> int:
    """How long the body will be by its own account; the server has seen to its being a number."""
    return int(request.headers.get("content-length", 0))


def _json(
    plain: Mapping[str, Any] | Sequence[Any],
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    content = msgspec.json.encode(plain)
    return Response(content, status, {**HEADERS, **(headers or {})}, "application/json")


def _error(line: str, status: int, headers: Mapping[str, str] | None = None) -> Response:
    return _json({"error": line}, status, headers)
