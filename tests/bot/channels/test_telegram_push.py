"""Notices through Telegram against a Bot API server of our own: every refusal, every silence."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from telegram.error import TelegramError

from bot.channels.base import Fate, Letter, Limits, NotNow, Outcome, Outlet
from bot.channels.telegram_push import REFUSALS, TelegramPush, refused
from tests.bot.channels.turns import Turns, nobody
from tests.fakes.serving import serve
from tests.fakes.telegram import TOKEN, Answer, BotApi

AYSE = 4200
LETTER = Letter(
    str(AYSE),
    "notice.suspended",
    "tr",
    "Kartınız askıya alındı. https://example.com",
    reference="k",
)
QUICK = 0.2


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    async with BotApi() as api:
        api.person(AYSE)
        yield api


@pytest.fixture
async def push(api: BotApi) -> AsyncIterator[TelegramPush]:
    async with pushing(api.token, api.base_url) as push:
        yield push


def pushing(token: str, base: str, **more: Any) -> TelegramPush:
    return TelegramPush(token, base, rate=25, **more)


async def test_a_letter_is_one_message(api: BotApi, push: TelegramPush) -> None:
    """It goes out once, in its turn, without keyboard or preview; nobody asks who we are."""
    turns = Turns()
    outcome = await push.push(LETTER, turns)
    (call,) = api.log
    said = api.world.chats[AYSE].bubbles[int(outcome.provider_id)].line()
    assert outcome == Outcome(Fate.SENT, provider_id=str(said.message_id))
    assert (said.text, turns.taken) == (LETTER.text, 1)
    assert call.method == "sendMessage"
    assert call.params == {
        "chat_id": AYSE,
        "text": LETTER.text,
        "link_preview_options": '{"is_disabled": true}',
    }


async def test_it_is_an_outlet(push: TelegramPush) -> None:
    """What the sender has to know of it."""
    outlet: Outlet = push
    assert (outlet.name, outlet.rate, outlet.gap) == ("telegram", 25, 1.0)
    assert outlet.limits == Limits(text=4096, buttons=100, label=64, contact=True)


BLOCKED = "Forbidden: bot was blocked by the user"
REFUSED = [
    (Answer(429, retry_after=7), Outcome(Fate.BUSY, "429", retry_after=7)),
    (Answer(429), Outcome(Fate.BUSY, "429", retry_after=1)),
    (Answer(500, retry_after=3), Outcome(Fate.BUSY, "429", retry_after=3)),
    (Answer(403, description=BLOCKED), Outcome(Fate.BLOCKED, "403_blocked")),
    (
        Answer(403, description="Forbidden: user is deactivated"),
        Outcome(Fate.UNREACHABLE, "403_deactivated"),
    ),
    (
        Answer(403, description="Forbidden: bot can't initiate conversation with a user"),
        Outcome(Fate.UNREACHABLE, "403_not_started"),
    ),
    (
        Answer(403, description="Forbidden: bot can't send messages to bots"),
        Outcome(Fate.UNREACHABLE, "403"),
    ),
    (
        Answer(400, description="Bad Request: chat not found"),
        Outcome(Fate.UNREACHABLE, "400_chat_not_found"),
    ),
    (
        Answer(400, description="Bad Request: PEER_ID_INVALID"),
        Outcome(Fate.UNREACHABLE, "400_peer"),
    ),
    (Answer(400, description="Bad Request: message text is empty"), Outcome(Fate.BROKEN, "400")),
    (Answer(401), Outcome(Fate.HALTED, "401_token")),
    (Answer(404), Outcome(Fate.HALTED, "401_token")),
    (Answer(409), Outcome(Fate.HALTED, "409_conflict")),
    (Answer(500), Outcome(Fate.UNKNOWN, "network")),
    (Answer(502), Outcome(Fate.UNKNOWN, "network")),
    (Answer(599), Outcome(Fate.UNKNOWN, "network")),
]


@pytest.mark.parametrize(("answer", "outcome"), REFUSED)
async def test_every_refusal(
    api: BotApi, push: TelegramPush, answer: Answer, outcome: Outcome
) -> None:
    """What Telegram says decides what becomes of the letter, and nothing is tried twice."""
    api.script("sendMessage", [answer])
    turns = Turns()
    assert await push.push(LETTER, turns) == outcome
    assert (len(api.log), turns.taken) == (1, 1)


def test_the_table_of_refusals_is_tested() -> None:
    """Each row has a case here or below."""
    tested = {outcome.cause for _, outcome in REFUSED} | {
        "400_migrated",
        "unreached",
        "timeout",
        "unread",
        "other",
    }
    assert {cause for *_, cause in REFUSALS} - tested == set()
    assert refused(TelegramError("?")) == Outcome(Fate.UNKNOWN, "other")


async def test_another_token_halts(api: BotApi) -> None:
    """The account is refused, and that is not the receiver's fault."""
    async with pushing("1:other", api.base_url) as push:
        assert await push.push(LETTER, Turns()) == Outcome(Fate.HALTED, "401_token")


