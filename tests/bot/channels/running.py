"""Telegram's channel at work against a Bot API on loopback, by webhook or by polling."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiogram.utils.backoff import BackoffConfig
from starlette.applications import Starlette

from bot.channels.base import FrontDesk
from bot.channels.telegram import Telegram
from tests.fakes.serving import serve
from tests.fakes.telegram import BotApi

SECRET = "kapali-kapi_1"
PUBLIC_URL = "https://bot.example.com"
HASTE = BackoffConfig(min_delay=0.001, max_delay=0.01, factor=2.0, jitter=0.0)


def channel(api: BotApi, desk: FrontDesk, **options: Any) -> Telegram:
    """A channel that talks to the fake and waits for next to nothing."""
    settings: dict[str, Any] = {
        "token": api.token,
        "secret": SECRET,
        "api_base": api.base_url,
        "long_poll": 5,
        "patience": HASTE,
    }
    return Telegram(desk, **(settings | options))


@asynccontextmanager
async def running(telegram: Telegram) -> AsyncIterator[asyncio.Task[None]]:
    """The channel's own task, ended at the end."""
    task = asyncio.create_task(telegram.run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def webhook(
    api: BotApi, desk: FrontDesk, **options: Any
) -> AsyncIterator[tuple[Telegram, str]]:
    """A channel that has set its webhook, and the local address of its routes."""
    telegram = channel(api, desk, public_url=PUBLIC_URL, **options)
    async with serve(Starlette(routes=list(telegram.routes()))) as local:
        api.reroute(PUBLIC_URL, local)
        async with running(telegram):
            await api.until(lambda: any(call.code == 200 for call in api.calls("setWebhook")))
            yield telegram, local


@asynccontextmanager
async def polling(api: BotApi, desk: FrontDesk, **options: Any) -> AsyncIterator[Telegram]:
    """A channel that has begun to fetch updates."""
    telegram = channel(api, desk, **options)
    async with running(telegram):
        await api.until(lambda: bool(api.calls("getUpdates")))
        yield telegram
