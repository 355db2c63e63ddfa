"""WhatsApp's real buttons against an account at Twilio: sent once, known when stale, never lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest
from starlette.applications import Starlette

from bot.channels.base import Answer, Button, Inbound, Limits, Message, pick_data
from bot.channels.whatsapp import WhatsApp
from bot.channels.whatsapp_api import TwilioLine
from bot.channels.whatsapp_buttons import Buttons
from bot.channels.whatsapp_content import Ends, drafts_for
from bot.channels.whatsapp_setup import set_up
from bot.telemetry import FAILED_CALLS
from conversations.events import Event, Picked, Said
from tests.bot.channels.counting import Tally
from tests.bot.channels.recording import RecordingDesk
from tests.fakes.serving import serve
from tests.fakes.twilio import Answer as Scripted
from tests.fakes.twilio import Person, TwilioApi

PUBLIC_URL = "https://bot.example.com"
OPENERS = {"tr": "Seçiniz"}


def asked(text: str, *labels: str, turn: int = 7) -> Message:
    """A question with its choices, as the wording gives it."""
    given = [Button(label, pick_data(turn, "terms", label.lower())) for label in labels]
    numbers = "\n".join(f"{place}. {label}" for place, label in enumerate(labels, 1))
    return Message(text, tuple(given), plain=f"{text}\n\n{numbers}")


QUESTION = asked("Onaylıyor\nmusunuz?", "Evet", "Hayır")
MENU = asked("Hangisi?", "Bir", "İki", "Üç", "Dört")
WRITTEN = "Onaylıyor\nmusunuz?\n\n1. Evet\n2. Hayır"


class Desk(RecordingDesk):
    """Says the same to everybody; a message that came before is answered again."""

    def __init__(self, *messages: Message) -> None:
        super().__init__(self.answer)
        self.messages = messages

    def answer(self, inbound: Inbound) -> Answer:
        return Answer(self.messages, repeated=self.keys.count(inbound.message) > 1)


class Town:
    """The account, the channel at work, and somebody who writes to it."""

    def __init__(self, twilio: TwilioApi, desk: Desk, channel: WhatsApp, deniz: Person) -> None:
        self.twilio, self.desk, self.channel, self.deniz = twilio, desk, channel, deniz

    async def say(self, text: str = "merhaba") -> None:
        await self.deniz.say(text)
        await self.twilio.idle()

    @property
    def told(self) -> list[tuple[str, list[str]]]:
        """What Deniz was sent: each text and the buttons below it."""
        lines = [line for line in self.deniz.transcript if line.sender == "bot"]
        return [(line.text, line.labels) for line in lines]

    @property
    def created(self) -> int:
        """Messages that went by REST."""
        sent = self.twilio.messages.values()
        return sum(message.direction == "outbound-api" for message in sent)


@asynccontextmanager
async def running(
    *messages: Message, made: bool = True, patience: float = 3.0
) -> AsyncIterator[Town]:
    """The channel with its buttons at work; ``made``: setup was run before."""
    async with TwilioApi(webhook=f"{PUBLIC_URL}/whatsapp#rc=5&rp=all&rt=4000") as twilio:
        account = (twilio.account_sid, twilio.auth_token, twilio.base_url)
        kept: dict[str, str] = {}
        async with TwilioLine(*account) as line:
            drafts = [
                draft for each in (QUESTION, MENU) for draft in drafts_for(each, "tr", "Seçiniz")
            ]
            async for standing in set_up(line.client, drafts if made else [], {}):
                kept[standing.draft.name] = standing.sid
        status_url = f"{PUBLIC_URL}/whatsapp/status"
        buttons = Buttons(TwilioLine(*account), kept.get, OPENERS, status_url, patience)
        desk = Desk(*messages)
        channel = WhatsApp(
            desk, auth_token=twilio.auth_token, public_url=PUBLIC_URL, buttons=buttons
        )
        task = asyncio.create_task(channel.run())
        async with serve(Starlette(routes=list(channel.routes()))) as local:
            twilio.reroute(PUBLIC_URL, local)
            yield Town(twilio, desk, channel, twilio.person())
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_choices_go_out_as_buttons() -> None:
    """Text first, buttons below the question, and nothing in the webhook's own response."""
    async with running(Message("Merhaba!"), QUESTION) as town:
        assert town.channel.limits == Limits(text=1600, buttons=10, label=20, plain=True)
        await town.say()
        assert town.told == [("Merhaba!", []), (QUESTION.text, ["Evet", "Hayır"])]
        assert town.created == 2


async def test_many_choices_are_a_list() -> None:
    async with running(MENU) as town:
        await town.say()
        assert town.told == [("Hangisi?", ["Bir", "İki", "Üç", "Dört"])]
        assert town.deniz.last.kind == "twilio/list-picker"


@pytest.mark.parametrize(("question", "label"), [(QUESTION, "Hayır"), (MENU, "Üç")])
async def test_what_is_picked_comes_back_with_its_turn(question: Message, label: str) -> None:
    """A button and an item of a list, each with the turn it stood under."""
    async with running(question) as town:
        await town.say()
        town.desk.messages = (replace(question, buttons=later(question), plain=question.plain),)
        await town.say("bir şey")
        older, newer = [line.sid for line in town.deniz.transcript if line.sender == "bot"]
        for sid in (older, newer):
            await town.deniz.pick(label, on=sid)
            await town.twilio.idle()
        events: list[Event] = [inbound.event for inbound in town.desk.received]
        picked = Picked(label.lower(), "terms", 7)
        assert events == [Said("merhaba"), Said("bir şey"), picked, replace(picked, turn=8)]


