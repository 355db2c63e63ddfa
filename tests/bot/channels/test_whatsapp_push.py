"""Notices through WhatsApp against an account at Twilio with memory."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.channels.base import Fate, Letter, Limits, NotNow, Outcome, Outlet
from bot.channels.whatsapp_api import TwilioLine
from bot.channels.whatsapp_errors import FATES, PAUSES, read, written
from bot.channels.whatsapp_push import VALIDITY, WhatsAppPush
from tests.bot.channels.recorded import recorded
from tests.bot.channels.turns import Turns, nobody
from tests.bot.notices.town import until
from tests.fakes.twilio import ACCOUNT_SID, AUTH_TOKEN, SENDER, Answer, Person, TwilioApi

PHONE = "+905320000021"
KEY = "suspended:7:2021-01-08T09:30:00+00:00"
STATUS_URL = "https://bot.example.com/whatsapp/status"
TEMPLATE = "HX" + "0123456789abcdef" * 2
LETTER = Letter(PHONE, "notice.suspended", "tr", "2222 ile biten kartınız…", ("2222",), KEY)
CLOSED = Letter(PHONE, "notice.suspended", "tr", LETTER.text, LETTER.values, KEY, open=False)


@pytest.fixture
async def twilio() -> AsyncIterator[TwilioApi]:
    async with TwilioApi(webhook=nobody()) as twilio:
        yield twilio


@pytest.fixture
async def ayse(twilio: TwilioApi) -> Person:
    """Somebody who wrote a moment ago."""
    ayse = twilio.person(PHONE)
    await ayse.say("merhaba")
    await twilio.idle()
    return ayse


@pytest.fixture
async def push(twilio: TwilioApi) -> AsyncIterator[WhatsAppPush]:
    async with pushing(twilio.base_url) as push:
        yield push


def pushing(base: str, *, timeout: float = 10.0, **more: Any) -> WhatsAppPush:
    settings: dict[str, Any] = {
        "sender": SENDER,
        "status_url": None,
        "templates": lambda name, locale: {("notice.suspended", "tr"): TEMPLATE}.get(
            (name, locale)
        ),
        "rate": 60,
    }
    line = TwilioLine(ACCOUNT_SID, AUTH_TOKEN, base, timeout)
    return WhatsAppPush(line, **(settings | more))


def created(twilio: TwilioApi) -> list[dict[str, str]]:
    """What every create asked for."""
    sent = twilio.messages.values()
    return [dict(message.params) for message in sent if message.direction == "outbound-api"]


async def test_in_the_window_it_is_free_text(
    twilio: TwilioApi, ayse: Person, push: WhatsAppPush
) -> None:
    """One create, in its turn, that waits at Twilio no longer than it queues."""
    turns = Turns()
    outcome = await push.push(LETTER, turns)
    await twilio.idle()
    assert outcome == Outcome(Fate.SENT, provider_id=ayse.last.sid)
    assert (ayse.last.text, turns.taken) == (LETTER.text, 1)
    assert created(twilio) == [
        {
            "To": f"whatsapp:{PHONE}",
            "From": SENDER,
            "Body": LETTER.text,
            "ValidityPeriod": str(VALIDITY),
        }
    ]


async def test_outside_it_is_a_template() -> None:
    """With its values numbered from one, and none where it has none."""
    async with recorded() as (base, posted), pushing(base) as push:
        await push.push(CLOSED, Turns())
        await push.push(Letter(PHONE, "notice.suspended", "tr", "x", open=False), Turns())
    first, second = posted
    assert (first["ContentSid"], "Body" in first) == (TEMPLATE, False)
    assert json.loads(first["ContentVariables"]) == {"1": "2222"}
    assert (second["ContentSid"], "ContentVariables" in second) == (TEMPLATE, False)


async def test_without_a_template_it_is_held(twilio: TwilioApi, push: WhatsAppPush) -> None:
    """Nothing is called and no turn is taken."""
    turns, letter = Turns(), Letter(PHONE, "notice.returned", "tr", "x", open=False)
    assert await push.push(letter, turns) == Outcome(Fate.HELD, "no_template")
    assert (twilio.messages, turns.taken) == ({}, 0)


@pytest.mark.parametrize("sender", [SENDER, SENDER.removeprefix("whatsapp:")])
async def test_our_number_in_either_spelling(twilio: TwilioApi, ayse: Person, sender: str) -> None:
    """The setting may have the prefix or not."""
    async with pushing(twilio.base_url, sender=sender) as push:
        assert (await push.push(LETTER, Turns())).fate is Fate.SENT


async def test_a_report_is_asked_for(twilio: TwilioApi, ayse: Person) -> None:
    """The delivery's key is part of the address, in letters that nobody writes otherwise."""
    async with pushing(twilio.base_url, status_url=STATUS_URL) as push:
        await push.push(LETTER, Turns())
    (fields,) = created(twilio)
    address, _, insisting = fields["StatusCallback"].partition("#")
    asked, _, reference = address.partition("?d=")
    assert (asked, insisting) == (STATUS_URL, "rc=5&rp=all&rt=4000")
    assert re.fullmatch(r"[\w-]+", reference, re.ASCII)
    assert read(reference) == KEY


