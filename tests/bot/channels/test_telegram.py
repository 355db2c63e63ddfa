"""Telegram by webhook, over real HTTP against a Bot API with memory."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import ClientSession
from starlette.applications import Starlette

from bot.channels.base import MAX_BODY, Answer, Button, Inbound, Message, TooFast
from bot.channels.telegram import Telegram
from bot.telemetry import FAILED_CALLS, REFUSED
from conversations.events import Address, Delivered, Picked, Said, SharedContact
from tests.bot.channels.cases_telegram import message
from tests.bot.channels.counting import Tally
from tests.bot.channels.recording import RecordingDesk, down
from tests.bot.channels.running import PUBLIC_URL, SECRET, channel, running, webhook
from tests.fakes.serving import serve
from tests.fakes.telegram import Answer as Scripted
from tests.fakes.telegram import BotApi

HEADER = "X-Telegram-Bot-Api-Secret-Token"


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    async with BotApi(time_scale=0.001) as api:
        yield api


def saying(*messages: Message, retract: tuple[str, ...] = ()) -> Callable[[Inbound], Answer]:
    """The same answer to everything, and nothing to a report of delivery."""
    answer = Answer(messages, retract)
    return lambda inbound: Answer() if isinstance(inbound.event, Delivered) else answer


async def post(local: str, body: Any, secret: str | None = SECRET) -> tuple[int, bytes]:
    """A POST to the webhook by whoever."""
    headers = {} if secret is None else {HEADER: secret}
    async with ClientSession() as session:
        form = {"json": body} if isinstance(body, dict) else {"data": body}
        async with session.post(f"{local}/telegram", headers=headers, **form) as response:
            return response.status, await response.read()


@pytest.mark.parametrize("secret", [None, "", "x", SECRET[:-1], SECRET + "1", "kapalı", "ÿ"])
async def test_a_forged_request_is_refused(api: BotApi, secret: str | None) -> None:
    """Without the very secret nothing is read, whatever the header's letters are."""
    desk, refused = RecordingDesk(), Tally(REFUSED, "telegram")
    async with webhook(api, desk) as (_, local):
        assert await post(local, message(text="Ayşe"), secret) == (403, b"")
        assert desk.received == []
        assert refused.since() == {("secret",): 1}


async def test_an_answer_is_the_webhooks_response(api: BotApi) -> None:
    """One text costs no call of the API."""
    deniz, desk = api.person(42), RecordingDesk(saying(Message("Adınız?")))
    async with webhook(api, desk):
        await deniz.say("merhaba")
        await api.idle()
    [sent] = api.calls("sendMessage")
    assert sent.by_webhook
    assert sent.code == 200
    assert deniz.last.text == "Adınız?"
    assert [inbound.address for inbound in desk.received] == [Address("telegram", "42")]


async def test_several_texts_arrive_in_order(api: BotApi) -> None:
    """All but the last go through the API before the response."""
    deniz = api.person(42)
    desk = RecordingDesk(saying(Message("1"), Message("2"), Message("3")))
    async with webhook(api, desk):
        await deniz.say("merhaba")
        await api.idle()
    assert [line.text for line in deniz.transcript] == ["merhaba", "1", "2", "3"]
    assert [call.by_webhook for call in api.calls("sendMessage")] == [False, False, True]


async def test_a_tap_is_answered_twice(api: BotApi) -> None:
    """By what the conversation says, and by ending the button's waiting sign."""
    deniz = api.person(42)
    question = Message("Onay?", (Button("Evet", "3:terms:yes", "success"),))
    desk = RecordingDesk(saying(question))
    async with webhook(api, desk):
        await deniz.say("merhaba")
        await api.idle()
        await deniz.tap("Evet")
        await api.until(lambda: bool(api.calls("answerCallbackQuery")))
        await api.idle()
    assert desk.received[1].event == Picked("yes", "terms", 3)
    assert [call.code for call in api.calls("answerCallbackQuery")] == [200]
    assert len(api.calls("sendMessage")) == 2


