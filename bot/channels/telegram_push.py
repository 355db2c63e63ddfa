"""Notices through Telegram: python-telegram-bot's ``ExtBot`` on connections of ours.

Sends one message and says what became of it. It must not know the records, the sentences or how
the limiter works; and nothing of a letter, an answer or the token goes to a log. The library is
imported here alone, so that who does not push does not pay for it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from contextvars import ContextVar
from typing import Any, Self

import aiohttp
import msgspec
from telegram import LinkPreviewOptions
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    TelegramError,
    TimedOut,
)
from telegram.ext import BaseRateLimiter, ExtBot
from telegram.request import BaseRequest, RequestData

from bot.channels.base import Fate, Letter, Limits, Outcome, Turn

TIMEOUT = 10.0
"""Seconds one call may take."""

CONNECT_TIMEOUT = 5.0
"""Seconds of them for the connection; after these it is certain that nothing was sent."""

SHORTEST_PAUSE = 1
"""Seconds to wait after a 429 that does not say how long."""

OFFICIAL = "https://api.telegram.org"


class Flood(TelegramError):
    """HTTP 429, in seconds.

    It stands for the library's ``RetryAfter``, which warns whenever it is made, unless a variable
    of the environment is set.
    """

    def __init__(self, retry_after: float) -> None:
        super().__init__("flood")
        self.retry_after = retry_after


class Unreached(NetworkError):
    """There was no connection, so certainly nothing was sent."""


class Unread(NetworkError):
    """What came was no answer of a Bot API server."""


REFUSALS: Sequence[tuple[type[TelegramError], str, Fate, str]] = (
    (Forbidden, "blocked", Fate.BLOCKED, "403_blocked"),
    (Forbidden, "deactivated", Fate.UNREACHABLE, "403_deactivated"),
    (Forbidden, "initiate", Fate.UNREACHABLE, "403_not_started"),
    (Forbidden, "", Fate.UNREACHABLE, "403"),
    (ChatMigrated, "", Fate.FAILED, "400_migrated"),
    (BadRequest, "chat not found", Fate.UNREACHABLE, "400_chat_not_found"),
    (BadRequest, "peer_id_invalid", Fate.UNREACHABLE, "400_peer"),
    (BadRequest, "", Fate.BROKEN, "400"),
    (InvalidToken, "", Fate.HALTED, "401_token"),
    (Conflict, "", Fate.HALTED, "409_conflict"),
    (Unreached, "", Fate.AGAIN, "unreached"),
    (TimedOut, "", Fate.UNKNOWN, "timeout"),
    (Unread, "", Fate.UNKNOWN, "unread"),
    (NetworkError, "", Fate.UNKNOWN, "network"),
    (TelegramError, "", Fate.UNKNOWN, "other"),
)
"""What each refusal means, the first that fits: its type, a piece of its description, the fate and
our word for it. Sub-causes differ by description alone (tdlib/telegram-bot-api, Client.cpp).
``BadRequest`` and ``TimedOut`` are kinds of ``NetworkError``, so they stand before it."""


class TelegramPush:
    """Pushes through one bot.

    ``api_base`` is another Bot API server than the official one. ``rate`` is messages a second,
    ``gap`` seconds between two to one person (Bot API FAQ: one a second in a chat).
    """

    name = "telegram"
    limits = Limits(text=4096, buttons=100, label=64, contact=True)

    def __init__(
        self,
        token: str,
        api_base: str | None = None,
        *,
        rate: float,
        gap: float = 1.0,
        timeout: float = TIMEOUT,
    ) -> None:
        self.rate, self.gap = rate, gap
        self._request = Connections(timeout)
        self._bot: ExtBot[Turn] = ExtBot(
            token,
            base_url=f"{api_base or OFFICIAL}/bot",
            request=self._request,
            get_updates_request=self._request,
            rate_limiter=InTurn(),
        )

    async def __aenter__(self) -> Self:
        # The bot's own initialisation would ask who it is first, and fail with the network.
        await self._request.initialize()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._request.shutdown()

    async def push(self, letter: Letter, turn: Turn) -> Outcome:
        """Send one letter when its turn has come. Raises only what ``turn`` raises."""
        try:
            sent = await self._bot.send_message(
                letter.to,
                letter.text,
                link_preview_options=LinkPreviewOptions(is_disabled=True),
                rate_limit_args=turn,
            )
        except Flood as flood:
            return Outcome(Fate.BUSY, "429", retry_after=flood.retry_after)
        except TelegramError as refusal:
            return refused(refusal)
        return Outcome(Fate.SENT, provider_id=str(sent.message_id))


def refused(refusal: TelegramError) -> Outcome:
    """What a refusal means."""
    said = refusal.message.lower()
    return next(
        Outcome(fate, cause)
        for kind, words, fate, cause in REFUSALS
        if isinstance(refusal, kind) and words in said
    )


class InTurn(BaseRateLimiter[Turn]):
    """Makes a call when its turn has come, once. The turn is the call's ``rate_limit_args``."""

    async def initialize(self) -> None:
        """Nothing is held here."""

    async def shutdown(self) -> None:
        """Nothing is held here."""

    async def process_request(
        self,
        callback: Callable[..., Coroutine[Any, Any, Any]],
        args: Any,
        kwargs: dict[str, Any],
        endpoint: str,
        data: dict[str, Any],
        rate_limit_args: Turn | None,
    ) -> Any:
        """Raise what the turn raises, before anything is sent."""
        if rate_limit_args is not None:
            await rate_limit_args()
            _turn.set(rate_limit_args)
        return await callback(*args, **kwargs)