def test_a_reference_comes_back() -> None:
    """Whatever stands in it; and what is none of ours is none."""
    for reference in ("", "a", "ab", KEY, "ş?&=#%"):
        assert read(written(reference)) == reference
    assert [read(strange) for strange in ("a", "____", "ş", "1=1")] == [""] * 4


async def test_a_hidden_phone_can_be_written_to(twilio: TwilioApi, push: WhatsAppPush) -> None:
    """The business-scoped user id is the address."""
    deniz = twilio.person(hidden=True)
    await deniz.say("merhaba")
    letter = Letter(deniz.bsuid, LETTER.name, "tr", LETTER.text)
    assert (await push.push(letter, Turns())).fate is Fate.SENT
    assert deniz.last.text == LETTER.text


async def test_it_is_an_outlet(push: WhatsAppPush) -> None:
    """What the sender has to know of it."""
    outlet: Outlet = push
    assert (outlet.name, outlet.rate, outlet.gap) == ("whatsapp", 60, 6.0)
    assert outlet.limits == Limits(text=1600, label=20)


PAUSED = [63040, 63041]
# As in the table of platform facts, policy by policy.
NUMBERS = {
    Fate.BUSY: [20429, 63018, 63017, 63038, 30001, 21611],
    Fate.OPTED_OUT: [21610, 63033, 63014],
    Fate.UNREACHABLE: [21211, 21614, 63003, 63024],
    Fate.CLOSED: [63016],
    Fate.FAILED: [63032, 63049],
    Fate.BROKEN: [63005, 63021, 63027, 63028, 21655, 21656, 21617, 21658, 63013, 63026, *PAUSED],
    Fate.AGAIN: [63010, 63012, 63023, 30008, 30036],
    Fate.HALTED: [20003, 63001, 63002, 63007, 63020],
}
ROWS = [(number, fate) for fate, numbers in NUMBERS.items() for number in numbers]


@pytest.mark.parametrize(("number", "fate"), ROWS)
async def test_every_number(twilio: TwilioApi, push: WhatsAppPush, number: int, fate: Fate) -> None:
    """The error's number decides, and nothing is tried twice."""
    twilio.script([Answer(400, number)] * 2)
    pause = {63018: 600, 63017: 60, 63038: 3600, 30001: 300, 21611: 300, 20429: 1}.get(number, 0)
    turns = Turns()
    assert await push.push(LETTER, turns) == Outcome(fate, str(number), retry_after=pause)
    assert (turns.taken, len(twilio._script)) == (1, 1)


def test_every_number_is_tested() -> None:
    """The table has no row that is not tested, and pauses only for what is too fast."""
    assert {(int(number), fate) for number, fate in FATES.items()} == set(ROWS)
    assert {FATES[number] for number in PAUSES} == {Fate.BUSY}