async def test_an_old_tap_is_still_understood(api: BotApi) -> None:
    """Telegram's "query is too old" is no reason to say nothing."""
    deniz, desk = api.person(42), RecordingDesk(saying(Message("?", (Button("E", "1:f:a"),))))
    api.script("answerCallbackQuery", [Scripted(400, description="Bad Request: query is too old")])
    async with webhook(api, desk):
        await deniz.say("merhaba")
        await api.idle()
        await deniz.tap("E")
        await api.until(lambda: [c.code for c in api.calls("answerCallbackQuery")] == [400])
        await api.idle()
    assert len(api.calls("sendMessage")) == 2


async def test_a_shared_phone_arrives_as_the_persons_own(api: BotApi) -> None:
    """The contact keyboard's button brings the sender's own number."""
    deniz, desk = api.person(42), RecordingDesk(saying(Message("Telefon?", contact="Paylaş")))
    async with webhook(api, desk):
        await deniz.say("merhaba")
        await api.idle()
        await deniz.tap("Paylaş")
        await api.idle()
    event = desk.received[1].event
    assert isinstance(event, SharedContact)
    assert (event.phone, event.own) == ("+905320000021", True)


async def test_messages_are_taken_back_after_the_answer(api: BotApi) -> None:
    """What carried an identity number leaves the chat, and what is said stays."""
    deniz, desk = api.person(42), RecordingDesk()
    async with webhook(api, desk):
        typed = await deniz.say("10000000146")
        await api.idle()
        desk.reply = saying(Message("Kaydedildi"), retract=(str(typed),))
        await deniz.say("evet")
        await api.until(lambda: bool(api.calls("deleteMessages")))
        await api.idle()
    texts = [line.text for line in deniz.transcript]
    assert "10000000146" not in texts
    assert texts[-1] == "Kaydedildi"


async def test_a_delicate_text_is_reported_with_its_place(api: BotApi) -> None:
    """It goes through the API, and the desk learns which message it became."""
    deniz = api.person(42)
    desk = RecordingDesk(saying(Message("HES 10000000146", delicate=True)))
    async with webhook(api, desk):
        await deniz.say("sms")
        await api.idle()
        await desk.until(2)
    [sent] = api.calls("sendMessage")
    assert not sent.by_webhook
    report = desk.received[1]
    place = str(deniz.last.message_id)
    assert report == Inbound(Address("telegram", "42"), f"sent{place}", Delivered(message=place))


async def test_while_the_records_are_down_telegram_asks_again(api: BotApi) -> None:
    """503 with Retry-After; nothing is lost, nothing done twice."""
    deniz, desk = api.person(42), RecordingDesk()
    desk.outages, refused = down(2), Tally(REFUSED, "telegram")
    async with webhook(api, desk):
        await deniz.say("Ayşe")
        await api.idle()
        assert refused.since() == {("unavailable",): 2}
    assert [attempt.code for attempt in api.attempts] == [503, 503, 200]
    assert [attempt.waited for attempt in api.attempts] == [0, 5, 5]
    assert len(desk.received) == len(api.calls("sendMessage")) == 1


@pytest.mark.parametrize("mishap", ["lose_next_response", "deliver_twice"])
async def test_the_same_update_has_the_same_key(api: BotApi, mishap: str) -> None:
    """An update that comes again is known by its id."""
    deniz, desk = api.person(42), RecordingDesk()
    async with webhook(api, desk):
        getattr(api, mishap)()
        await deniz.say("Ayşe")
        await api.idle()
    first, second = desk.received
    assert first == second
    assert first.message == f"u{api.attempts[0].update_id}"
    assert first.sequence == api.attempts[0].update_id


