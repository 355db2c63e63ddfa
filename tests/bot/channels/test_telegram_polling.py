"""Telegram by long polling, over real HTTP against a Bot API with memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.channels.base import Answer, Button, Inbound, Message, Unavailable
from bot.telemetry import REFUSED
from conversations.events import Picked, Said
from tests.bot.channels.counting import Tally
from tests.bot.channels.recording import RecordingDesk, down
from tests.bot.channels.running import channel, polling, running
from tests.fakes.telegram import Answer as Scripted
from tests.fakes.telegram import BotApi


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    async with BotApi(time_scale=0.001) as api:
        yield api


def repeat(inbound: Inbound) -> Answer:
    """Say back what was said."""
    return Answer((Message(getattr(inbound.event, "text", "?")),))


def answered(api: BotApi, count: int) -> bool:
    """Whether so many texts have been sent and taken."""
    return [call.code for call in api.calls("sendMessage")].count(200) >= count


async def test_what_is_said_is_answered_and_confirmed(api: BotApi) -> None:
    """Answers go through the API; the next fetch confirms what was taken."""
    deniz, desk = api.person(42), RecordingDesk(repeat)
    async with polling(api, desk):
        await deniz.say("bir")
        await api.until(lambda: answered(api, 1))
        await api.idle()
        await deniz.say("iki")
        await api.until(lambda: answered(api, 2))
        await api.idle()
    assert [line.text for line in deniz.transcript] == ["bir", "bir", "iki", "iki"]
    assert not any(call.by_webhook for call in api.calls("sendMessage"))
    assert len(api.calls("deleteWebhook")) == 1


async def test_a_tap_ends_its_waiting_sign(api: BotApi) -> None:
    """A tap is understood, answered and ended."""
    deniz = api.person(42)
    desk = RecordingDesk(lambda _: Answer((Message("?", (Button("Evet", "3:terms:yes"),)),)))
    async with polling(api, desk):
        await deniz.say("merhaba")
        await api.until(lambda: answered(api, 1))
        await deniz.tap("Evet")
        await api.until(lambda: [c.code for c in api.calls("answerCallbackQuery")] == [200])
    assert desk.received[1].event == Picked("yes", "terms", 3)


async def test_what_waited_is_answered_in_order(api: BotApi) -> None:
    """One fetch of many: each person's texts in their order, answers in theirs."""
    people, desk = [api.person(42), api.person(43)], RecordingDesk(repeat)
    for number in range(5):
        for person in people:
            await person.say(str(number))
    async with polling(api, desk):
        await api.until(lambda: answered(api, 10))
        await api.idle()
    for person in people:
        said = [line.text for line in person.transcript if line.sender == "bot"]
        assert said == list("01234")


async def test_a_later_answer_waits_for_an_earlier_one(api: BotApi) -> None:
    """A flood limit on one person's first answer holds back their second, and nobody else's."""
    deniz, nur, desk = api.person(42), api.person(43), RecordingDesk(repeat)
    api.script("sendMessage", [Scripted(429, retry_after=1)])
    for person, text in ((deniz, "bir"), (deniz, "iki"), (nur, "üç")):
        await person.say(text)
    async with polling(api, desk):
        await api.until(lambda: answered(api, 3))
    done = [call.params["text"] for call in api.calls("sendMessage") if call.code == 200]
    assert done == ["üç", "bir", "iki"]


async def test_while_the_records_are_down_the_same_is_fetched_again(api: BotApi) -> None:
    """What was not committed is neither confirmed nor answered, and not lost."""
    deniz, desk = api.person(42), RecordingDesk(repeat)
    desk.outages = down(3)
    async with polling(api, desk):
        await deniz.say("bir")
        await api.until(lambda: answered(api, 1))
        await api.idle()
    assert len(desk.received) == 1
    assert len(api.calls("sendMessage")) == 1


