"""The line to Telegram's Bot API: calls out, and what each refusal means here.

Knows aiogram and time; it must not know the desk or what a call is about. Errors of aiogram hold
words of people and may hold the token, so only their type goes to a log.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import aiohttp
import msgspec
from aiogram import Bot, methods
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import PRODUCTION, TelegramAPIServer
from aiogram.exceptions import (
    AiogramError,
    ClientDecodeError,
    TelegramBadRequest,
    TelegramConflictError,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.methods.base import TelegramMethod
from aiogram.types import BufferedInputFile
from aiogram.utils.backoff import Backoff, BackoffConfig

from bot.channels.telegram_wire import DOCUMENT, Call, Chat, Sent
from bot.telemetry import FAILED_CALLS
from bot.tracing import span
from bot.trail import stopwatch

log = logging.getLogger(__name__)

PATIENCE = BackoffConfig(min_delay=1.0, max_delay=60.0, factor=2.0, jitter=0.1)
"""Seconds between the tries of what has to work in the end."""

HOPELESS: Mapping[type[Exception], str] = {
    TelegramUnauthorizedError: "the token is not valid",
    TelegramNotFound: "the token or the address of the Bot API is not valid",
    TelegramConflictError: "another process receives this bot's updates",
}
"""Refusals that no waiting will change."""

API_TIMEOUT = 10
"""Seconds one call may take."""

# The outcome of these is not known: one more try, which may say a thing twice.
_FAULTS = (TelegramNetworkError, TelegramServerError, ClientDecodeError)
_TRIES = 2
# A webhook has 60 seconds to answer, so only a short flood limit is waited out.
_LONGEST_FLOOD = 20
_FLOODS = 2

_METHODS: Mapping[str, type[TelegramMethod[Any]]] = {
    "sendMessage": methods.SendMessage,
    "deleteMessages": methods.DeleteMessages,
    "answerCallbackQuery": methods.AnswerCallbackQuery,
}


_JSON = {"Content-Type": "application/json"}
_WITHIN = aiohttp.ClientTimeout(total=API_TIMEOUT)


class _Granted(msgspec.Struct):
    """A call's answer, when it is ``ok``."""

    ok: bool
    result: Sent | bool


_granted = msgspec.json.Decoder(_Granted).decode


class Line:
    """The line to the Bot API, and what each of its refusals means here."""

    def __init__(self, token: str, api_base: str | None, patience: BackoffConfig) -> None:
        server = TelegramAPIServer.from_base(api_base) if api_base else PRODUCTION
        self._session = AiohttpSession(api=server, timeout=API_TIMEOUT)
        self.bot = Bot(token, session=self._session)
        self._patience = patience

    async def ask(self, call: Call) -> Sent | bool | None:
        """The call's result, or None when it failed: the state is kept and the person can write."""
        for number in range(1, _TRIES + 1):
            try:
                return await self._sit_out_floods(call)
            except AiogramError as refusal:
                _count(refusal)
                said = {"method": call.method, "why": type(refusal).__name__, "try": number}
                log.warning("call failed", extra=said)
                if not isinstance(refusal, _FAULTS):
                    return None
        return None

    async def _sit_out_floods(self, call: Call) -> Sent | bool:
        for _ in range(_FLOODS):
            try:
                return await self._call(call)
            except TelegramRetryAfter as flood:
                if flood.retry_after > _LONGEST_FLOOD:
                    raise
                await asyncio.sleep(flood.retry_after)
        return await self._call(call)

    async def _call(self, call: Call) -> Sent | bool:
        took = stopwatch()
        with span("call", channel="telegram", method=call.method):
            result = await (self._upload(call) if call.method == DOCUMENT else self._post(call))
        if log.isEnabledFor(logging.DEBUG):
            log.debug("answered by a call", extra={"method": call.method, "ms": took()})
        return result

    async def _upload(self, call: Call) -> Sent:
        """A text as a file, by aiogram's own way, for it happens once in a long while."""
        content = call.params["text"].encode("utf-8", "replace")
        file = BufferedInputFile(content, call.params["file"])
        sent = await self.bot.send_document(call.params["chat_id"], file)
        return Sent(message_id=sent.message_id, chat=Chat(id=sent.chat.id, type=sent.chat.type))

    async def _post(self, call: Call) -> Sent | bool:
        """The call on aiogram's session, past its types: they cost several times the call.

        What is not granted goes the usual way, so that refusals are aiogram's; raise AiogramError.
        """
        session = await self._session.create_session()
        url = self._session.api.api_url(self.bot.token, call.method)
        body = msgspec.json.encode(call.params)
        try:
            async with session.post(url, data=body, headers=_JSON, timeout=_WITHIN) as response:
                said = await response.read()
        except (TimeoutError, aiohttp.ClientError) as error:
            raise TelegramNetworkError(_method(call), type(error).__name__) from error
        if response.status == HTTPStatus.OK:
            with suppress(ValueError, RecursionError):
                granted = _granted(said)
                if granted.ok:
                    return granted.result
        text = said.decode(errors="replace")
        self._session.check_response(self.bot, _method(call), response.status, text)
        raise ClientDecodeError("Failed to deserialize object", ValueError(call.method), None)

    async def insist(self, method: TelegramMethod[Any]) -> None:
        """Repeat until it works. Raises only what is ``HOPELESS``."""
        pause = self.backoff()
        while True:
            try:
                await self.bot(method)
            except tuple(HOPELESS):
                raise
            except AiogramError as fault:
                log.warning("telegram %s refused: %s", method.__api_method__, _reason(fault))
                await self.wait(pause, fault)
            else:
                return

    def backoff(self) -> Backoff:
        """How long to wait before the next try, and the one after it."""
        return Backoff(self._patience)

    async def wait(self, pause: Backoff, fault: Exception) -> None:
        """Wait after a fault, no shorter than Telegram asked for."""
        _count(fault)
        asked = fault.retry_after if isinstance(fault, TelegramRetryAfter) else 0
        await asyncio.sleep(max(asked, next(pause)))


def _method(call: Call) -> TelegramMethod[Any]:
    return _METHODS[call.method](**call.params)


def _count(fault: Exception) -> None:
    # By kind: there are as many as there are classes, whatever Telegram says.
    FAILED_CALLS.labels("telegram", type(fault).__name__).inc()


def _reason(fault: Exception) -> str:
    # Telegram's words on a bad request to our own settings are safe and name the wrong one.
    return fault.message if isinstance(fault, TelegramBadRequest) else type(fault).__name__