async def test_a_failing_desk_is_a_failing_request(api: BotApi) -> None:
    """A fault of ours is 500: Telegram keeps the update and asks again."""
    deniz, desk = api.person(42), RecordingDesk()
    desk.outages.append(RuntimeError("fault"))
    async with webhook(api, desk):
        await deniz.say("Ayşe")
        await api.idle()
    assert [attempt.code for attempt in api.attempts] == [500, 200]


@pytest.mark.parametrize(
    ("answers", "codes"),
    [
        ([Scripted(429, retry_after=1)], [429, 200]),
        ([Scripted(429, retry_after=3600)], [429]),
        ([Scripted(403)], [403]),
        ([Scripted(400)], [400]),
        ([Scripted(500)], [500, 200]),
        ([Scripted(500), Scripted(502)], [500, 502]),
        (["lost"], [None, 200]),
    ],
    ids=["flood", "long flood", "blocked", "bad", "fault", "two faults", "lost answer"],
)
async def test_a_refused_text_does_not_hold_the_rest_up(
    api: BotApi, answers: list[Any], codes: list[int | None]
) -> None:
    """A short flood is waited out, a fault tried once more; the next text goes in any case."""
    deniz, desk = api.person(42), RecordingDesk(saying(Message("1"), Message("2")))
    async with webhook(api, desk):
        api.script("sendMessage", answers)
        await deniz.say("merhaba")
        await api.idle()
    firsts = [call.code for call in api.calls("sendMessage") if not call.by_webhook]
    assert firsts == codes
    assert deniz.last.text == "2"
    assert [attempt.code for attempt in api.attempts] == [200]


async def test_a_call_that_fails_is_counted_by_kind(api: BotApi) -> None:
    """An operator sees blocks and faults; Telegram's own words are no label."""
    deniz, desk = api.person(42), RecordingDesk(saying(Message("1"), Message("2")))
    failed = Tally(FAILED_CALLS, "telegram")
    async with webhook(api, desk):
        api.script("sendMessage", [Scripted(403)])
        await deniz.say("merhaba")
        await api.idle()
        api.script("sendMessage", [Scripted(500), Scripted(502)])
        await deniz.say("merhaba")
        await api.idle()
    assert failed.since() == {("TelegramForbiddenError",): 1, ("TelegramServerError",): 2}


async def test_a_body_too_large_is_refused(api: BotApi) -> None:
    """Announced or streamed, nothing over MAX_BODY is kept."""
    desk = RecordingDesk()
    large = b'{"update_id": 1, "x": "' + b"a" * MAX_BODY + b'"}'

    async def streamed() -> AsyncIterator[bytes]:
        yield large[: MAX_BODY // 2]
        yield large[MAX_BODY // 2 :]

    refused = Tally(REFUSED, "telegram")
    async with webhook(api, desk) as (_, local):
        assert (await post(local, large))[0] == 413
        assert (await post(local, streamed()))[0] == 413
        assert refused.since() == {("size",): 2}


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"", 400, "json"),
        (b"{", 400, "json"),
        (b'{"update_id":1,"x":' + b"[" * 100_000, 400, "json"),
        (b'{"update_id":1,"callback_query":{"id":"\xff"}}', 400, "json"),
        (b"[]", 200, "shape"),
        (b'{"update_id":1,"message":{"text":5}}', 200, "shape"),
        (b'{"update_id":1}', 200, "unused"),
    ],
)
async def test_what_is_no_update_is_counted(
    api: BotApi, body: bytes, status: int, reason: str
) -> None:
    """Not JSON is 400; what we merely do not know is 200, or Telegram would send it for a day."""
    desk, refused = RecordingDesk(), Tally(REFUSED, "telegram")
    async with webhook(api, desk) as (_, local):
        assert await post(local, body) == (status, b"")
        assert refused.since() == {(reason,): 1}
        assert desk.received == []