async def test_a_person_who_left(api: BotApi, push: TelegramPush) -> None:
    """Those who blocked the bot, deleted their account or never wrote."""
    bora, cem = api.person(4300), api.person(4400, started=False)
    await bora.block()
    cem_at, gone_at = str(cem.id), str(bora.id)
    for to, fate in ((gone_at, Fate.BLOCKED), (cem_at, Fate.UNREACHABLE), ("9", Fate.UNREACHABLE)):
        letter = Letter(to, LETTER.name, "tr", LETTER.text)
        assert (await push.push(letter, Turns())).fate is fate


async def test_a_lost_answer_is_unknown(api: BotApi, push: TelegramPush) -> None:
    """The message stands in the chat, and only the person knows."""
    api.script("sendMessage", ["lost"])
    assert await push.push(LETTER, Turns()) == Outcome(Fate.UNKNOWN, "network")
    assert len(api.log) == 1
    assert len(api.world.chats[AYSE].bubbles) == 1


async def test_silence_is_unknown(api: BotApi) -> None:
    """After its time limit a call is given up, and not repeated."""
    api.script("sendMessage", ["hang"])
    async with pushing(api.token, api.base_url, timeout=QUICK) as push:
        assert await push.push(LETTER, Turns()) == Outcome(Fate.UNKNOWN, "timeout")
    assert len(api.log) == 1


async def test_without_a_connection_nothing_was_sent() -> None:
    """A refused connection leaves no doubt."""
    async with pushing("1:t", nobody()) as push:
        assert await push.push(LETTER, Turns()) == Outcome(Fate.AGAIN, "unreached")


async def test_a_lost_turn_sends_nothing(api: BotApi, push: TelegramPush) -> None:
    """What the limiter raises comes out as it is."""
    with pytest.raises(NotNow):
        await push.push(LETTER, Turns(over=True))
    assert api.log == []


async def test_it_says_when_a_letter_has_left(api: BotApi) -> None:
    """When it was written, not when it was answered; nothing of one that could not leave."""
    turns = Turns()
    async with TelegramPush(TOKEN, api.base_url, rate=25, timeout=QUICK) as push:
        api.script("sendMessage", [Answer(fate="hang")])
        await push.push(LETTER, turns)
    assert (turns.taken, turns.left) == (1, 1)
    async with TelegramPush(TOKEN, nobody(), rate=25) as push:
        await push.push(LETTER, turns)
    assert (turns.taken, turns.left) == (2, 1)


async def test_nobody_waits_for_others_calls(api: BotApi, push: TelegramPush) -> None:
    """A pool of connections would let silent calls eat the time limit of the next."""
    api.script("sendMessage", ["hang"] * 110)
    silent = [asyncio.create_task(push.push(LETTER, Turns())) for _ in range(110)]
    await api.until(lambda: len(api.log) == 110)
    assert (await push.push(LETTER, Turns())).fate is Fate.SENT
    assert not any(task.done() for task in silent)
    for task in silent:
        task.cancel()
    await asyncio.gather(*silent, return_exceptions=True)


MESSAGE = '{"message_id": 7, "date": 1, "chat": {"id": 4200, "type": "private"}}'
STRANGE = [
    (200, '{"ok": true}', Fate.UNKNOWN, "unread"),
    (200, '{"ok": true, "result": true}', Fate.UNKNOWN, "unread"),
    (200, '{"ok": true, "result": {"message_id": 7}}', Fate.UNKNOWN, "unread"),
    (200, "<html>Kartınız askıya alındı</html>", Fate.UNKNOWN, "unread"),
    (200, "[" * 100_000, Fate.UNKNOWN, "unread"),
    (200, "", Fate.UNKNOWN, "unread"),
    (302, "", Fate.UNKNOWN, "unread"),
    (403, "<html>no entry</html>", Fate.UNKNOWN, "unread"),
    (502, "<html>bad gateway</html>", Fate.UNKNOWN, "unread"),
    (429, "<html>slow down</html>", Fate.BUSY, "429"),
    (
        400,
        '{"ok": false, "description": "x", "parameters": {"migrate_to_chat_id": -1001}}',
        Fate.FAILED,
        "400_migrated",
    ),
    (200, f'{{"ok": true, "result": {MESSAGE}}}', Fate.SENT, ""),
]


@pytest.mark.parametrize(("status", "body", "fate", "cause"), STRANGE)
async def test_what_is_no_answer_of_telegrams(
    status: int, body: str, fate: Fate, cause: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A proxy's page says nothing of the receiver, and no body is quoted in a log."""
    caplog.set_level(logging.WARNING)
    posted = []

    async def answer(request: Request) -> Response:
        posted.append(request.url.path)
        return Response(body, status, {"Location": "/elsewhere"})

    everything = Route("/{path:path}", answer, methods=["GET", "POST"])
    async with serve(Starlette(routes=[everything])) as base, pushing("1:t", base) as push:
        outcome = await push.push(LETTER, Turns())
    assert (outcome.fate, outcome.cause) == (fate, cause)
    assert posted == ["/bot1:t/sendMessage"]
    assert caplog.text == ""


def test_who_does_not_push_does_not_pay() -> None:
    """The library is not imported by the other modules of this messenger."""
    code = (
        "import sys, bot.channels.base, bot.channels.telegram_wire, bot.channels.whatsapp;"
        "sys.exit('telegram' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
