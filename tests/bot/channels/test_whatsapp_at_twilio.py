"""WhatsApp against an account at Twilio with memory: retries, lost answers, opt-outs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette

from bot.channels.base import Answer, Inbound, Message
from bot.channels.whatsapp import WhatsApp
from conversations.events import Address, Event, OptedOut, Picked, Said, SentMedia
from tests.bot.channels.recording import RecordingDesk, down
from tests.fakes.serving import serve
from tests.fakes.twilio import TwilioApi

PUBLIC_URL = "https://bot.example.com"


def repeat(inbound: Inbound) -> Answer:
    """Say back what was said."""
    return Answer((Message(getattr(inbound.event, "text", "?")),))


@pytest.fixture
def desk() -> RecordingDesk:
    return RecordingDesk(repeat)


@pytest.fixture
async def twilio(desk: RecordingDesk) -> AsyncIterator[TwilioApi]:
    address = f"{PUBLIC_URL}/whatsapp#rc=5&rp=all&rt=4000"
    async with TwilioApi(webhook=address) as twilio:
        channel = WhatsApp(desk, auth_token=twilio.auth_token, public_url=PUBLIC_URL)
        async with serve(Starlette(routes=list(channel.routes()))) as local:
            twilio.reroute(PUBLIC_URL, local)
            yield twilio


async def test_a_talk(twilio: TwilioApi, desk: RecordingDesk) -> None:
    """Whatever a person does arrives as what it is, and is answered."""
    deniz = twilio.person()
    await deniz.say("Ayşe", Hologram="3")
    await twilio.idle()
    for act in (
        deniz.forward("bir"),
        deniz.press("Evet", "3:terms:yes"),
        deniz.press("Hayır"),
        deniz.choose("Kart", "3:menu:card"),
        deniz.send_media("image", "kartım"),
        deniz.send_media("audio"),
        deniz.send_media("sticker"),
        deniz.share_location(),
    ):
        await act
        await twilio.idle()
    expected: list[Event] = [
        Said("Ayşe"),
        Said("bir"),
        Picked("yes", "terms", 3),
        Said("Hayır"),
        Picked("card", "menu", 3),
        *map(SentMedia, ("photo", "voice", "sticker", "location")),
    ]
    assert [inbound.event for inbound in desk.received] == expected
    assert [line.sender for line in deniz.transcript] == ["person", "bot"] * len(expected)


async def test_a_hidden_phone_is_answered_all_the_same(
    twilio: TwilioApi, desk: RecordingDesk
) -> None:
    """The business-scoped user id is the address."""
    deniz = twilio.person(hidden=True)
    await deniz.say("Ayşe")
    await twilio.idle()
    assert desk.received[0].address == Address("whatsapp", deniz.bsuid)
    assert deniz.last.text == "Ayşe"


async def test_an_outage_is_ridden_out(twilio: TwilioApi, desk: RecordingDesk) -> None:
    """With the fragment in its address Twilio posts again after a 503."""
    deniz, desk.outages = twilio.person(), down(2)
    sid = await deniz.say("Ayşe")
    await twilio.idle()
    assert [post.status for post in twilio.posts] == [503, 503, 200]
    assert desk.keys == [sid]
    assert [line.text for line in deniz.transcript] == ["Ayşe", "Ayşe"]


@pytest.mark.parametrize("mishap", ["lose_next_response", "deliver_twice"])
async def test_the_same_message_has_the_same_key(
    twilio: TwilioApi, desk: RecordingDesk, mishap: str
) -> None:
    """A message that comes again is known by its SID."""
    deniz = twilio.person()
    getattr(twilio, mishap)()
    sid = await deniz.say("Ayşe")
    await twilio.idle()
    assert desk.keys == [sid, sid]
    assert desk.received[0] == desk.received[1]


async def test_an_opt_out_that_twilio_heeded(twilio: TwilioApi, desk: RecordingDesk) -> None:
    """The desk hears of it; nothing more is sent."""
    deniz = twilio.person()
    await deniz.say("STOP")
    await twilio.idle()
    assert desk.received[0].event == OptedOut("STOP")
    assert [line.sender for line in deniz.transcript] == ["person"]


async def test_an_opt_out_that_only_we_understand(twilio: TwilioApi, desk: RecordingDesk) -> None:
    """Turkish words are ours to heed, and the desk's answer is sent."""
    deniz = twilio.person()
    await deniz.say("Abonelikten çık")
    await twilio.idle()
    assert desk.received[0].event == OptedOut("Abonelikten çık")
    assert deniz.last.text == "Abonelikten çık"
