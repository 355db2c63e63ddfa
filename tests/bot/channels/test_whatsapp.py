"""WhatsApp: two tables, and signed posts over real HTTP."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp import ClientSession
from starlette.applications import Starlette
from twilio.request_validator import RequestValidator

from bot.callers import Callers, Places
from bot.channels.base import MAX_BODY, Answer, Limits, Message, TooFast
from bot.channels.whatsapp import WhatsApp, decode, encode, read_form
from bot.pacing import Allowance, Meter
from bot.telemetry import REFUSED, REPORTED
from conversations.events import Command, OptedOut, Said
from tests.bot.channels.cases_whatsapp import INBOUND, OUTBOUND, PHONE, SID, In, Out, came, post
from tests.bot.channels.counting import Tally
from tests.bot.channels.recording import RecordingDesk, down
from tests.fakes.serving import serve

TOKEN = "0123456789abcdef0123456789abcdef"
PUBLIC_URL = "https://bot.example.com"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
JSON = {"Content-Type": "application/json"}


class Twilio:
    """Posts as Twilio does: signed for the public address, sent to the local one."""

    def __init__(self, local: str, session: ClientSession) -> None:
        self._local, self._session = local, session

    async def post(
        self, path: str, fields: Any, *, token: str = TOKEN, public: str = PUBLIC_URL
    ) -> tuple[int, str, dict[str, str]]:
        """Send a signed form; its status, text and headers."""
        signature = RequestValidator(token).compute_signature(public + path, fields)
        return await self.send(path, urlencode(fields).encode(), signature)

    async def send(
        self, path: str, body: Any, signature: str | None, kind: dict[str, str] = FORM
    ) -> tuple[int, str, dict[str, str]]:
        """Send anything under any signature."""
        headers = kind if signature is None else {**kind, "X-Twilio-Signature": signature}
        url = self._local + path
        async with self._session.post(url, data=body, headers=headers) as response:
            return response.status, await response.text(), dict(response.headers)


@pytest.fixture
def desk() -> RecordingDesk:
    return RecordingDesk()


@pytest.fixture
def channel(desk: RecordingDesk) -> WhatsApp:
    return WhatsApp(desk, auth_token=TOKEN, public_url=PUBLIC_URL + "/")


@pytest.fixture
async def twilio(channel: WhatsApp) -> AsyncIterator[Twilio]:
    async with (
        serve(Starlette(routes=list(channel.routes()))) as local,
        ClientSession() as session,
    ):
        yield Twilio(local, session)


@pytest.mark.parametrize("path", ["/whatsapp", "/whatsapp/status"])
@pytest.mark.parametrize("signature", [None, "", "x", "ş", "c2lnbmF0dXJl", "A" * 28])
async def test_a_forged_post_is_refused(
    twilio: Twilio, desk: RecordingDesk, path: str, signature: str | None
) -> None:
    """Without Twilio's signature nothing reaches the desk or the counts of what we said."""
    refused, reported = Tally(REFUSED, "whatsapp"), Tally(REPORTED, "whatsapp")
    status, text, _ = await twilio.send(path, urlencode(post(Body="Ayşe")), signature)
    assert (status, text) == (403, "")
    assert desk.received == []
    assert reported.since() == {}
    assert refused.since() == {("signature",): 1}


async def test_a_signature_is_of_every_letter(twilio: Twilio, desk: RecordingDesk) -> None:
    """Another token, address, path, query or field makes it another signature."""
    fields = post(Body="Ayşe")
    sign = RequestValidator(TOKEN).compute_signature
    url = f"{PUBLIC_URL}/whatsapp"
    other = "fedcba9876543210fedcba9876543210"
    forged = [
        RequestValidator(other).compute_signature(url, fields),
        sign("https://example.com/whatsapp", fields),
        sign(f"{url}/status", fields),
        sign(f"{url}?a=1", fields),
        sign(url, {**fields, "Body": "Ayşe "}),
        sign(url, {**fields, "From": "whatsapp:+905320000022"}),
    ]
    for signature in forged:
        assert (await twilio.send("/whatsapp", urlencode(fields), signature))[0] == 403
    assert desk.received == []


@pytest.mark.parametrize("case", INBOUND, ids=[case.name for case in INBOUND])
def test_fields_mean_what_the_table_says(case: In) -> None:
    """Posted fields become an Inbound, by way of the form they travel in."""
    assert decode(read_form(urlencode(case.fields))) == case.inbound


@pytest.mark.parametrize("case", OUTBOUND, ids=[case.name for case in OUTBOUND])
def test_an_answer_in_twiml(case: Out) -> None:
    """An answer becomes the TwiML the table says."""
    wrapped = f"<Response>{case.twiml}</Response>" if case.twiml else "<Response />"
    assert encode(case.answer) == HEAD + wrapped


