"""The stand-in for Twilio's Content API keeps the platform's rules, and the SDK can talk to it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientSession, encode_basic_auth

from tests.fakes.clock import Clock
from tests.fakes.twilio import TwilioApi
from tests.fakes.twilio_people import Person

BUTTONS = {
    "twilio/quick-reply": {
        "body": "{{1}}\n{{2}}",
        "actions": [
            {"type": "QUICK_REPLY", "id": "{{3}}:terms:yes", "title": "Evet"},
            {"type": "QUICK_REPLY", "id": "{{3}}:terms:no", "title": "Hayır"},
        ],
    },
    "twilio/text": None,
}
LIST = {
    "twilio/list-picker": {
        "body": "{{1}}",
        "button": "Seçiniz",
        "items": [{"id": f"{{{{2}}}}:menu:{n}", "item": f"Kart {n}"} for n in range(4)],
    }
}


class Caller:
    """Somebody with the account's key."""

    def __init__(self, api: TwilioApi, session: ClientSession) -> None:
        self._api, self._session = api, session

    async def __call__(self, method: str, path: str, told: Any = None) -> tuple[int, Any]:
        url = f"{self._api.base_url}/v1/Content{path}"
        async with self._session.request(method, url, json=told) as response:
            return response.status, await response.json()

    async def make(self, types: Any, **more: Any) -> tuple[int, Any]:
        samples = {"1": "bir", "2": "iki", "3": "üç"}
        told = {"friendly_name": "a", "language": "tr", "variables": samples, "types": types}
        return await self("POST", "", told | more)

    async def send(self, person: Person, sid: str, **variables: str) -> tuple[int, Any]:
        """Create a message of a content; variables by letter: a is {{1}}."""
        numbered = {str(ord(name) - ord("a") + 1): value for name, value in variables.items()}
        form = {
            "From": self._api.sender,
            "To": person.address,
            "ContentSid": sid,
            "ContentVariables": json.dumps(numbered),
        }
        url = f"{self._api.base_url}/2010-04-01/Accounts/{self._api.account_sid}/Messages.json"
        async with self._session.post(url, data=form) as response:
            return response.status, await response.json()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def api(clock: Clock) -> AsyncIterator[TwilioApi]:
    async with TwilioApi(clock=clock) as api:
        yield api


@pytest.fixture
async def call(api: TwilioApi) -> AsyncIterator[Caller]:
    key = {"Authorization": encode_basic_auth(api.account_sid, api.auth_token)}
    async with ClientSession(headers=key) as session:
        yield Caller(api, session)


async def test_a_text_is_made_and_listed(api: TwilioApi, call: Caller) -> None:
    """201 with a SID; the list shows it page by page."""
    api.content.page = 2
    made = [(await call.make(BUTTONS, friendly_name=name))[1]["sid"] for name in "abc"]
    first, second = [(await call("GET", f"?Page={page}&PageSize=500"))[1] for page in (0, 1)]
    assert [each["sid"] for each in first["contents"] + second["contents"]] == made
    assert "Page=1" in first["meta"]["next_page_url"]
    assert second["meta"]["next_page_url"] is None


async def test_the_key_is_looked_at(api: TwilioApi) -> None:
    async with ClientSession() as session, session.get(f"{api.base_url}/v1/Content") as response:
        assert response.status == 401


@pytest.mark.parametrize(
    "types",
    [
        {},
        {"twilio/pigeon": {"body": "a"}},
        {"twilio/text": {"body": ""}},
        {"twilio/text": {"body": "{{4}}"}},
        {"twilio/quick-reply": {"body": "a" * 1025, "actions": [{"id": "1", "title": "a"}]}},
        {"twilio/quick-reply": {"body": "a", "actions": [{"id": "1", "title": "a" * 21}]}},
        {"twilio/quick-reply": {"body": "a", "actions": []}},
        {"twilio/list-picker": {"body": "a", "items": [{"id": "1", "item": "a"}]}},
        {
            "twilio/list-picker": {
                "body": "a",
                "button": "b",
                "items": [{"id": "1"} | {"item": "a" * 25}],
            }
        },
    ],
)
async def test_what_cannot_be_shown_is_refused(api: TwilioApi, call: Caller, types: Any) -> None:
    """Types, lengths and variables without a sample: 400."""
    assert (await call.make(types))[0] == 400
    assert api.content.kept == {}