_turn: ContextVar[Turn | None] = ContextVar("turn", default=None)
"""Of the call that this task is making: the library hands nothing of ours to its request."""


async def _left(_session: object, context: Any, _what: object) -> None:
    """A call was written, which is when its body is."""
    turn: Turn | None = context.trace_request_ctx
    if turn is not None:
        turn.gone()


class _Parameters(msgspec.Struct):
    """Bot API, ResponseParameters."""

    retry_after: int = 0


class _Chat(msgspec.Struct):
    """Of a message that was sent, what the library cannot do without."""

    id: int
    type: str


class _Sent(msgspec.Struct):
    """Bot API, Message; the same."""

    message_id: int
    date: int
    chat: _Chat


class _Answer(msgspec.Struct):
    """Bot API, Making requests."""

    ok: bool
    result: _Sent | None = None
    parameters: _Parameters | None = None


class Connections(BaseRequest):
    """The library's way to the network, by aiohttp. ``timeout`` is seconds for one call.

    It sends messages and nothing else.
    """

    def __init__(self, timeout: float = TIMEOUT) -> None:
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

    @property
    def read_timeout(self) -> float:
        """Seconds."""
        return self._timeout

    async def initialize(self) -> None:
        """Open for business; inside the event loop."""
        if self._session is None:
            # How many calls run at once is the sender's to say.
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                trace_configs=[_watch()],
                timeout=aiohttp.ClientTimeout(total=self._timeout, sock_connect=CONNECT_TIMEOUT),
            )

    async def shutdown(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, *_: Any, **__: Any
    ) -> tuple[int, bytes]:
        """The status and body of one call. Raises Unreached, TimedOut, Unread, NetworkError, Flood.

        The body is one that the library can read, so that it never quotes it in a log.
        """
        if self._session is None:
            raise RuntimeError("not open")
        form = request_data.json_parameters if request_data else None
        try:
            async with self._session.request(
                method, url, data=form, allow_redirects=False, trace_request_ctx=_turn.get()
            ) as response:
                body = await response.read()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unreached("unreached") from error
        except TimeoutError as error:
            raise TimedOut from error
        except aiohttp.ClientError as error:
            raise NetworkError("network") from error
        answer = _read(body)
        asked = answer.parameters.retry_after if answer and answer.parameters else 0
        if asked or response.status == 429:
            raise Flood(asked or SHORTEST_PAUSE)
        if answer is None or (response.ok and answer.result is None):
            raise Unread("unread")
        return response.status, body


def _watch() -> aiohttp.TraceConfig:
    watch = aiohttp.TraceConfig()
    watch.on_request_chunk_sent.append(_left)
    return watch


def _read(body: bytes) -> _Answer | None:
    try:
        return msgspec.json.decode(body, type=_Answer)
    except (ValueError, RecursionError):
        return None
