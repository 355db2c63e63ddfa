"""One message, or one delivery, can be followed through the logs by an id that says nothing."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import aiohttp
import pytest
from twilio.request_validator import RequestValidator

from bot import trail
from bot.channels.base import Unavailable
from bot.channels.whatsapp_errors import TRAIL
from bot.trail import Trail
from conversations.engine import Turn, step
from conversations.events import Address, Event, Said
from conversations.state import State
from storage import KeyRing, Vault
from tests.benchmarks.citizens import Citizen, hes_code
from tests.bot.notices.town import until
from tests.bot.office import office
from tests.bot.tracks import KEY, PUBLIC, Tracks, tracked
from tests.fakes.telegram import Answer, Person
from tests.fakes.twilio import AUTH_TOKEN
from tests.faults.planted import Search

DENIZ, ELIF = Citizen(4_711), Citizen(90_210)
MESSAGE = Trail(Address("telegram", "42"), "u7")
BY_RESPONSE = ["heard", "committed", "answered in the response"]


def search(*people: Citizen) -> Search:
    """Everything of theirs that must stand in no line."""
    return Search(
        {
            f"{each.number}'s {place}": line
            for each in people
            for place, line in enumerate((*each.lines()[4:10], str(each.chat), each.phone[1:]))
        }
    )


async def registered(at: Tracks, person: Person, lines: Sequence[str]) -> None:
    for line in lines:
        await person.say(line)
        await at.api.idle()
    assert any("Kaydedildi" in line.text for line in person.transcript)


def arrivals(at: Tracks) -> list[str]:
    """The ids of the messages, in the order in which they came."""
    return at.trails("heard")


# --- the id ---------------------------------------------------------------------------------


def test_the_same_message_has_the_same_id_in_every_process() -> None:
    """It is made of the keys and the message alone; with other keys it is another."""
    ring = KeyRing.new()
    ids = []
    for keys in (ring, KeyRing.parse(ring.text()), KeyRing.new()):
        with trail.followed(Vault(keys).index):
            ids.append(MESSAGE.id)
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize(
    "other",
    [
        Trail(Address("telegram", "42"), "u8"),
        Trail(Address("telegram", "4"), "2u7"),
        Trail(Address("whatsapp", "42"), "u7"),
        trail.delivery("u7"),
    ],
)
def test_another_message_has_another_id(other: Trail) -> None:
    """Also where the parts would read the same when joined."""
    with trail.followed(Vault(KeyRing.new()).index):
        assert other.id != MESSAGE.id


def test_an_id_looks_like_nobodys_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Letters alone: it is never taken for a number, by the redaction or by who searches."""
    monkeypatch.setattr(trail, "_hash", None)
    with trail.followed(Vault(KeyRing.new()).index):
        assert re.fullmatch("[a-p]{16}", MESSAGE.id)
    assert MESSAGE.id == ""


def test_an_id_comes_back_as_it_went_out() -> None:
    """What a messenger returns is an id of ours or nothing."""
    with trail.followed(Vault(KeyRing.new()).index):
        back = trail.read(MESSAGE.id)
        assert back is not None
        assert back.id == MESSAGE.id
    assert [trail.read(word) for word in ("", "a" * 15, "q" * 16, "Ayşe", "1" * 16)] == [None] * 5


async def test_a_block_is_about_its_own_message() -> None:
    """Whoever's task it is, and whatever it is about before and after."""
    trail.begin(MESSAGE)
    with trail.about(trail.delivery("k")):
        assert trail.here() == trail.delivery("k")
        inherited = await asyncio.create_task(asyncio.to_thread(trail.here))
    assert (inherited, trail.here()) == (trail.delivery("k"), MESSAGE)
    trail.begin(None)


# --- what goes wrong ------------------------------------------------------------------------


