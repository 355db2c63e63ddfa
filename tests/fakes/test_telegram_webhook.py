"""Delivery to a webhook as Telegram's server does it (platforms 1, webhook delivery)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientSession
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.fakes.serving import hang, hang_up, serve
from tests.fakes.telegram import Answer, BotApi, Person

SECRET = "s-3cret_"
PUBLIC = "https://bot.example.com"
OK = Response()


class Listener:
    """A bot's webhook that answers as it is told, else 200; ``heard`` is what it took."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.secrets: set[str | None] = set()
        self.answers: deque[Response | str] = deque()
        self.gates: dict[str, asyncio.Event] = {}

    async def receive(self, request: Request) -> Response:
        self.secrets.add(request.headers.get("x-telegram-bot-api-secret-token"))
        word = _word(await request.json())
        if word in self.gates:
            await self.gates[word].wait()
        answer = self.answers.popleft() if self.answers else OK
        if answer == "hang":
            return await hang(request)
        if isinstance(answer, str):
            return await hang_up(request)
        if answer.status_code < 300:
            self.heard.append(word)
        return answer


def _word(update: dict[str, Any]) -> str:
    if "callback_query" in update:
        return str(update["callback_query"]["data"])
    return str(update["message"]["text"])


def down(retry_after: int | None = None) -> Response:
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Response(status_code=503, headers=headers)


def saying(text: str, chat: int = 42, **extra: Any) -> Response:
    return JSONResponse({"method": "sendMessage", "chat_id": chat, "text": text, **extra})


@asynccontextmanager
async def listening(listener: Listener, **options: Any) -> AsyncIterator[BotApi]:
    app = Starlette(routes=[Route("/telegram", listener.receive, methods=["POST"])])
    async with serve(app) as local, BotApi(time_scale=0, **options) as api:
        api.reroute(PUBLIC, local)
        await call(api, "setWebhook", url=f"{PUBLIC}/telegram", secret_token=SECRET)
        yield api


async def call(api: BotApi, method: str, **params: Any) -> Any:
    async with (
        ClientSession() as session,
        session.post(f"{api.base_url}/bot{api.token}/{method}", json=params) as response,
    ):
        return (await response.json())["result"]


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
async def api(listener: Listener) -> AsyncIterator[BotApi]:
    async with listening(listener) as api:
        yield api


@pytest.fixture
def deniz(api: BotApi) -> Person:
    return api.person(42)


async def ask(api: BotApi, person: Person, data: str) -> None:
    keyboard = {"inline_keyboard": [[{"text": "Evet", "callback_data": data}]]}
    await call(api, "sendMessage", chat_id=person.id, text="?", reply_markup=keyboard)


async def test_an_update_carries_the_secret(api: BotApi, listener: Listener, deniz: Person) -> None:
    """X-Telegram-Bot-Api-Secret-Token holds what setWebhook was given."""
    await deniz.say("Merhaba")
    await api.idle()
    assert (listener.heard, listener.secrets) == (["Merhaba"], {SECRET})


async def test_a_method_in_the_answer_is_executed(
    api: BotApi, listener: Listener, deniz: Person
) -> None:
    """The webhook's own response speaks, and its result is invisible."""
    form = Response(
        "method=sendMessage&chat_id=42&text=B", media_type="application/x-www-form-urlencoded"
    )
    listener.answers.extend([saying("A"), form, saying("C", chat=7)])
    for word in "abc":
        await deniz.say(word)
    await api.idle()
    assert [line.text for line in deniz.transcript if line.sender == "bot"] == ["A", "B"]
    assert [entry.code for entry in api.log if entry.by_webhook] == [200, 200, 400]


async def test_some_methods_are_not_taken_from_an_answer(
    api: BotApi, listener: Listener, deniz: Person
) -> None:
    """deleteWebhook and every get are ignored there."""
    listener.answers.append(JSONResponse({"method": "deleteWebhook"}))
    await deniz.say("a")
    await api.idle()
    assert (await call(api, "getWebhookInfo"))["url"]


async def test_a_failure_is_tried_again_at_once_and_then_ever_later(
    api: BotApi, listener: Listener, deniz: Person
) -> None:
    """At once, then after 2, 4, 8 seconds and so on, at most a minute."""
    listener.answers.extend([down()] * 9)
    await deniz.say("a")
    await api.idle()
    assert [attempt.waited for attempt in api.attempts] == [0, 0, 2, 4, 8, 16, 32, 60, 60, 60]
    assert [attempt.code for attempt in api.attempts] == [503] * 9 + [200]


async def test_retry_after_is_honoured(api: BotApi, listener: Listener, deniz: Person) -> None:
    """A bot that says when it is back is asked then, within the hour."""
    listener.answers.extend([down(7), down(9000), down()])
    await deniz.say("a")
    await api.idle()
    assert [attempt.waited for attempt in api.attempts] == [0, 7, 3600, 2]


