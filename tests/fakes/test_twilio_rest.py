"""Messages to people through the Twilio stand-in, with Twilio's own client and by bare HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession, ClientTimeout, encode_basic_auth
from twilio.base.exceptions import TwilioRestException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.rest import Client

from tests.fakes.clock import Clock
from tests.fakes.serving import serve
from tests.fakes.twilio import SENDER, Answer, Person, TwilioApi
from tests.fakes.twilio_listener import PUBLIC, STATUS, WEBHOOK, Listener, twiml


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
async def api(clock: Clock, listener: Listener) -> AsyncIterator[TwilioApi]:
    async with (
        serve(listener.app()) as local,
        TwilioApi(webhook=WEBHOOK, timeout=5, clock=clock) as api,
    ):
        api.reroute(PUBLIC, local)
        yield api


@pytest.fixture
def deniz(api: TwilioApi) -> Person:
    return api.person()


class Caller:
    """A customer that speaks bare HTTP."""

    def __init__(self, api: TwilioApi, session: ClientSession) -> None:
        self.url = f"{api.base_url}/2010-04-01/Accounts/{api.account_sid}/Messages.json"
        self.headers = {"Authorization": encode_basic_auth(api.account_sid, api.auth_token)}
        self.session = session

    async def create(self, **params: str) -> tuple[int, Any]:
        asked = {"To": "whatsapp:+905320000021", "From": SENDER, "Body": "Merhaba", **params}
        async with self.session.post(self.url, data=asked, headers=self.headers) as response:
            return response.status, await response.json()

    async def list(self, **query: str) -> Any:
        async with self.session.get(self.url, params=query, headers=self.headers) as response:
            return await response.json()


@pytest.fixture
async def call(api: TwilioApi) -> AsyncIterator[Caller]:
    async with ClientSession() as session:
        yield Caller(api, session)


@pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:The 'auth' parameter is deprecated:DeprecationWarning")
async def test_twilios_own_client_can_send_and_list(api: TwilioApi, deniz: Person) -> None:
    """``client.api.base_url`` points it here; a refusal is its TwilioRestException."""
    await deniz.say("merhaba")
    async with AsyncTwilioHttpClient() as http:
        client = Client(api.account_sid, api.auth_token, http_client=http)
        client.api.base_url = api.base_url
        sent = await client.messages.create_async(
            to=deniz.address, from_=SENDER, body="Hoş geldiniz"
        )
        assert (sent.status, sent.error_code) == ("queued", None)
        assert deniz.last.text == "Hoş geldiniz"
        await api.idle()
        assert (await client.messages(sent.sid).fetch_async()).status == "read"
        assert len(await client.messages.list_async(page_size=1)) == 2
        with pytest.raises(TwilioRestException) as refused:
            await client.messages.create_async(to="whatsapp:+1", from_=SENDER, body="a")
    assert (refused.value.status, refused.value.code) == (400, 21211)


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"To": ""}, 21604),
        ({"To": "whatsapp:+90"}, 21211),
        ({"From": "whatsapp:+1"}, 63007),
        ({"Body": ""}, 21602),
        ({"Body": "a" * 1601}, 21617),
    ],
)
async def test_a_wrong_create_is_refused(
    call: Caller, deniz: Person, params: dict[str, str], code: int
) -> None:
    """HTTP 400 with Twilio's error number."""
    status, body = await call.create(**params)
    assert (status, body["code"], body["status"]) == (400, code, 400)


async def test_only_the_account_is_let_in(call: Caller) -> None:
    """HTTP Basic with account and token; 401 with 20003."""
    call.headers = {"Authorization": encode_basic_auth("AC0", "x")}
    status, body = await call.create()
    assert (status, body["code"]) == (401, 20003)


async def test_the_window_closes_after_a_day_and_tells_later(
    api: TwilioApi, call: Caller, listener: Listener, deniz: Person, clock: Clock
) -> None:
    """Free text outside 24 hours is 201 and fails with 63016; a template goes through."""
    await deniz.say("merhaba")
    clock.now += timedelta(hours=24)
    status, body = await call.create(StatusCallback=STATUS)
    assert (status, body["status"], body["error_code"]) == (201, "queued", None)
    await api.idle()
    assert [form["MessageStatus"] for form in listener.statuses] == ["queued", "failed"]
    assert listener.statuses[-1]["ErrorCode"] == "63016"
    assert [line.sender for line in deniz.transcript] == ["person"]
    await call.create(ContentSid=api.content.keep("Kartınız kapandı."), ContentVariables="{}")
    assert deniz.last.sid > body["sid"]