async def test_a_step_that_fails_carries_the_id_of_its_own_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One batch is stepped for many, in a task of nobody's."""

    def fail(state: State, event: Event, now: datetime) -> Turn:
        if event == Said("hata"):
            raise KeyError(state.step)
        return step(state, event, now)

    monkeypatch.setattr("bot.desk.step", fail)
    async with office(tmp_path) as at:
        with follow(caplog) as found:
            at.database.hold()
            first = asyncio.ensure_future(at.say("merhaba", "1", "a"))
            await at.database.inside.wait()
            others = [asyncio.ensure_future(at.say(f"{who}", f"{who}", "b")) for who in (2, 3)]
            failed = asyncio.ensure_future(at.say("hata", "4", "b"))
            await asyncio.sleep(0)
            at.database.gate.set()
            await asyncio.gather(first, failed, *others)
    assert [name for name, event in found if event == "step failed"] == [("4", "b")]


async def test_what_cannot_be_committed_carries_the_id(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Each message that is turned away while the records are down, and no other."""
    async with office(tmp_path) as at:
        await at.say("merhaba", "1", "a")
        at.database.yields = 2
        with follow(caplog) as found:
            both = (at.say("evet", "1", "b"), at.say("merhaba", "2", "c"))
            assert all(
                isinstance(each, Unavailable)
                for each in await asyncio.gather(*both, return_exceptions=True)
            )
    assert sorted(found) == [(("1", "b"), "not committed"), (("2", "c"), "not committed")]


@contextmanager
def follow(caplog: pytest.LogCaptureFixture) -> Iterator[list[tuple[object, str]]]:
    """Whose message each line of ours is about."""
    found: list[tuple[object, str]] = []

    def note(record: logging.LogRecord) -> bool:
        here = trail.here()
        about = (here.address.id, here.name) if here and here.address else None
        found.append((about, record.msg))
        return True

    caplog.handler.addFilter(note)
    try:
        yield found
    finally:
        caplog.handler.removeFilter(note)


# --- the way --------------------------------------------------------------------------------


async def test_every_hop_of_a_message_carries_its_id(tmp_path: Path) -> None:
    """A registration on Telegram: each message has an id of its own from the webhook to the answer,
    and what no one may read stands in no line."""
    async with tracked(tmp_path / "home") as at:
        person = at.api.person(DENIZ.chat, phone=DENIZ.phone)
        await registered(at, person, DENIZ.lines())
    heard = arrivals(at)
    assert len(set(heard)) == len(heard) == 12
    assert all(at.hops(each)[:2] == BY_RESPONSE[:2] for each in heard)
    assert all("answered in the response" in at.hops(each) for each in heard)
    called = {line["trail"] for line in at.lines if line["event"] == "answered by a call"}
    assert called <= set(heard)
    assert search(DENIZ).found({"log": at.server.stderr.read_bytes()}) == {}


async def test_a_message_that_comes_again_has_the_same_id(tmp_path: Path) -> None:
    """Twice at once, and later to a process that never heard it."""
    async with tracked(tmp_path / "home") as at:
        await asyncio.gather(post(at, 7), post(at, 7))
        await post(at, 8)
        await at.server.kill()
        await at.server.start()
        await post(at, 7)
    [first, again, other, later] = arrivals(at)
    repeated = [line["repeated"] for line in at.lines if line["event"] == "committed"]
    assert first == again == later != other
    assert sorted(repeated[:2]) == [False, True]
    assert repeated[2:] == [False, True]


async def test_a_call_that_fails_carries_the_id(tmp_path: Path) -> None:
    """Each try of it, at the level at which the product usually writes."""
    async with tracked(tmp_path / "home", LOG_LEVEL="info") as at:
        person = at.api.person(DENIZ.chat, phone=DENIZ.phone)
        for line in DENIZ.lines()[:-1]:
            await person.say(line)
            await at.api.idle()
        at.api.script("deleteMessages", [Answer(502), Answer(502)])
        await person.say(DENIZ.lines()[-1])
        await until(lambda: len(at.lines) == 2)
    lines = [line for line in at.lines if line["event"] == "call failed"]
    assert [(line["method"], line["why"], line["try"]) for line in lines] == [
        ("deleteMessages", "TelegramServerError", 1),
        ("deleteMessages", "TelegramServerError", 2),
    ]
    assert len({line["trail"] for line in lines}) == 1
    assert len(at.lines) == 2


async def test_what_becomes_of_an_answer_carries_the_id(tmp_path: Path) -> None:
    """WhatsApp: where an answer was sent by a call, its later report names the message that was
    answered; what a person never had is told at every level."""
    async with tracked(tmp_path / "home") as at:
        await at.twilio.person(ELIF.phone).say("merhaba")
        await at.twilio.idle()
        [first] = arrivals(at)
        assert at.hops(first) == BY_RESPONSE
        for status in ("delivered", "undelivered"):
            await told(at, f"/whatsapp/status?{TRAIL}={first}", status)
        reports = [line for line in at.lines if line.get("trail") == first][3:]
        assert [(line["event"], line["status"], line["level"]) for line in reports] == [
            ("reported", "delivered", "debug"),
            ("reported", "undelivered", "warning"),
        ]


async def told(at: Tracks, path: str, status: str) -> None:
    """Twilio says what became of a message, at the address that it was given."""
    fields = {"MessageSid": f"SM{1:032}", "MessageStatus": status}
    signature = RequestValidator(AUTH_TOKEN).compute_signature(PUBLIC + path, fields)
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            at.server.url + path, data=fields, headers={"X-Twilio-Signature": signature}
        ) as answer,
    ):
        assert answer.status == 204


async def test_a_notice_is_followed_from_the_ledger_to_the_report(tmp_path: Path) -> None:
    """By an id of its own, and its number in the ledger."""
    async with tracked(tmp_path / "home") as at:
        person = at.twilio.person(ELIF.phone)
        for line in ELIF.lines():
            await person.say(line)
            await at.twilio.idle()
        before = len(person.transcript)
        await suspended(at, hes_code(ELIF.number))
        await at.twilio.until(lambda: len(person.transcript) > before)
        await at.twilio.idle()
    taken = next(line for line in at.lines if line["event"] == "taken")
    own = [line for line in at.lines if line.get("trail") == taken["trail"]]
    assert [line["event"] for line in own][:1] == ["taken"]
    assert {line["event"] for line in own} == {"taken", "pushed", "reported", "report read"}
    assert {line.get("delivery", taken["delivery"]) for line in own} == {taken["delivery"]}
    assert taken["trail"] not in arrivals(at)
    assert search(ELIF).found({"log": at.server.stderr.read_bytes()}) == {}


async def post(at: Tracks, number: int) -> None:
    """Bring an update to the webhook."""
    await at.api.until(lambda: bool(at.api.calls("setWebhook")))
    secret = at.api.calls("setWebhook")[0].params["secret_token"]
    head = {"message_id": number, "date": 1610100000, "chat": {"id": 42, "type": "private"}}
    sender = {"id": 42, "is_bot": False, "first_name": "Deniz"}
    update = {"update_id": number, "message": {**head, "from": sender, "text": "merhaba"}}
    headers = {"X-Telegram-Bot-Api-Secret-Token": str(secret)}
    url = f"{at.server.url}/telegram"
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, json=update, headers=headers) as response,
    ):
        assert response.status == 200


async def suspended(at: Tracks, code: str) -> None:
    """The Ministry says that somebody's code is risky."""
    record = {
        "id": "r-1",
        "hes_code": code,
        "status": "RISKY",
        "changed_at": "2021-01-08T11:00:00+03:00",
    }
    headers = {"Authorization": f"Bearer {KEY}"}
    url = f"{at.server.url}/api/risk-changes"
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, json=record, headers=headers) as response,
    ):
        assert (response.status, (await response.json())["cards"]) == (200, 1)