def later(question: Message) -> tuple[Button, ...]:
    """The same buttons, one turn on."""
    return tuple(
        replace(button, data=button.data.replace("7:", "8:", 1)) for button in question.buttons
    )


async def test_what_stands_before_goes_ahead() -> None:
    """A refusal and the question again: the refusal by itself, the question with its buttons."""
    again = replace(
        QUESTION, text=f"Anlayamadım.\n\n{QUESTION.text}", plain=f"Anlayamadım.\n\n{WRITTEN}"
    )
    async with running(again) as town:
        await town.say()
        assert town.told == [("Anlayamadım.", []), (QUESTION.text, ["Evet", "Hayır"])]


async def test_without_setup_choices_are_written() -> None:
    """As before: in the webhook's own response, with numbers."""
    async with running(Message("Merhaba!"), QUESTION, made=False) as town:
        await town.say()
        assert town.told == [("Merhaba!", []), (WRITTEN, [])]
        assert town.created == 0


async def test_an_answer_without_choices_costs_no_call() -> None:
    async with running(Message("Merhaba!")) as town:
        await town.say()
        assert (town.told, town.created) == ([("Merhaba!", [])], 0)


async def test_a_hidden_phone_gets_buttons_too() -> None:
    async with running(QUESTION) as town:
        town.deniz = town.twilio.person(hidden=True)
        await town.say()
        assert town.told == [(QUESTION.text, ["Evet", "Hayır"])]


# --- once ------------------------------------------------------------------------------------


async def test_a_message_that_comes_again_is_answered_once() -> None:
    """A response that was lost: Twilio posts again, and what went by REST stays one."""
    async with running(Message("Merhaba!"), QUESTION) as town:
        town.twilio.lose_next_response()
        await town.say()
        assert len(town.twilio.posts) > 1
        assert town.told == [("Merhaba!", []), (QUESTION.text, ["Evet", "Hayır"])]


async def test_copies_at_the_same_time_are_answered_once() -> None:
    async with running(QUESTION) as town:
        town.twilio.deliver_twice()
        await town.say()
        assert town.desk.keys[0] == town.desk.keys[1]
        assert town.told == [(QUESTION.text, ["Evet", "Hayır"])]


async def test_what_another_process_was_told_is_said_in_writing() -> None:
    """Whether that one has sent it is unknown here: rather twice than never."""
    async with running(QUESTION) as town:
        town.desk.reply = lambda _: Answer((QUESTION,), repeated=True)
        await town.say()
        assert (town.told, town.created) == ([(WRITTEN, [])], 0)


# --- never without an answer ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (Scripted(429, 20429), "busy"),
        (Scripted(400, 21656), "refused"),
        (Scripted(500), "refused"),
        ("lost", "unanswered"),
        ("hang", "unanswered"),
    ],
    ids=["429", "400", "500", "lost", "hang"],
)
async def test_what_does_not_go_out_is_written(fault: Scripted, why: str) -> None:
    """The rest of the answer stands in the webhook's response, from the first that failed on."""
    counted = Tally(FAILED_CALLS, "whatsapp")
    async with running(Message("Merhaba!"), QUESTION, patience=0.5) as town:
        town.twilio.script([Scripted(), fault])
        await town.say()
        assert town.told[0] == ("Merhaba!", [])
        assert town.told[-1] == (WRITTEN, [])
        assert counted.since() == {(why,): 1}


async def test_while_twilio_is_away_everything_is_written() -> None:
    counted = Tally(FAILED_CALLS, "whatsapp")
    async with running(Message("Merhaba!"), QUESTION) as town:
        town.twilio.script([Scripted(503)])
        await town.say()
        assert town.told == [("Merhaba!", []), (WRITTEN, [])]
        assert counted.since() == {("refused",): 1}


async def test_a_text_that_is_gone_is_written() -> None:
    """Somebody deleted the content at Twilio: 21655, and the choices are written."""
    async with running(QUESTION) as town:
        town.twilio.content.kept.clear()
        await town.say()
        assert town.told == [(WRITTEN, [])]


@pytest.mark.parametrize("disorder", [False, True])
async def test_what_whatsapp_refuses_later_is_said_again(disorder: bool) -> None:
    """Twilio took it and WhatsApp did not: said in writing once, however often that is told."""
    async with running(QUESTION) as town:
        if disorder:
            town.twilio.shuffle_statuses(1)
            town.twilio.repeat_statuses(2)
        town.twilio.script([Scripted(201, 63013)])
        await town.say()
        assert town.told == [(WRITTEN, [])]
        assert town.created == 2


async def test_what_arrived_is_not_said_again() -> None:
    async with running(QUESTION) as town:
        town.twilio.repeat_statuses(2)
        await town.say()
        assert town.told == [(QUESTION.text, ["Evet", "Hayır"])]


async def test_before_the_line_is_open_choices_are_written() -> None:
    """A message that comes while we start is answered as if there were no buttons."""
    buttons = Buttons(TwilioLine("AC0", "token"), lambda _: "HX0", OPENERS)
    answer = Answer((QUESTION,))
    assert await buttons.say(answer, "SM1", Ends("whatsapp:+1", "whatsapp:+2")) == answer


async def test_nothing_personal_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with running(asked("Sayın Ayşe", "Evet", "Hayır")) as town:
        town.twilio.script([Scripted(400, 21656)])
        await town.say("10000000146")
        for secret in ("Ayşe", "10000000146", town.deniz.phone[1:], town.twilio.auth_token):
            assert secret not in caplog.text
