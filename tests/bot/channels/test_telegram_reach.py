"""Who blocks the bot and who lets it in again, by webhook and by polling."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from aiogram import types

from bot.channels.base import Unavailable
from bot.channels.telegram_wire import decode, inbound_of, reach_of
from bot.telemetry import REFUSED
from conversations.events import Address
from tests.bot.channels.cases_telegram import AYSE, GROUP, changed, message, tap
from tests.bot.channels.counting import Tally
from tests.bot.channels.recording import RecordingDesk
from tests.bot.channels.running import polling, webhook
from tests.fakes.telegram import BotApi

HERE = Address("telegram", str(AYSE))


class Reached:
    """Keeps what it is told, unless it is down for so many times."""

    def __init__(self, down: int = 0) -> None:
        self.told: list[tuple[Address, bool]] = []
        self.down = down

    async def __call__(self, address: Address, reachable: bool) -> None:
        if self.down:
            self.down -= 1
            raise Unavailable
        self.told.append((address, reachable))


def became(status: str, **chat: Any) -> dict[str, Any]:
    """The bot's membership in a chat changes."""
    update = changed()
    member = update["my_chat_member"]["new_chat_member"]
    update["my_chat_member"]["new_chat_member"] = {"user": member["user"], "status": status}
    if status == "kicked":
        update["my_chat_member"]["new_chat_member"]["until_date"] = 0
    update["my_chat_member"]["chat"] = chat or update["my_chat_member"]["chat"]
    return update


CASES = [
    (became("kicked"), (HERE, False)),
    (became("member"), (HERE, True)),
    (became("left"), None),
    (became("kicked", **GROUP), None),
    (became("member", **GROUP), None),
    (message(text="merhaba"), None),
    (tap(data="1:a:b"), None),
]


@pytest.mark.parametrize(("update", "wanted"), CASES)
def test_both_decoders(update: dict[str, Any], wanted: tuple[Address, bool] | None) -> None:
    """Blocking and unblocking in a private chat say something of an address, and nothing else."""
    for read in (decode(json.dumps(update).encode()), types.Update.model_validate(update)):
        assert reach_of(read) == wanted
        assert wanted is None or inbound_of(read) is None


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    async with BotApi(time_scale=0.001) as api:
        yield api


@pytest.mark.parametrize("receiving", [webhook, polling])
@pytest.mark.parametrize("down", [0, 2])
async def test_it_is_passed_on(api: BotApi, receiving: Any, down: int) -> None:
    """In order, not to the desk, and again where it could not be written down."""
    deniz, desk, reach = api.person(42), RecordingDesk(), Reached(down)
    refused = Tally(REFUSED, "telegram")
    course: AbstractAsyncContextManager[Any] = receiving(api, desk, reach=reach)
    async with course:
        await deniz.block()
        await api.until(lambda: len(reach.told) == 1)
        await deniz.unblock()
        await api.until(lambda: len(reach.told) == 2)
        await api.idle()
    assert reach.told == [(Address("telegram", "42"), False), (Address("telegram", "42"), True)]
    assert ("unused",) not in refused.since()
    assert desk.received == []