async def test_an_answer_is_the_response(twilio: Twilio, desk: RecordingDesk) -> None:
    """One signed post, one TwiML document."""
    desk.reply = lambda _: Answer((Message("Soyadınız?"),))
    status, text, headers = await twilio.post("/whatsapp", post(Body="  Ayşe "))
    assert (status, text) == (
        200,
        f"{HEAD}<Response><Message>Soyadınız?</Message></Response>",
    )
    assert headers["Content-Type"].startswith("text/xml")
    assert desk.received == [came(Said("  Ayşe "))]


@pytest.mark.parametrize(
    "fields",
    [post(), post(Body=" a+b%20&=\n"), {**post(Body="ş"), "Ek": ""}, {**post(), "Ğ": "ğ"}],
    ids=["blanks", "signs", "an empty field", "a Turkish field"],
)
async def test_every_field_is_signed_as_it_was_sent(
    twilio: Twilio, desk: RecordingDesk, fields: dict[str, str]
) -> None:
    """Empty, blank and unknown fields are part of the signature."""
    assert (await twilio.post("/whatsapp", fields))[0] == 200
    assert len(desk.received) == 1


async def test_a_field_sent_twice_is_signed_twice(twilio: Twilio, desk: RecordingDesk) -> None:
    """Repeated names keep all their values."""
    body = urlencode([*post(Body="Ayşe").items(), ("Tag", "b"), ("Tag", "a")])
    signature = RequestValidator(TOKEN).compute_signature(f"{PUBLIC_URL}/whatsapp", read_form(body))
    assert (await twilio.send("/whatsapp", body, signature))[0] == 200
    assert desk.keys == [SID]


@pytest.mark.parametrize("path", ["/whatsapp?v=1", "/whatsapp?v=1&n=%C4%B1"])
async def test_the_query_is_signed(twilio: Twilio, desk: RecordingDesk, path: str) -> None:
    """A query in the configured address is covered, letter by letter."""
    assert (await twilio.post(path, post(Body="Ayşe")))[0] == 200
    assert len(desk.received) == 1


async def test_the_port_may_be_signed_or_not(twilio: Twilio, desk: RecordingDesk) -> None:
    """Twilio signs the standard port at times and at times not."""
    for public in (PUBLIC_URL, f"{PUBLIC_URL}:443"):
        assert (await twilio.post("/whatsapp", post(Body="a"), public=public))[0] == 200
    assert len(desk.received) == 2


async def test_json_is_signed_by_its_hash(twilio: Twilio, desk: RecordingDesk) -> None:
    """A JSON body is vouched for by bodySHA256 in the signed address."""
    body = json.dumps({**post(Body="Ayşe"), "NumMedia": 0, "Extra": {"a": 1}})
    path = f"/whatsapp?bodySHA256={hashlib.sha256(body.encode()).hexdigest()}"
    signature = RequestValidator(TOKEN).compute_signature(PUBLIC_URL + path, {})
    assert (await twilio.send(path, body, signature, JSON))[0] == 200
    assert (await twilio.send(path, body + " ", signature, JSON))[0] == 403
    assert desk.received == [came(Said("Ayşe"))]


async def test_json_without_its_hash_is_refused(twilio: Twilio, desk: RecordingDesk) -> None:
    """A signed address alone says nothing of the body."""
    signature = RequestValidator(TOKEN).compute_signature(f"{PUBLIC_URL}/whatsapp", {})
    body = json.dumps(post(Body="Ayşe"))
    assert (await twilio.send("/whatsapp", body, signature, JSON))[0] == 403
    assert desk.received == []


@pytest.mark.parametrize("body", ["[]", "{", "[" * 100_000, '"a"'])
async def test_signed_nonsense_is_a_bad_request(twilio: Twilio, body: str) -> None:
    """JSON that is no object is 400, at any depth."""
    path = f"/whatsapp?bodySHA256={hashlib.sha256(body.encode()).hexdigest()}"
    signature = RequestValidator(TOKEN).compute_signature(PUBLIC_URL + path, {})
    assert (await twilio.send(path, body, signature, JSON))[0] == 400


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"\xff\xfe", 400),
        (b"&".join(b"a%d=1" % n for n in range(1000)), 400),
        (b"a" * (MAX_BODY + 1), 413),
    ],
    ids=["no text", "too many fields", "too large"],
)
async def test_what_is_no_form_is_refused(
    twilio: Twilio, desk: RecordingDesk, body: bytes, status: int
) -> None:
    """Before any signature is looked at, a body has to be a form of some size."""
    assert (await twilio.send("/whatsapp", body, "x"))[0] == status
    assert desk.received == []


async def test_what_has_no_sender_gets_an_empty_answer(twilio: Twilio, desk: RecordingDesk) -> None:
    """A shape without sender or id is 200 and counted."""
    refused = Tally(REFUSED, "whatsapp")
    status, text, _ = await twilio.post("/whatsapp", {"Body": "Ayşe"})
    assert (status, text) == (200, f"{HEAD}<Response />")
    assert refused.since() == {("unused",): 1}
    assert desk.received == []


