"""Both Telegram libraries of the product take the stand-in for the real Bot API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import aiogram
import aiogram.exceptions as aiogram_errors
import aiogram.types as aiogram_types
import pytest
import telegram
import telegram.error as telegram_errors
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from telegram.request import HTTPXRequest

from tests.fakes.telegram import Answer, BotApi

INLINE: dict[str, Any] = {
    "inline_keyboard": [[{"text": "Kabul ediyorum", "callback_data": "1:consent:yes"}]]
}
CONTACT: dict[str, Any] = {
    "keyboard": [[{"text": "Numaramı paylaş", "request_contact": True}]],
    "resize_keyboard": True,
}


class _Session(AiohttpSession):
    """Closes without the quarter of a second that aiogram leaves to TLS."""

    async def close(self) -> None:
        if self._session:
            await self._session.close()


@dataclass(frozen=True)
class Library:
    """One of the two libraries behind the handful of calls that both tests make."""

    name: str
    call: Callable[..., Coroutine[Any, Any, Any]]
    markup: Callable[[dict[str, Any]], Any]
    throttled: type[Exception]
    forbidden: type[Exception]
    refused: type[Exception]
    broken: type[Exception]
    conflict: type[Exception]


def _aiogram(bot: aiogram.Bot) -> Library:
    def markup(shape: dict[str, Any]) -> Any:
        if "keyboard" in shape:
            return aiogram_types.ReplyKeyboardMarkup.model_validate(shape)
        return aiogram_types.InlineKeyboardMarkup.model_validate(shape)

    async def call(method: str, **params: Any) -> Any:
        return await getattr(bot, method)(**params)

    return Library(
        "aiogram",
        call,
        markup,
        aiogram_errors.TelegramRetryAfter,
        aiogram_errors.TelegramForbiddenError,
        aiogram_errors.TelegramBadRequest,
        aiogram_errors.TelegramNetworkError,
        aiogram_errors.TelegramConflictError,
    )


def _telegram(bot: telegram.Bot) -> Library:
    def markup(shape: dict[str, Any]) -> Any:
        kind = telegram.ReplyKeyboardMarkup if "keyboard" in shape else None
        return (kind or telegram.InlineKeyboardMarkup).de_json(shape, bot)

    async def call(method: str, **params: Any) -> Any:
        return await getattr(bot, method)(**params)

    return Library(
        "python-telegram-bot",
        call,
        markup,
        telegram_errors.RetryAfter,
        telegram_errors.Forbidden,
        telegram_errors.BadRequest,
        telegram_errors.NetworkError,
        telegram_errors.Conflict,
    )


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    async with BotApi() as api:
        yield api


@pytest.fixture(params=["aiogram", "python-telegram-bot"])
async def library(
    api: BotApi, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Library]:
    # python-telegram-bot warns of every RetryAfter unless its new type is chosen.
    monkeypatch.setenv("PTB_TIMEDELTA", "1")
    if request.param == "aiogram":
        session = _Session(api=TelegramAPIServer.from_base(api.base_url))
        async with aiogram.Bot(api.token, session=session) as ours:
            yield _aiogram(ours)
    else:
        theirs = telegram.Bot(
            api.token,
            base_url=f"{api.base_url}/bot",
            get_updates_request=HTTPXRequest(connection_pool_size=2),
        )
        async with theirs:
            yield _telegram(theirs)


async def test_the_bot_learns_who_it_is(library: Library) -> None:
    """getMe gives the bot itself (Bot API, getMe)."""
    assert (await library.call("get_me")).username == "hes_kart_bot"


async def test_keyboards_of_both_kinds_are_shown(api: BotApi, library: Library) -> None:
    """An inline keyboard and a contact keyboard reach the person as the library sent them."""
    deniz = api.person(42)
    for shape in (INLINE, CONTACT):
        await library.call(
            "send_message", chat_id=42, text="Soru", reply_markup=library.markup(shape)
        )
    assert [line.labels for line in deniz.transcript] == [("Kabul ediyorum",), ("Numaramı paylaş",)]
    assert deniz.transcript[0].buttons[0].data == "1:consent:yes"
    assert deniz.last.buttons[0].contact


async def test_updates_of_every_kind_are_understood(api: BotApi, library: Library) -> None:
    """Whatever a person does, the library can read it from getUpdates."""
    deniz = api.person(42)
    await library.call(
        "send_message", chat_id=42, text="Onay?", reply_markup=library.markup(INLINE)
    )
    await deniz.say("/start hes")
    await deniz.tap("Kabul ediyorum")
    await deniz.share_contact("905320000021")
    for kind in ("photo", "voice", "video", "sticker", "location", "document"):
        await deniz.send_media(kind)
    await deniz.block()
    updates = await library.call("get_updates", timeout=1)
    assert [update.update_id for update in updates] == sorted(u.update_id for u in updates)
    assert updates[0].message.entities[0].type == "bot_command"
    assert updates[1].callback_query.data == "1:consent:yes"
    assert updates[2].message.contact.user_id == 42
    assert updates[-1].my_chat_member.new_chat_member.status == "kicked"
    assert await library.call("get_updates", offset=updates[-1].update_id + 1) in ([], ())


async def test_a_tap_is_answered_once_it_is_known(api: BotApi, library: Library) -> None:
    """A known query can be answered; an unknown one is 400, too old."""
    deniz = api.person(42)
    await library.call("send_message", chat_id=42, text="?", reply_markup=library.markup(INLINE))
    await deniz.tap("1:consent:yes")
    [update] = await library.call("get_updates")
    assert await library.call("answer_callback_query", callback_query_id=update.callback_query.id)
    with pytest.raises(library.refused, match=r"(?i)query is too old"):
        await library.call("answer_callback_query", callback_query_id="1")


async def test_messages_can_be_taken_back(api: BotApi, library: Library) -> None:
    """deleteMessages takes incoming and outgoing messages and ignores unknown ones."""
    deniz = api.person(42)
    typed = await deniz.say("10000000146")
    sent = await library.call("send_message", chat_id=42, text="Teşekkürler")
    await library.call("delete_messages", chat_id=42, message_ids=[typed, sent.message_id, 999])
    assert deniz.transcript == ()


async def test_messages_can_be_edited(api: BotApi, library: Library) -> None:
    """editMessageText changes the text; the same text again is 400, not modified."""
    deniz = api.person(42)
    sent = await library.call("send_message", chat_id=42, text="Bir")
    for _ in range(2):
        edit = library.call("edit_message_text", chat_id=42, message_id=sent.message_id, text="İki")
        if deniz.last.text == "Bir":
            assert (await edit).text == "İki"
        else:
            with pytest.raises(library.refused, match="not modified"):
                await edit


async def test_commands_are_kept_by_language(library: Library) -> None:
    """setMyCommands keeps one list per language_code."""
    command = aiogram_types.BotCommand if library.name == "aiogram" else telegram.BotCommand
    for language, words in (("", "Help"), ("tr", "Yardım")):
        await library.call(
            "set_my_commands",
            commands=[command(command="yardim", description=words)],
            language_code=language,
        )
    [shown] = await library.call("get_my_commands", language_code="tr")
    assert shown.description == "Yardım"


async def test_refusals_become_the_librarys_exceptions(api: BotApi, library: Library) -> None:
    """429, 403, 400 and 500 are told apart (platforms: errors)."""
    api.person(42)
    api.script("sendMessage", [Answer(429, retry_after=3), Answer(403), Answer(400), Answer(500)])
    wanted = [library.throttled, library.forbidden, library.refused, library.broken]
    if library.name == "aiogram":
        wanted[3] = aiogram_errors.TelegramServerError
    for error in wanted:
        with pytest.raises(error):
            await library.call("send_message", chat_id=42, text="Merhaba")
    assert [call.code for call in api.calls("sendMessage")] == [429, 403, 400, 500]


async def test_a_lost_answer_is_a_network_error_for_a_message_that_was_sent(
    api: BotApi, library: Library
) -> None:
    """The call is executed and the connection cut: the outcome is unknown to the bot."""
    deniz = api.person(42)
    api.script("sendMessage", ["lost"])
    with pytest.raises(library.broken):
        await library.call("send_message", chat_id=42, text="Merhaba")
    assert deniz.last.text == "Merhaba"
    assert api.calls("sendMessage")[0].code is None


async def test_the_older_of_two_pollers_gets_a_conflict(api: BotApi, library: Library) -> None:
    """A second getUpdates ends the first with 409."""
    first = asyncio.create_task(library.call("get_updates", timeout=30))
    await api.until(lambda: len(api.calls("getUpdates")) == 1)
    second = asyncio.create_task(library.call("get_updates", timeout=30))
    with pytest.raises(library.conflict):
        await first
    await api.person(42).say("Merhaba")
    assert len(await second) == 1