async def test_an_outage_in_the_middle_answers_nobody_twice(api: BotApi) -> None:
    """Those before it are confirmed; those behind it come again and are answered then."""
    deniz, desk = api.person(42), RecordingDesk(repeat)
    desk.outages.extend([None, Unavailable(), None])
    for text in ("bir", "iki", "üç"):
        await deniz.say(text)
    async with polling(api, desk):
        await api.until(lambda: answered(api, 3))
        await api.idle()
    said = [line.text for line in deniz.transcript][3:]
    assert said == ["bir", "iki", "üç"]
    texts = [inbound.event.text for inbound in desk.received if isinstance(inbound.event, Said)]
    assert texts == ["bir", "üç", "iki", "üç"]
    assert desk.keys[1] == desk.keys[3]


async def test_one_bad_event_does_not_harm_its_neighbours(
    api: BotApi, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault of ours is logged by its type alone, and the others are answered."""
    deniz, desk = api.person(42), RecordingDesk(repeat)
    desk.outages.extend([None, RuntimeError("10000000146"), None])
    for text in ("bir", "iki", "üç"):
        await deniz.say(text)
    async with polling(api, desk):
        await api.until(lambda: answered(api, 2))
        await api.idle()
    assert [line.text for line in deniz.transcript][3:] == ["bir", "üç"]
    assert "RuntimeError" in caplog.text
    assert "10000000146" not in caplog.text


@pytest.mark.parametrize(
    "fault", [Scripted(500), Scripted(502), "lost", Scripted(429, retry_after=1)]
)
async def test_faults_of_the_line_are_waited_out(api: BotApi, fault: Any) -> None:
    """A fetch that failed is made again, and nothing is lost by it."""
    deniz, desk = api.person(42), RecordingDesk(repeat)
    api.script("getUpdates", [fault])
    await deniz.say("bir")
    async with polling(api, desk):
        await api.until(lambda: answered(api, 1))
    assert len(desk.received) == 1


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (401, "the token is not valid"),
        (404, "the token or the address of the Bot API is not valid"),
        (409, "another process receives this bot's updates"),
    ],
)
async def test_hopeless_refusals_end_the_channel(
    api: BotApi, caplog: pytest.LogCaptureFixture, code: int, words: str
) -> None:
    """It says once why, and does not knock on."""
    api.script("getUpdates", [Scripted(code)])
    await channel(api, RecordingDesk()).run()
    assert f"telegram stopped: {words}" in caplog.text
    assert api.token not in caplog.text
    assert len(api.calls("getUpdates")) == 1


async def test_a_second_poller_ends_the_first(api: BotApi) -> None:
    """The older of two gets 409 and leaves the updates to the newer."""
    deniz, desk = api.person(42), RecordingDesk(repeat)
    async with running(channel(api, RecordingDesk())) as first:
        await api.until(lambda: bool(api.calls("getUpdates")))
        async with polling(api, desk):
            await first
            await deniz.say("bir")
            await api.until(lambda: answered(api, 1))
    assert len(desk.received) == 1


async def test_an_update_nobody_can_read_is_passed_over(api: BotApi) -> None:
    """aiogram refuses the whole fetch for one bad update; the good ones are answered."""
    deniz, desk = api.person(42), RecordingDesk(repeat)
    await deniz.say("bir")
    api.world.publish("message", {"message_id": "no number"}, ("chat", 42))
    await deniz.say("iki")
    refused = Tally(REFUSED, "telegram")
    async with polling(api, desk):
        await api.until(lambda: answered(api, 2))
        await api.idle()
        assert refused.since() == {("unused",): 1}
    assert [line.text for line in deniz.transcript][2:] == ["bir", "iki"]


async def test_a_block_is_of_no_use_here(api: BotApi) -> None:
    """my_chat_member is taken and not given to the desk."""
    deniz, desk, refused = api.person(42), RecordingDesk(repeat), Tally(REFUSED, "telegram")
    async with polling(api, desk):
        await deniz.block()
        await api.idle()
        assert refused.since() == {("unused",): 1}
    assert desk.received == []