async def test_while_the_records_are_down_twilio_asks_again(
    twilio: Twilio, desk: RecordingDesk
) -> None:
    """503 with Retry-After, and the same message has the same key afterwards."""
    desk.outages, refused = down(1), Tally(REFUSED, "whatsapp")
    status, text, headers = await twilio.post("/whatsapp", post(Body="Ayşe"))
    assert (status, text, headers["Retry-After"]) == (503, "", "5")
    assert (await twilio.post("/whatsapp", post(Body="Ayşe")))[0] == 200
    assert desk.keys == [SID]
    assert refused.since() == {("unavailable",): 1}


async def test_a_repeated_message_has_the_same_key(twilio: Twilio, desk: RecordingDesk) -> None:
    """MessageSid is the key of the inbox; the same comes to the same answer."""
    first = await twilio.post("/whatsapp", post(Body="Ayşe"))
    second = await twilio.post("/whatsapp", post(Body="Ayşe"))
    assert first[1] == second[1]
    assert desk.keys == [SID, SID]


@pytest.mark.parametrize(
    ("kind", "event", "is_answered"),
    [
        ("STOP", OptedOut("x"), False),
        ("HELP", Command("yardim"), False),
        ("START", Command("start"), True),
    ],
)
async def test_twilios_own_answer_is_enough(
    twilio: Twilio, desk: RecordingDesk, kind: str, event: Any, is_answered: bool
) -> None:
    """Where Advanced Opt-Out has answered, the desk hears of it and we say nothing more."""
    _, text, _ = await twilio.post("/whatsapp", post(Body="x", OptOutType=kind))
    assert desk.received == [came(event)]
    assert ("<Message>" in text) is is_answered


async def test_what_became_of_answers_is_counted(twilio: Twilio) -> None:
    """Status posts are 204, counted by state and error; what is not on the lists is "other"."""
    reported = Tally(REPORTED, "whatsapp")
    told = [{"MessageStatus": "read"}, {"MessageStatus": "failed", "ErrorCode": "63016"}]
    odd = [{"MessageStatus": PHONE, "ErrorCode": str(code)} for code in range(99990, 99999)]
    for fields in (*told, told[0], *odd):
        named = {"MessageSid": SID, "To": f"whatsapp:{PHONE}", **fields}
        assert (await twilio.post("/whatsapp/status", named))[:2] == (204, "")
    assert reported.since() == {("read", ""): 2, ("failed", "63016"): 1, ("other", "other"): 9}


async def test_it_runs_in_its_routes_alone(channel: WhatsApp) -> None:
    """``run`` has nothing to do, and there are no buttons to show."""
    await channel.run()
    assert channel.limits == Limits(text=1600, buttons=0, label=20)


async def test_nothing_personal_is_logged(twilio: Twilio, caplog: pytest.LogCaptureFixture) -> None:
    """No text and no number stands in any line of the log."""
    caplog.set_level(logging.DEBUG)
    await twilio.post("/whatsapp", post(Body="10000000146"))
    await twilio.post("/whatsapp", {"Body": "10000000146"})
    await twilio.send("/whatsapp", urlencode(post(Body="10000000146")), "x")
    for secret in ("10000000146", PHONE[1:], TOKEN):
        assert secret not in caplog.text


async def test_who_writes_too_fast_is_told_so_once(twilio: Twilio, desk: RecordingDesk) -> None:
    """After that Twilio gets an empty answer, and brings none of it again."""
    slow = Answer((Message("Biraz yavaşlayalım"),))
    desk.outages.extend(TooFast(slow, 5, told=told) for told in (False, True))
    first, second = [await twilio.post("/whatsapp", post(Body="x")) for _ in range(2)]
    assert (first[0], second[0]) == (200, 200)
    assert "yavaşlayalım" in first[1]
    assert second[1] == f"{HEAD}<Response />"


async def test_who_forges_again_and_again_is_not_even_read(desk: RecordingDesk) -> None:
    """What is signed is taken until then; where nobody can say from where, always."""
    meter = Meter(Allowance(3, 0.01), lambda: 1000.0)
    for proxied, statuses in ((False, [403, 403, 403, 429, 429]), (True, [403] * 5)):
        channel = WhatsApp(
            desk,
            auth_token=TOKEN,
            public_url=PUBLIC_URL,
            strangers=Places(Callers(proxied=proxied), meter),
        )
        async with (
            serve(Starlette(routes=list(channel.routes()))) as local,
            ClientSession() as session,
        ):
            twilio = Twilio(local, session)
            found = [(await twilio.send("/whatsapp", b"Body=x", "forged"))[0] for _ in range(5)]
        assert found == statuses
