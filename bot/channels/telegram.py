"""Telegram: updates by webhook or by long polling in, answers by the webhook's response or the API.

Moves bytes between Telegram and the desk. It must not know forms, sentences or tables, and it never
writes a text, a person's id or the token to a log. ``telegram_wire`` says what updates and answers
are in bytes, ``telegram_api`` makes the calls. Rules of delivery are those of the server's source,
tdlib/telegram-bot-api (WebhookActor.cpp, Client.cpp).
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Any
from weakref import WeakValueDictionary

import msgspec
from aiogram import methods
from aiogram.exceptions import AiogramError, ClientDecodeError
from aiogram.types import BotCommand, Update
from aiogram.utils.backoff import BackoffConfig
from pydantic import ValidationError
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.channels import telegram_wire as wire
from bot.channels.base import (
    Answer,
    FrontDesk,
    Inbound,
    Limits,
    Reach,
    TooFast,
    Unavailable,
    answered,
    heard,
)
from bot.channels.http import Anywhere, Places, read_body
from bot.channels.telegram_api import API_TIMEOUT, HOPELESS, PATIENCE, Line
from bot.channels.telegram_wire import Call
from bot.telemetry import FAILED_CALLS, REFUSED
from bot.trail import about
from conversations.events import Address, Delivered

log = logging.getLogger(__name__)

PATH = "/telegram"
ALLOWED_UPDATES = ["message", "callback_query", "my_chat_member"]
MAX_CONNECTIONS = 100
"""Connections Telegram may open to the webhook; its own upper bound."""

LONG_POLL = 50
"""Seconds one getUpdates stays open; the server's upper bound."""

_REPORTS = 3
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")