async def test_approval_is_asked_once(api: TwilioApi, call: Caller) -> None:
    """A name belongs to one template for ever; WhatsApp decides later, and may say why."""
    sids = [(await call.make({"twilio/text": {"body": "Kart"}}))[1]["sid"] for _ in range(2)]
    asked = {"name": "hesbot_a", "category": "UTILITY"}
    path = f"/{sids[0]}/ApprovalRequests"
    assert (await call("GET", path))[1]["whatsapp"]["status"] == "unsubmitted"
    assert (await call("POST", f"{path}/whatsapp", asked))[1]["status"] == "received"
    assert (await call("POST", f"/{sids[1]}/ApprovalRequests/whatsapp", asked))[0] == 400
    api.content.review("rejected", "INVALID_FORMAT")
    told = (await call("GET", path))[1]["whatsapp"]
    assert (told["status"], told["rejection_reason"]) == ("rejected", "INVALID_FORMAT")


@pytest.mark.parametrize("name", ["Hesbot", "kart ş", ""])
async def test_a_template_has_a_plain_name(call: Caller, name: str) -> None:
    sid = (await call.make({"twilio/text": {"body": "Kart"}}))[1]["sid"]
    asked = {"name": name, "category": "UTILITY"}
    assert (await call("POST", f"/{sid}/ApprovalRequests/whatsapp", asked))[0] == 400


async def test_buttons_come_out_and_come_back(api: TwilioApi, call: Caller) -> None:
    """Variables are filled in text and ids; who picks sends the id back."""
    deniz = api.person()
    await deniz.say("merhaba")
    sids = [(await call.make(types))[1]["sid"] for types in (BUTTONS, LIST)]
    await call.send(deniz, sids[0], a="Onaylıyor", b="musunuz?", c="7")
    assert (deniz.last.text, deniz.last.labels) == ("Onaylıyor\nmusunuz?", ["Evet", "Hayır"])
    await deniz.pick("Hayır")
    await call.send(deniz, sids[1], a="Hangisi?", b="8")
    await deniz.pick("Kart 2")
    pressed, chosen = [
        message.params for message in deniz.messages if message.body in ("Hayır", "Kart 2")
    ]
    assert (pressed["ButtonPayload"], chosen["ListId"]) == ("7:terms:no", "8:menu:2")


@pytest.mark.parametrize("value", ["", " ", "iki\nsatır", "bir\tiki", "bir     iki"])
async def test_a_variable_is_one_line(api: TwilioApi, call: Caller, value: str) -> None:
    """21656 for what WhatsApp would not take; nothing is sent."""
    deniz = api.person()
    await deniz.say("merhaba")
    sid = (await call.make(BUTTONS))[1]["sid"]
    status, told = await call.send(deniz, sid, a=value)
    assert (status, told["code"], len(deniz.transcript)) == (400, 21656, 1)


async def test_an_unknown_text_is_refused(api: TwilioApi, call: Caller) -> None:
    deniz = api.person()
    assert (await call.send(deniz, "HX" + "9" * 32))[1]["code"] == 21655


async def test_outside_the_window_only_what_is_approved_arrives(
    api: TwilioApi, call: Caller, clock: Clock
) -> None:
    """63016 for a text that was not approved, and for a list always."""
    deniz = api.person()
    await deniz.say("merhaba")
    clock.now += timedelta(hours=25)
    approved = api.content.keep("Kartınız kapandı.")
    for sid in (
        api.content.keep("Kartınız", status="pending"),
        (await call.make(LIST))[1]["sid"],
        approved,
    ):
        await call.send(deniz, sid)
    fates = [message.error_code for message in api.messages.values()][1:]
    assert fates == [63016, 63016, None]


async def test_more_than_three_buttons_need_approval(api: TwilioApi, call: Caller) -> None:
    """Within the window WhatsApp itself refuses them: 63013, after the 201."""
    deniz = api.person()
    await deniz.say("merhaba")
    many = [{"type": "QUICK_REPLY", "id": str(n), "title": str(n)} for n in range(4)]
    made = await call.make({"twilio/quick-reply": {"body": "a", "actions": many}})
    assert (await call.send(deniz, made[1]["sid"]))[0] == 201
    assert [message.error_code for message in api.messages.values()][1:] == [63013]
