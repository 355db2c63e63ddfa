"""How fast one may write, and what is said to who writes faster."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from starlette.requests import HTTPConnection

from bot.callers import Callers, Places
from bot.channels.base import Answer, Inbound, Message, TooFast
from bot.pacing import REST, SAID_EVERY, Allowance, Gate, Meter
from bot.settings import Settings, networks_of
from conversations.events import Address, Delivered, Said
from tests import homes
from tests.bot.channels.recording import RecordingDesk
from tests.bot.channels.visiting import JSON, alone, rows, town, visiting

AYSE, BORA = Address("telegram", "1"), Address("telegram", "2")


class Watch:
    """Seconds that pass when a test says so."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def words(channel: str, locale: str, seconds: int) -> Answer:
    return Answer((Message(f"{channel} {locale} {seconds}"),), locale=locale)


def said(address: Address = AYSE, text: str = "merhaba") -> Inbound:
    return Inbound(address, text, Said(text))


# --- counting -------------------------------------------------------------------------------


def test_a_burst_may_come_and_then_so_many_a_second() -> None:
    """Each key for itself, and who rests long enough has the whole burst again."""
    watch = Watch()
    meter = Meter(Allowance(3, 2.0), watch)
    assert [meter.take("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert meter.take("b") == 0
    assert (meter.wait("a"), meter.wait("c")) == (0.5, 0)
    watch.now += 0.5
    assert [meter.take("a") for _ in range(2)] == [0, 0.5]
    watch.now += 60
    assert [meter.take("a") for _ in range(4)] == [0, 0, 0, 0.5]


def test_what_is_refused_is_not_counted() -> None:
    """Who goes on hammering may write again as soon as who waits."""
    watch = Watch()
    meter = Meter(Allowance(1, 1.0), watch)
    assert [meter.take("a") > 0 for _ in range(1000)] == [False, *[True] * 999]
    watch.now += 1
    assert meter.take("a") == 0


def test_a_million_keys_take_no_more_room() -> None:
    """The oldest are forgotten, and never the one that is over its allowance just now."""
    meter = Meter(Allowance(1, 1.0), Watch(), remembered=100)
    for number in range(1000):
        meter.take(number)
        assert meter.take(number) > 0
    held = (meter._full_at, meter._older)
    assert sum(map(len, held)) <= 200


def test_the_usual_allowance_meets_no_person() -> None:
    """Ten messages a second without an end, and a whole registration at once."""
    watch, usual = Watch(), Settings()
    meter = Meter(Allowance(usual.address_burst, usual.address_rate), watch)
    assert sum(meter.take("at once") for _ in range(60)) == 0
    for _ in range(6000):
        assert meter.take("the load") == 0
        watch.now += 0.1


# --- the gate -------------------------------------------------------------------------------


async def through(gate: Gate, inbound: Inbound) -> Answer | TooFast:
    try:
        return await gate.receive(inbound)
    except TooFast as error:
        return error


async def test_what_is_over_it_never_reaches_the_desk() -> None:
    """The others are heard, and our own reports of delivery always are."""
    desk = RecordingDesk()
    gate = Gate(desk, Allowance(2, 1.0), Watch(), words)
    answers = [await through(gate, said()) for _ in range(5)]
    assert [isinstance(each, TooFast) for each in answers] == [False, False, True, True, True]
    assert isinstance(await through(gate, said(BORA)), Answer)
    assert isinstance(await through(gate, Inbound(AYSE, "sent1", Delivered(message="1"))), Answer)
    assert len(desk.received) == 4


async def test_the_kind_word_comes_once_a_minute() -> None:
    """Until then a messenger says nothing; the page says it every time."""
    watch = Watch()
    gate = Gate(RecordingDesk(), Allowance(1, 0.001), watch, words)
    await through(gate, said())
    told = []
    for _ in range(3):
        error = await through(gate, said())
        assert isinstance(error, TooFast)
        assert error.answer.messages
        told.append(bool(error.reply.messages))
    watch.now += SAID_EVERY
    error = await through(gate, said())
    assert isinstance(error, TooFast)
    assert (told, bool(error.reply.messages)) == ([True, False, False], True)


async def test_it_is_said_in_the_persons_language_and_for_how_long() -> None:
    """The one they were last answered in."""
    desk = RecordingDesk(lambda _: Answer(locale="en"))
    gate = Gate(desk, Allowance(1, 10.0), Watch(), words)
    await through(gate, said())
    error = await through(gate, said())
    assert isinstance(error, TooFast)
    assert error.answer.messages[0].text == f"telegram en {REST}"


# --- from where -----------------------------------------------------------------------------


def asked(peer: str | None, *told: str) -> HTTPConnection:
    headers = [(b"x-forwarded-for", each.encode()) for each in told]
    client = None if peer is None else (peer, 1)
    return HTTPConnection({"type": "http", "headers": headers, "client": client})


@pytest.mark.parametrize(
    ("trusted", "proxied", "peer", "told", "place"),
    [
        ("", False, "203.0.113.7", (), "203.0.113.7"),
        ("", False, "203.0.113.7", ("198.51.100.1",), "203.0.113.7"),
        ("", True, "10.0.0.1", ("198.51.100.1",), ""),
        ("10.0.0.0/8", True, "10.0.0.1", ("198.51.100.1",), "198.51.100.1"),
        ("10.0.0.0/8", True, "10.0.0.1", ("6.6.6.6, 198.51.100.1, 10.1.1.1",), "198.51.100.1"),
        ("10.0.0.0/8", True, "10.0.0.1", ("6.6.6.6", "198.51.100.1"), "198.51.100.1"),
        ("10.0.0.0/8", True, "10.0.0.1", (), ""),
        ("10.0.0.0/8", True, "10.0.0.1", ("nonsense",), ""),
        ("10.0.0.0/8", True, "10.0.0.1", ("10.0.0.2",), ""),
        ("10.0.0.0/8", True, "203.0.113.7", ("198.51.100.1",), "203.0.113.7"),
        ("", False, "2001:db8:1:2:3:4:5:6", (), "2001:db8:1:2::/64"),
        ("", False, "::ffff:203.0.113.7", (), "203.0.113.7"),
        ("", False, None, (), ""),
        ("", False, "testclient", (), ""),
    ],
)
def test_a_proxy_is_believed_only_if_it_is_named(
    trusted: str, proxied: bool, peer: str | None, told: tuple[str, ...], place: str
) -> None:
    """What a caller says of itself counts for nothing; where nobody can say, nothing is counted."""
    callers = Callers(networks_of(trusted), proxied=proxied)
    assert callers(asked(peer, *told)) == place


def test_whom_nobody_knows_is_never_put_off() -> None:
    """Behind a proxy that is not named everybody would have to wait for one."""
    places = Places(Callers(proxied=True), Meter(Allowance(1, 0.001), Watch()))
    assert [places.take(asked("10.0.0.1")) for _ in range(5)] == [0] * 5


# --- on the page ----------------------------------------------------------------------------


async def test_the_page_puts_off_who_writes_too_fast(tmp_path: Path) -> None:
    """With kind words, the text still there, and nothing changed in the records."""
    async with alone(tmp_path, address_burst=3, address_rate=0.01) as visitor:
        page = await visitor.accept()
        for _ in range(3):
            page = await visitor.post({"text": "Ayşe", "message": page.token})
        count = rows(tmp_path)
        page = await visitor.post({"text": "Gülsüm", "message": page.token})
        again = await visitor.post({"text": "Gülsüm", "message": page.token}, **JSON)
        assert (page.status, again.status, rows(tmp_path)) == (429, 429, count)
    assert page.lines[0].startswith("Biraz yavaşlayalım")
    assert page.typed == "Gülsüm"
    assert int(page.headers["Retry-After"]) >= REST


async def test_the_page_puts_off_a_place_that_never_stops(tmp_path: Path) -> None:
    """However many visitors it says it is; who only reads is asked to come back, and nothing is
    written."""
    async with town(tmp_path, ip_burst=4, ip_rate=0.1) as base:
        statuses = []
        for _ in range(6):
            async with visiting(base) as visitor:
                statuses.append((await visitor.post({"text": "merhaba"})).status)
        count = homes.rows(tmp_path)
        async with visiting(base) as visitor:
            page, mail = await visitor.get(), await visitor.post(b'{"confirm": []}', "/bildirimler")
            held = await visitor.post({"text": "Ayşe"})
        assert homes.rows(tmp_path) == count
    assert statuses == [200] * 4 + [429] * 2
    assert [each.status for each in (page, mail, held)] == [429] * 3
    assert "çok yoğun istek" in page.lines[0]
    assert page.headers["Refresh"] == page.headers["Retry-After"]
    assert held.typed == "Ayşe"


async def test_many_at_once_are_all_answered(tmp_path: Path) -> None:
    """A family behind one address never hears of any of this."""
    async with town(tmp_path) as base, visiting(base) as visitor:
        pages = await asyncio.gather(*(visitor.post({"text": "merhaba"}) for _ in range(40)))
    assert {page.status for page in pages} == {200}