async def test_the_webhook_is_set_until_it_works(api: BotApi) -> None:
    """Faults, floods and refusals of setWebhook are waited out; then it holds what we need."""
    api.script("setWebhook", [Scripted(500), Scripted(400), Scripted(429, retry_after=1)])
    async with webhook(api, RecordingDesk()):
        *_, flooded, last = api.calls("setWebhook")
    assert last.when - flooded.when >= 1
    assert last.params["url"] == f"{PUBLIC_URL}/telegram"
    assert last.params["secret_token"] == SECRET
    assert last.params["max_connections"] == 100
    assert last.params["allowed_updates"] == ["message", "callback_query", "my_chat_member"]


async def test_the_command_menu_is_set_by_language(api: BotApi) -> None:
    """Telegram shows a list of its own to each language."""
    commands = {"": [("help", "Help")], "tr": [("yardim", "Yardım")]}
    async with webhook(api, RecordingDesk(), commands=commands):
        await api.until(lambda: len(api.calls("setMyCommands")) == 2)
        await api.idle()
    first, second = api.calls("setMyCommands")
    assert "language_code" not in first.params
    assert second.params["language_code"] == "tr"
    assert second.params["commands"] == [{"command": "yardim", "description": "Yardım"}]


async def test_a_refused_token_ends_the_channel(
    api: BotApi, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says why, and does not say the token."""
    token = "123456789:" + "B" * 35
    await channel(api, RecordingDesk(), token=token, public_url=PUBLIC_URL).run()
    assert "telegram stopped: the token is not valid" in caplog.text
    assert token not in caplog.text


async def test_where_nobody_runs_the_channel_its_routes_still_work(api: BotApi) -> None:
    """What is left to do after an answer is then done in the request."""
    api.person(42)
    telegram = channel(api, RecordingDesk(saying(Message("?"), retract=("5",))))
    async with serve(Starlette(routes=list(telegram.routes()))) as local:
        status, body = await post(local, message(text="Ayşe"))
        await api.until(lambda: bool(api.calls("deleteMessages")))
    async with running(telegram):
        await api.until(lambda: bool(api.calls("getUpdates")))
    assert status == 200
    assert b"sendMessage" in body


@pytest.mark.parametrize("secret", ["", "a b", "ş", "x" * 257])
def test_a_secret_telegram_would_not_take_is_refused(secret: str) -> None:
    """An empty one would let everybody in (setWebhook, secret_token)."""
    with pytest.raises(ValueError, match="webhook secret"):
        Telegram(RecordingDesk(), token="1:a", secret=secret)


async def test_nothing_personal_is_logged(api: BotApi, caplog: pytest.LogCaptureFixture) -> None:
    """No text, no person's id and no token stands in any line of the log."""
    caplog.set_level(logging.DEBUG)
    deniz, desk = api.person(424242), RecordingDesk(saying(Message("gizli"), Message("söz")))
    api.script("sendMessage", [Scripted(400), Scripted(429, retry_after=3600)])
    async with webhook(api, desk) as (_, local):
        await deniz.say("10000000146")
        await deniz.send_media("photo")
        await api.idle()
        await post(local, b'{"update_id":1,"message":{"text":10000000146}}')
    for secret in ("10000000146", "424242", "gizli", "söz", api.token, SECRET):
        assert secret not in caplog.text
    assert all(isinstance(inbound.event, Said) for inbound in desk.received[:1])


async def test_who_writes_too_fast_is_told_so_once(api: BotApi) -> None:
    """And Telegram brings none of it again."""
    slow = Answer((Message("Biraz yavaşlayalım"),))
    desk, refused = RecordingDesk(), Tally(REFUSED, "telegram")
    desk.outages.extend(TooFast(slow, 5, told=told) for told in (False, True, True))
    async with webhook(api, desk):
        deniz = api.person(42)
        for _ in range(3):
            await deniz.say("merhaba")
        await api.idle()
    lines = [line.text for line in deniz.transcript if line.sender == "bot"]
    assert lines == ["Biraz yavaşlayalım"]
    assert refused.since() == {("pace",): 3}
    assert [attempt.code for attempt in api.attempts] == [200] * 3