async def test_a_tap_is_dropped_after_150_seconds(
    api: BotApi, listener: Listener, deniz: Person
) -> None:
    """callback_query lives 150 seconds: 0 + 2 + 4 + 8 + 16 + 32 + 60 are waited, not 60 more."""
    await ask(api, deniz, "tap")
    listener.answers.extend([down()] * 20)
    await deniz.tap("Evet")
    await api.idle()
    assert len(api.attempts) == 8


async def test_a_message_is_dropped_after_a_day(
    api: BotApi, listener: Listener, deniz: Person
) -> None:
    """Messages live 24 hours."""
    listener.answers.extend([down(3600)] * 40)
    await deniz.say("a")
    await api.idle()
    assert len(api.attempts) == 25


async def test_a_failing_update_blocks_only_its_own_queue(
    api: BotApi, listener: Listener, deniz: Person
) -> None:
    """One queue per chat for messages, another per user for taps; in order within each."""
    ece = api.person(43)
    await ask(api, deniz, "tap")
    listener.gates["stuck"] = asyncio.Event()
    await deniz.say("stuck")
    await deniz.say("behind")
    await deniz.tap("Evet")
    await ece.say("other")
    await api.until(lambda: len(listener.heard) == 2)
    assert set(listener.heard) == {"tap", "other"}
    listener.gates["stuck"].set()
    await api.idle()
    assert listener.heard[2:] == ["stuck", "behind"]


async def test_a_dead_or_silent_webhook_is_tried_again(listener: Listener) -> None:
    """No answer, for want of a connection or in time, is a failure like any other."""
    async with listening(listener, webhook_timeout=0.3) as api:
        listener.answers.extend(["hang", "hang_up"])
        await api.person(42).say("a")
        await api.idle()
        assert [attempt.code for attempt in api.attempts] == [None, None, 200]


async def test_a_lost_response_is_not_executed_and_comes_again(
    api: BotApi, listener: Listener, deniz: Person
) -> None:
    """What the bot answered first is gone, so the same update is delivered again."""
    listener.answers.extend([saying("A"), saying("A")])
    api.lose_next_response()
    await deniz.say("a")
    await api.idle()
    assert listener.heard == ["a", "a"]
    assert [line.text for line in deniz.transcript] == ["a", "A"]


async def test_a_double_delivery_executes_both_answers(
    api: BotApi, listener: Listener, deniz: Person
) -> None:
    """The server may forget that it was told; then it asks, and hears, twice."""
    listener.answers.extend([saying("A"), saying("A")])
    api.deliver_twice()
    await deniz.say("a")
    await deniz.say("b")
    await api.idle()
    assert listener.heard == ["a", "a", "b"]
    assert [line.text for line in deniz.transcript].count("A") == 2


async def test_a_tap_and_a_message_can_swap(api: BotApi, listener: Listener, deniz: Person) -> None:
    """The first is delivered only once the second is through."""
    await ask(api, deniz, "tap")
    api.swap_next()
    await deniz.tap("Evet")
    await deniz.say("message")
    await api.idle()
    assert listener.heard == ["message", "tap"]


async def test_scripts_hold_for_answers_too(api: BotApi, listener: Listener, deniz: Person) -> None:
    """A refused or unheard method in a webhook's answer is simply not executed."""
    api.script("sendMessage", [Answer(429, retry_after=1), "hang"])
    listener.answers.extend([saying("A"), saying("B"), saying("C")])
    for word in "abc":
        await deniz.say(word)
    await api.idle()
    assert deniz.last.text == "C"
    assert len(deniz.transcript) == 4


async def test_what_waited_is_kept_or_dropped_on_request(listener: Listener) -> None:
    """Updates from before a webhook are delivered to it; drop_pending_updates forgets them."""
    async with listening(listener) as api:
        deniz = api.person(42)
        await call(api, "deleteWebhook")
        await deniz.say("kept")
        await call(api, "setWebhook", url=f"{PUBLIC}/telegram")
        await api.idle()
        await call(api, "deleteWebhook")
        await deniz.say("dropped")
        await call(api, "setWebhook", url=f"{PUBLIC}/telegram", drop_pending_updates=True)
        await api.idle()
        assert listener.heard == ["kept"]


async def test_no_more_connections_than_asked_for(listener: Listener) -> None:
    """max_connections bounds the updates in flight."""
    async with listening(listener) as api:
        await call(api, "setWebhook", url=f"{PUBLIC}/telegram", max_connections=1)
        listener.gates["first"] = asyncio.Event()
        await api.person(42).say("first")
        await api.person(43).say("second")
        with pytest.raises(TimeoutError):
            await api.until(lambda: bool(listener.heard), patience=0.1)
        listener.gates["first"].set()
        await api.idle()
        assert listener.heard == ["first", "second"]