async def test_an_opt_out_is_kept(
    api: TwilioApi, call: Caller, listener: Listener, deniz: Person
) -> None:
    """STOP closes the door for answers and creates (21610), START opens it."""
    listener.answers.append(twiml("Gitmeyin"))
    await deniz.say("Stop")
    await api.idle()
    assert (await call.create())[1]["code"] == 21610
    assert len(deniz.transcript) == 1
    await deniz.say("START")
    assert (await call.create())[0] == 201
    await api.idle()
    assert [form["OptOutType"] for form in listener.heard] == ["STOP", "START"]


async def test_an_unreachable_person_is_told_later(
    api: TwilioApi, call: Caller, listener: Listener, deniz: Person
) -> None:
    """63024 comes as the status undelivered."""
    deniz.reachable = False
    await call.create(StatusCallback=STATUS)
    await api.idle()
    assert [form["MessageStatus"] for form in listener.statuses] == ["queued", "undelivered"]


async def test_statuses_are_told_in_order_unless_asked_otherwise(
    api: TwilioApi, call: Caller, listener: Listener, deniz: Person
) -> None:
    """queued, sent, delivered, read; shuffled and repeated on request."""
    deniz.last_inbound = datetime(2020, 12, 1, 8, tzinfo=UTC)
    await call.create(StatusCallback=STATUS)
    await api.idle()
    order = ["queued", "sent", "delivered", "read"]
    assert [form["MessageStatus"] for form in listener.statuses] == order
    api.shuffle_statuses(seed=3)
    api.repeat_statuses()
    await call.create(StatusCallback=STATUS)
    await api.idle()
    told = [form["MessageStatus"] for form in listener.statuses[4:]]
    assert sorted(told) == sorted(order * 2)
    assert told != order * 2


async def test_creates_can_be_scripted(
    api: TwilioApi, call: Caller, listener: Listener, deniz: Person
) -> None:
    """429 with 20429, a 5xx, a failure told later; then the rules are back."""
    deniz.last_inbound = datetime(2020, 12, 1, 8, tzinfo=UTC)
    api.script([Answer(429, 20429), Answer(503), Answer(201, 63018), Answer()])
    answers = [await call.create(StatusCallback=STATUS) for _ in range(4)]
    assert [status for status, _ in answers] == [429, 503, 201, 201]
    assert answers[0][1]["code"] == 20429
    await api.idle()
    assert {form.get("ErrorCode") for form in listener.statuses} == {None, "63018"}


async def test_a_lost_create_is_executed_and_a_hanging_one_is_not(
    api: TwilioApi, call: Caller, deniz: Person
) -> None:
    """Either way the customer does not know; the list tells."""
    deniz.last_inbound = datetime(2020, 12, 1, 8, tzinfo=UTC)
    api.script(["lost", "hang"])
    with pytest.raises(ClientError):
        await call.create(Body="yitik")
    with pytest.raises(TimeoutError):
        await call.session.post(
            call.url,
            data={"Body": "a"},
            headers=call.headers,
            timeout=ClientTimeout(total=0.05),
        )
    assert [message["body"] for message in (await call.list())["messages"]] == ["yitik"]


async def test_the_list_is_newest_first_filtered_and_paged(
    api: TwilioApi, call: Caller, deniz: Person
) -> None:
    """Inbound and outbound messages, so that missing ones can be found."""
    for text in ("bir", "iki"):
        await deniz.say(text)
    await call.create(Body="üç")
    everything = (await call.list())["messages"]
    assert [message["body"] for message in everything] == ["üç", "iki", "bir"]
    page = await call.list(To=SENDER, PageSize="1")
    assert [message["body"] for message in page["messages"]] == ["iki"]
    assert "Page=1" in page["next_page_uri"]
    assert (await call.list(**{"DateSent>": "2020-12-02T00:00:00Z"}))["messages"] == []
    await api.idle()