OTHERS = [
    (Answer(400, 21604), Outcome(Fate.BROKEN, "4xx")),
    (Answer(422, 99999), Outcome(Fate.BROKEN, "4xx")),
    (Answer(401, 99999), Outcome(Fate.HALTED, "401")),
    (Answer(403, 99999), Outcome(Fate.HALTED, "403")),
    (Answer(404, 20404), Outcome(Fate.HALTED, "404")),
    (Answer(500, 20500), Outcome(Fate.UNKNOWN, "5xx")),
    (Answer(503, 20503), Outcome(Fate.UNKNOWN, "5xx")),
    (Answer(500, 63010), Outcome(Fate.AGAIN, "63010")),
    (Answer(429, 20429), Outcome(Fate.BUSY, "429", retry_after=1)),
]


@pytest.mark.parametrize(("answer", "outcome"), OTHERS)
async def test_other_refusals(
    twilio: TwilioApi, push: WhatsAppPush, answer: Answer, outcome: Outcome
) -> None:
    """What the table does not have goes by the HTTP status."""
    twilio.script([answer])
    assert await push.push(LETTER, Turns()) == outcome


async def test_refusals_as_the_account_makes_them(twilio: TwilioApi, ayse: Person) -> None:
    """Another password, an unknown number, somebody who opted out."""
    ayse.opted_out = True
    stranger = Letter("+905320000099", LETTER.name, "tr", "x")
    async with pushing(twilio.base_url) as push:
        assert (await push.push(LETTER, Turns())).fate is Fate.OPTED_OUT
        assert (await push.push(stranger, Turns())).fate is Fate.UNREACHABLE
    line = TwilioLine(ACCOUNT_SID, "wrong", twilio.base_url)
    other = WhatsAppPush(line, sender=SENDER, status_url=None, templates=lambda *_: None, rate=1)
    async with other:
        assert await other.push(LETTER, Turns()) == Outcome(Fate.HALTED, "20003")


async def test_a_lost_answer_is_unknown(
    twilio: TwilioApi, ayse: Person, push: WhatsAppPush
) -> None:
    """The message is in the chat once: creates are never repeated."""
    twilio.script(["lost"])
    assert await push.push(LETTER, Turns()) == Outcome(Fate.UNKNOWN, "unanswered")
    assert len(created(twilio)) == 1
    assert ayse.last.text == LETTER.text


async def test_silence_is_unknown(twilio: TwilioApi, ayse: Person) -> None:
    """The time limit is kept, and the call is not repeated."""
    twilio.script(["hang", Answer(400, 63024)])
    async with pushing(twilio.base_url, timeout=0.2) as push:
        assert await push.push(LETTER, Turns()) == Outcome(Fate.UNKNOWN, "unanswered")
    assert len(twilio._script) == 1


async def test_without_a_connection_nothing_was_sent() -> None:
    """A refused connection leaves no doubt."""
    async with pushing(nobody()) as push:
        assert await push.push(LETTER, Turns()) == Outcome(Fate.AGAIN, "unreached")


async def test_a_lost_turn_sends_nothing(twilio: TwilioApi, push: WhatsAppPush) -> None:
    """What the limiter raises comes out as it is."""
    with pytest.raises(NotNow):
        await push.push(LETTER, Turns(over=True))
    assert twilio.messages == {}


async def test_nobody_waits_for_others_calls(
    twilio: TwilioApi, ayse: Person, push: WhatsAppPush
) -> None:
    """A pool of connections would let silent calls eat the time limit of the next."""
    twilio.script(["hang"] * 110)
    silent = [asyncio.create_task(push.push(LETTER, Turns())) for _ in range(110)]
    await until(lambda: not twilio._script)
    assert (await push.push(LETTER, Turns())).fate is Fate.SENT
    assert not any(task.done() for task in silent)
    for task in silent:
        task.cancel()
    await asyncio.gather(*silent, return_exceptions=True)


async def test_nothing_personal_is_logged(
    ayse: Person, push: WhatsAppPush, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the SDK nor we say whom we wrote to, or what."""
    caplog.set_level(logging.INFO)
    await push.push(LETTER, Turns())
    for secret in (PHONE[1:], "2222", AUTH_TOKEN):
        assert secret not in caplog.text