class Telegram:
    """Telegram as a channel.

    ``secret`` is what Telegram repeats in a header of each request (setWebhook: 1-256 letters,
    digits, ``_`` and ``-``). ``commands`` are the command menu by two-letter language, "" being
    everybody else's. Without ``public_url`` updates are fetched by long polling, ``long_poll``
    seconds at a time. ``reach`` is told who blocked the bot and who let it in again. ``strangers``
    bounds what is refused of one place.
    """

    name = "telegram"
    limits = Limits(text=wire.TEXT_UNITS, buttons=100, label=64, contact=True, files=True)

    def __init__(
        self,
        desk: FrontDesk,
        *,
        token: str,
        secret: str,
        api_base: str | None = None,
        public_url: str | None = None,
        commands: Mapping[str, Sequence[tuple[str, str]]] | None = None,
        long_poll: int = LONG_POLL,
        patience: BackoffConfig = PATIENCE,
        reach: Reach | None = None,
        strangers: Places | None = None,
    ) -> None:
        if not _SECRET.fullmatch(secret):
            raise ValueError("a webhook secret is 1-256 letters, digits, _ and -")
        self._desk = desk
        self._line = Line(token, api_base, patience)
        self._secret = secret
        self._public_url = public_url and public_url.rstrip("/")
        self._commands = commands or {}
        self._long_poll = long_poll
        self._reach = reach
        self._strangers = strangers or Anywhere()
        self._tasks: asyncio.TaskGroup | None = None
        self._lanes: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    def routes(self) -> Sequence[Route]:
        return [Route(PATH, self._webhook, methods=["POST"])]

    async def run(self) -> None:
        """Receive updates and finish what answers leave to do, until cancelled.

        Returns, with the reason in the log, when the token is refused or another process receives.
        """
        async with self._line.bot, asyncio.TaskGroup() as self._tasks:
            try:
                await self._aside(self._announce_commands())
                await (self._hold_webhook() if self._public_url else self._poll())
            except tuple(HOPELESS) as refusal:
                log.error("telegram stopped: %s", HOPELESS[type(refusal)])
            finally:
                self._tasks = None

    # --- webhook: signature, decode, address, event, desk ------------------------------------

    async def _webhook(self, request: Request) -> Response:
        if not self._is_from_telegram(request):
            return self._refuse("secret", 429 if self._strangers.take(request) else 403)
        body = await read_body(request)
        if body is None:
            return self._refuse("size", 413)
        try:
            update = wire.decode(body)
        except msgspec.ValidationError:
            # A shape we do not know is no better known when it is sent again.
            return self._refuse("shape", 200)
        except (ValueError, RecursionError):
            return self._refuse("json", 400)
        return await self._respond(update)

    def _is_from_telegram(self, request: Request) -> bool:
        # In bytes: compare_digest raises at text that is not ASCII.
        given = request.headers.get("x-telegram-bot-api-secret-token", "").encode("latin-1")
        return hmac.compare_digest(given, self._secret.encode())

    def _refuse(self, reason: str, status: int) -> Response:
        REFUSED.labels(self.name, reason).inc()
        return Response(status_code=status)

    async def _respond(self, update: wire.Update) -> Response:
        try:
            calls = await self._receive(update)
        except Unavailable as pause:
            REFUSED.labels(self.name, "unavailable").inc()
            answered(self.name, 0, 503)
            return Response(status_code=503, headers={"Retry-After": str(pause.retry_after)})
        course = wire.plan(calls)
        await self._perform(course.before)
        later = BackgroundTask(self._follow, course.after) if course.after else None
        answered(self.name, int(course.response is not None))
        if course.response is None:
            return Response(background=later)
        said = course.response.as_response()
        return Response(said, media_type="application/json", background=later)

    async def _follow(self, calls: Sequence[Call]) -> None:
        await self._aside(self._perform(calls))

    async def _hold_webhook(self) -> None:
        await self._line.insist(
            methods.SetWebhook(
                url=f"{self._public_url}{PATH}",
                secret_token=self._secret,
                allowed_updates=ALLOWED_UPDATES,
                max_connections=MAX_CONNECTIONS,
            )
        )
        await asyncio.Event().wait()

    # --- long polling ------------------------------------------------------------------------

    async def _poll(self) -> None:
        await self._line.insist(methods.DeleteWebhook())
        offset, pause = 0, self._line.backoff()
        while True:
            try:
                fetched = await self._fetch(offset)
                offset = await self._take(fetched, offset)
            except tuple(HOPELESS):
                raise
            except (AiogramError, Unavailable) as fault:
                await self._line.wait(pause, fault)
            else:
                pause.reset()

    async def _fetch(self, offset: int) -> list[Update]:
        """Wait for updates from ``offset`` on; asking for them confirms all before."""
        fetch = methods.GetUpdates(
            offset=offset, timeout=self._long_poll, allowed_updates=ALLOWED_UPDATES
        )
        try:
            return await self._line.bot(fetch, request_timeout=self._long_poll + API_TIMEOUT)
        except ClientDecodeError as unread:
            return _one_by_one(unread)

    async def _take(self, fetched: Sequence[Update], offset: int) -> int:
        """Give the updates to the desk, all at once and in order; the offset to go on from.

        Raises Unavailable if the desk does not take the first. Of those behind one that was not
        taken none is answered: they are fetched again, and the desk gives the same answers again.
        """
        taken = await asyncio.gather(*map(self._receive, fetched), return_exceptions=True)
        for update, calls in zip(fetched, taken, strict=True):
            if isinstance(calls, Unavailable):
                if update is fetched[0]:
                    raise calls
                return update.update_id
            inbound = wire.inbound_of(update)
            with about(None if inbound is None else inbound.trail):
                if isinstance(calls, BaseException):
                    log.error("telegram update failed: %s", type(calls).__name__)
                elif calls:
                    await self._aside(self._perform_in_turn(calls))
            offset = update.update_id + 1
        return offset

    async def _perform_in_turn(self, calls: Sequence[Call]) -> None:
        """Perform the calls after those of earlier updates of the same chat."""
        lane = self._lanes.setdefault(_chat_of(calls), asyncio.Lock())
        async with lane:
            await self._perform(calls)

    # --- both ways ---------------------------------------------------------------------------

    async def _receive(self, update: wire.Update | Update) -> list[Call]:
        """Give the update to the desk; the calls that its answer comes to."""
        calls: list[Call] = []
        inbound = wire.inbound_of(update)
        if inbound is None:
            await self._note(update)
        else:
            heard(inbound)
            calls = wire.encode(int(inbound.address.id), await self._answer(inbound))
        tap = update.callback_query
        return [*calls, wire.quieten(tap.id)] if tap else calls

    async def _answer(self, inbound: Inbound) -> Answer:
        """The desk's answer. What came too fast is done with: again it would come faster still."""
        try:
            return await self._desk.receive(inbound)
        except TooFast as error:
            REFUSED.labels(self.name, "pace").inc()
            return error.reply

    async def _note(self, update: wire.Update | Update) -> None:
        """What is no part of a conversation: whether anything arrives at an address."""
        change = wire.reach_of(update)
        if change is None or self._reach is None:
            REFUSED.labels(self.name, "unused").inc()
        else:
            await self._reach(*change)

    async def _perform(self, calls: Iterable[Call]) -> None:
        for call in calls:
            result = await self._line.ask(call)
            if call.delicate and isinstance(result, wire.Sent):
                await self._aside(self._report(result))

    async def _report(self, sent: wire.Sent) -> None:
        """Tell the desk where a delicate message stands, so that it can be taken back."""
        address = Address(self.name, str(sent.chat.id))
        message = str(sent.message_id)
        inbound = Inbound(address, f"sent{message}", Delivered(message=message))
        for _ in range(_REPORTS):
            try:
                await self._desk.receive(inbound)
            except Unavailable as pause:
                await asyncio.sleep(pause.retry_after)
            else:
                return
        FAILED_CALLS.labels(self.name, "unreported").inc()

    async def _announce_commands(self) -> None:
        for language, commands in self._commands.items():
            menu = [BotCommand(command=name, description=words) for name, words in commands]
            await self._line.insist(
                methods.SetMyCommands(commands=menu, language_code=language or None)
            )

    async def _aside(self, work: Coroutine[Any, Any, None]) -> None:
        """Let the work go on by itself; where nobody runs the channel, do it here."""
        if self._tasks is None:
            await _survive(work)
        else:
            self._tasks.create_task(_survive(work))


async def _survive(work: Coroutine[Any, Any, None]) -> None:
    # One failure must not end the other work of its group. Its words may hold somebody's text.
    try:
        await work
    except Exception as fault:
        log.error("telegram work failed: %s", type(fault).__name__)


def _one_by_one(unread: ClientDecodeError) -> list[Update]:
    """aiogram refuses a whole fetch for one update that it cannot read; read each for itself."""
    answer = unread.data
    if not (isinstance(answer, dict) and isinstance(answer.get("result"), list)):
        raise unread
    return [_readable(update) for update in answer["result"]]


def _readable(update: dict[str, Any]) -> Update:
    try:
        return Update.model_validate(update)
    except ValidationError:
        return Update(update_id=update["update_id"])


def _chat_of(calls: Sequence[Call]) -> int:
    return next((call.params["chat_id"] for call in calls if "chat_id" in call.params), 0)
