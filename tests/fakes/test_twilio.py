"""Messages from people through the Twilio stand-in: their fields, signatures and second tries."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from starlette.responses import Response

from tests.fakes.serving import serve
from tests.fakes.twilio import SENDER, Person, TwilioApi
from tests.fakes.twilio_listener import PUBLIC, WEBHOOK, Listener, twiml


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
async def api(listener: Listener) -> AsyncIterator[TwilioApi]:
    async with (
        serve(listener.app()) as local,
        TwilioApi(webhook=WEBHOOK, timeout=5) as api,
    ):
        api.reroute(PUBLIC, local)
        yield api


@pytest.fixture
def deniz(api: TwilioApi) -> Person:
    return api.person()


async def test_a_message_is_signed_over_the_public_address(
    api: TwilioApi, listener: Listener, deniz: Person
) -> None:
    """Signature over the public URL with its query; phone and business-scoped id side by side."""
    sid = await deniz.say("merhaba")
    await api.idle()
    [form] = listener.heard
    assert (
        form.items()
        >= {
            "MessageSid": sid,
            "SmsMessageSid": sid,
            "From": "whatsapp:+905320000021",
            "To": SENDER,
            "WaId": "905320000021",
            "ExternalUserId": "TR.1A2b3C4d5E",
            "ProfileName": "Deniz",
            "Body": "merhaba",
            "MessageType": "text",
            "NumMedia": "0",
        }.items()
    )


async def test_a_hidden_phone_leaves_only_the_scoped_id(api: TwilioApi, listener: Listener) -> None:
    """``From`` itself is ``whatsapp:TR.…`` and there is no WaId."""
    await api.person(bsuid="TR.9Z8y7X", hidden=True).say("merhaba")
    await api.idle()
    assert listener.heard[0]["From"] == "whatsapp:TR.9Z8y7X"
    assert "WaId" not in listener.heard[0]


async def test_every_gesture_has_its_fields(
    api: TwilioApi, listener: Listener, deniz: Person
) -> None:
    """Buttons, lists, media, places, forwarded messages, and keys nobody announced."""
    listener.answers.append(twiml("Onay?"))
    await deniz.say("merhaba")
    await api.idle()
    asked = deniz.last.sid
    await deniz.press("Evet", "1:consent:yes")
    await deniz.choose("Ad", "edit:first_name")
    await deniz.send_media("image", "kartım")
    await deniz.share_location()
    await deniz.forward("bak")
    await deniz.say("x", SomethingNew="1")
    await api.idle()
    seen = {form["MessageSid"]: form for form in listener.heard}
    _, press, choice, media, place, forward, new = (seen[sid] for sid in sorted(seen))
    assert press["ButtonText"] == "Evet"
    assert press["ButtonPayload"] == "1:consent:yes"
    assert press["OriginalRepliedMessageSid"] == asked
    assert choice["ListId"] == "edit:first_name"
    assert (media["NumMedia"], media["MediaContentType0"]) == ("1", "image/jpeg")
    assert (media["Body"], media["MediaUrl0"][:8]) == ("kartım", "https://")
    assert (place["Latitude"], place["Longitude"]) == ("41.0082", "28.9784")
    assert forward["Forwarded"] == "true"
    assert new["SomethingNew"] == "1"


async def test_twiml_becomes_messages(api: TwilioApi, listener: Listener, deniz: Person) -> None:
    """Each Message of the answer, with or without a Body element; plain text is one message."""
    listener.answers.extend(
        [
            twiml("Bir", "İki"),
            Response("<Response><Message>Üç</Message></Response>", media_type="text/xml"),
            Response("Dört", media_type="text/plain"),
            Response(status_code=204),
            Response("<Response>", media_type="text/xml"),
        ]
    )
    for _ in range(5):
        await deniz.say("a")
        await api.idle()
    assert [line.text for line in deniz.transcript if line.sender == "bot"] == [
        "Bir",
        "İki",
        "Üç",
        "Dört",
    ]
    assert api.errors == [12100]


async def test_a_5xx_is_not_tried_again_by_default(
    api: TwilioApi, listener: Listener, deniz: Person
) -> None:
    """The message is lost, and the debugger says 11200."""
    listener.answers.append(Response(status_code=503))
    await deniz.say("merhaba")
    await api.idle()
    assert (len(listener.heard), api.errors) == (1, [11200])


@pytest.mark.parametrize("trouble", [Response(status_code=503), "hang", "cut"])
async def test_the_fragment_asks_for_more_tries(
    api: TwilioApi, listener: Listener, deniz: Person, trouble: Response | str
) -> None:
    """``rc`` tries after the failures in ``rp``; the fragment is not signed; same MessageSid."""
    api.webhook = f"{WEBHOOK}#rc=2&rp=5xx,rt&rt=250"
    listener.answers.extend([trouble, trouble, twiml("Merhaba")])
    await deniz.say("merhaba")
    await api.idle()
    assert deniz.last.text == "Merhaba"
    assert len({form["MessageSid"] for form in listener.heard}) == 1
    assert len(listener.heard) == 3


async def test_nobody_waits_longer_than_the_limit(listener: Listener) -> None:
    """All tries together have the time limit (15 seconds; here a fifth of one)."""
    listener.answers.extend(["hang"] * 6)
    async with (
        serve(listener.app()) as local,
        TwilioApi(webhook=f"{WEBHOOK}#rc=5&rp=all", timeout=0.2) as api,
    ):
        api.reroute(PUBLIC, local)
        await api.person().say("merhaba")
        await api.idle()
        assert (len(api.posts), api.errors) == (1, [11200])


async def test_a_dead_server_is_tried_once_more(api: TwilioApi, deniz: Person) -> None:
    """Without a connection there is one retry by default; then 11205."""
    api.reroute(PUBLIC, "http://127.0.0.1:9")
    await deniz.say("merhaba")
    await api.idle()
    assert (len(api.posts), api.errors) == (2, [11205])


async def test_a_message_can_come_twice(api: TwilioApi, listener: Listener, deniz: Person) -> None:
    """Posted again with the same MessageSid: on request, or because an answer was lost."""
    api.deliver_twice()
    await deniz.say("bir")
    await api.idle()
    api.webhook = f"{WEBHOOK}#rp=all"
    api.lose_next_response()
    await deniz.say("iki")
    await api.idle()
    assert [form["Body"] for form in listener.heard] == ["bir", "bir", "iki", "iki"]
    assert len({form["MessageSid"] for form in listener.heard}) == 2
