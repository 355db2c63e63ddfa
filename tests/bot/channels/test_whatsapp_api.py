"""The line to Twilio's REST API: what the SDK does not do by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bot.channels.whatsapp_api import (
    REFUSALS,
    Throttled,
    TwilioLine,
    Unanswered,
    Unreached,
    seconds,
)
from tests.bot.channels.recorded import recorded
from tests.bot.channels.turns import nobody
from tests.fakes.twilio import ACCOUNT_SID, AUTH_TOKEN, SENDER, Answer, TwilioApi

PHONE = "+905320000021"
ASKED = {"to": f"whatsapp:{PHONE}", "from_": SENDER, "body": "ışık & gölge"}
CONTENT = {"friendly_name": "ş", "types": {"twilio/text": {"body": "{{1}}"}}}


@asynccontextmanager
async def client(base: str, patience: float = 10.0) -> AsyncIterator[Any]:
    async with TwilioLine(ACCOUNT_SID, AUTH_TOKEN, base, patience) as line:
        yield line.client


async def test_a_message_is_created_and_read_back() -> None:
    """The SDK's own calls work, with our credentials, letters and pages."""
    async with TwilioApi() as twilio, client(twilio.base_url) as api:
        deniz = twilio.person(PHONE)
        made = [await api.messages.create_async(**ASKED) for _ in range(3)]
        shown = await api.messages(made[0].sid).fetch_async()
        listed = await api.messages.list_async(to=ASKED["to"], page_size=2)
    assert shown.body == twilio.messages[made[0].sid].body == ASKED["body"]
    assert {each.sid for each in listed} == {each.sid for each in made}
    assert deniz.address == ASKED["to"]


async def test_contents_go_to_the_same_server_as_json() -> None:
    """Twilio's Content API takes JSON; the SDK's own client for asyncio would send a form."""
    async with recorded(body='{"sid": "HX1"}') as (base, posted), client(base) as api:
        made = await api.content.v1.contents.create_async(_Content())
    assert (made.sid, posted) == ("HX1", [CONTENT])


class _Content:
    """What the SDK's request object has that the call needs."""

    def to_dict(self) -> dict[str, Any]:
        return CONTENT


@pytest.mark.parametrize(
    ("header", "wanted"),
    [({"Retry_After": "17"}, 17.0), ({}, 0.0), ({"Retry_After": "Fri, 08 Jan 2021"}, 0.0)],
)
async def test_a_refusal_for_pace_says_how_long(header: dict[str, str], wanted: float) -> None:
    """Retry-After reaches the caller, who is told of nothing else."""
    async with recorded(429, '{"code": 20429}', **header) as (base, posted), client(base) as api:
        with pytest.raises(Throttled) as refusal:
            await api.messages.create_async(**ASKED)
    assert (refusal.value.retry_after, len(posted)) == (wanted, 1)


async def test_refusals_keep_their_number() -> None:
    """Both of Twilio's ways of saying no."""
    problem = '{"type": "t", "title": "no", "status": 400, "code": 21656}'
    for body in ('{"code": 21656, "message": "no"}', problem):
        async with recorded(400, body) as (base, _), client(base) as api:
            with pytest.raises(REFUSALS) as refusal:
                await api.messages.create_async(**ASKED)
        assert (refusal.value.status, refusal.value.code) == (400, 21656)


@pytest.mark.parametrize("body", ["<html>", "[]", "null", "{", "[" * 100_000])
async def test_what_cannot_be_read_is_no_answer(body: str) -> None:
    """A page with 200 may be of a proxy; whether the call was carried out is unknown."""
    async with recorded(200, body) as (base, posted), client(base) as api:
        with pytest.raises(Unanswered):
            await api.messages.create_async(**ASKED)
    assert len(posted) == 1


async def test_no_answer_and_no_connection() -> None:
    """It is told apart whether anything went out; a call is never repeated."""
    async with TwilioApi() as twilio, client(twilio.base_url, patience=0.2) as api:
        twilio.person(PHONE)
        twilio.script(["hang", "lost", Answer(500)])
        for _ in range(2):
            with pytest.raises(Unanswered):
                await api.messages.create_async(**ASKED)
        assert (len(twilio._script), len(twilio.messages)) == (1, 1)
    async with client(nobody()) as api:
        with pytest.raises(Unreached):
            await api.messages.create_async(**ASKED)


async def test_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """A region in the environment would send calls, and the credentials, to another host."""
    monkeypatch.setenv("TWILIO_REGION", "au1")
    async with client("http://127.0.0.1:1") as api:
        assert api.get_hostname("https://api.twilio.com/x") == "https://api.twilio.com/x"


async def test_without_another_server_it_is_twilios() -> None:
    """Both of its services."""
    async with TwilioLine(ACCOUNT_SID, AUTH_TOKEN) as line:
        hosts = line.client.api.base_url, line.client.content.base_url
    assert hosts == ("https://api.twilio.com", "https://content.twilio.com")


def test_seconds() -> None:
    """Digits only; a date or nonsense says nothing."""
    told = {"5": 5, "0": 0, "": 0, "-1": 0, "1.5": 0, "٣": 0, "soon": 0}
    assert {text: seconds(text) for text in told} == told
