"""Every public door, knocked at with what no decent caller sends: a short no, and no more."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from bot.channels.base import MAX_BODY
from tests import homes
from tests.bot.doors.knocking import (
    BEARER,
    DOORS,
    FORM,
    LONGEST,
    SECRET,
    SETTINGS,
    TELEGRAM,
    Door,
    Heard,
    Knocker,
)
from tests.faults.processes import Served, served

DEEP = 100_000
NONSENSE = {
    "nothing": b"",
    "no UTF-8": b"\xff\xfe\x80Body=\xc3\x28",
    "no JSON": b'{"update_id": 1, "message": ',
    "a number": b"7",
    "null": b"null",
    "an empty list": b"[]",
    "NUL": b'{"update_id":1,"message":{"text":"\x00"}}\x00',
    "an escaped NUL": b'{"card_number":"7301\\u0000000011112222","validator_id":"\\u0000"}',
    "a lone surrogate": b'{"card_number":"\\ud800","update_id":1,"message":{"text":"\\udfff"}}',
    "a huge number": b'{"update_id":' + b"9" * 5000 + b',"card_number":' + b"9" * 5000 + b"}",
    "a small number": b'{"update_id":1e-9999,"confirm":[1e400],"at":1e999}',
    "not a number": b'{"update_id":NaN,"confirm":[Infinity]}',
    "a key twice": b'{"card_number":"1","card_number":"2","update_id":1,"update_id":2}',
    "a field twice": b"From=whatsapp%3A%2B1&From=x&Body=a&Body=b&ad=a&ad=b",
    "deep lists": b"[" * DEEP,
    "deep objects": b'{"a":' * DEEP,
    "deep and whole": b'{"confirm":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "many fields": b"&".join(b"a%d=1" % number for number in range(3000)),
    "bad escapes": b"Body=%zz%&ad=%f0%28%8c%bc&parola=%00",
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03garbage",
    "lines": b"\n" * 10_000 + b"{}\n[]\n",
}
TOLD = "X-Telegram-Bot-Api-Secret-Token"
KINDS = (FORM, "application/json", "text/plain; charset=utf-7", "multipart/form-data", "", "ÿ")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Served]:
    """The product with every door, in an empty home; at the end it has said nothing of anybody."""
    async with served(tmp_path / "home", **SETTINGS) as server:
        yield server
        assert server.status is None
    log = server.stderr.read_text()
    assert "Traceback" not in log
    lines = [json.loads(line) for line in log.splitlines()]
    # Of the workflows' library only, which is told to stop as soon as it has begun.
    assert {line["logger"] for line in lines if line["level"] == "error"} <= {"dbos"}


def is_short_no(heard: Heard) -> bool:
    """A refusal of one line."""
    return 400 <= heard.status < 500 and len(heard.body) < 200 and b"\n" not in heard.body.strip()


def wrong(where: str, heard: Heard) -> list[str]:
    """What must not be, of any answer."""
    found = [] if 200 <= heard.status < 500 else [f"{where}: {heard.status}"]
    found += [f"{where}: {heard.took:.1f} s"] * (heard.took > LONGEST)
    page = "text/html" in heard.headers.get("content-type", "")
    found += [f"{where}: long"] * (not page and len(heard.body) > 4000)
    return found + [f"{where}: tells"] * (b"Traceback" in heard.body or b".py" in heard.body)


async def test_nonsense_is_refused_and_nothing_is_written(house: Served) -> None:
    """By whoever shows the right secret; the page alone takes it for an answer, of a stranger."""
    knocker, complaints = Knocker(house.port), []
    for door in DOORS:
        before = homes.rows(house.home)
        for name, body in NONSENSE.items():
            complaints += wrong(f"{door.path} {name}", await knocker.post(door, body))
        for kind in KINDS:
            odd = await knocker.post(door, b'{"a": 1}', **{"Content-Type": kind})
            complaints += wrong(f"{door.path} as {kind}", odd)
        # The page hears a stranger; a try to sign in goes on the audit.
        if door.path not in ("/", "/console/giris") and homes.rows(house.home) != before:
            complaints.append(f"{door.path} wrote something")
    assert complaints == []
    assert (await knocker.ask("GET", "/readyz")).body == b"ok"


async def test_who_shows_nothing_or_the_wrong_thing_is_refused(house: Served) -> None:
    """Forged, half right, in other letters, and from another's request; nothing is written."""
    knocker, before = Knocker(house.port), homes.rows(house.home)
    message = (
        b'{"update_id":1,"message":{"message_id":1,"text":"x","chat":{"id":1,"type":"private"}}}'
    )
    tries = [
        *(knocker.post(Door(door.path, door.kind), message) for door in DOORS[:3]),
        *(knocker.post(Door(door.path, door.kind), message) for door in DOORS[-2:]),
        *(
            knocker.post(Door("/telegram", shown={TOLD: given}), message)
            for given in ("", SECRET.upper(), SECRET[:-1], SECRET + " x", "ÿ" * 40, "x" * 8000)
        ),
        *(
            knocker.post(Door("/whatsapp", FORM, {"X-Twilio-Signature": given}), b"Body=x")
            for given in ("", "x", "ÿ", "A" * 28, "=" * 8000)
        ),
        *(
            knocker.post(Door("/api/boardings", shown={"Authorization": given}), b"{}")
            for given in ("", "Bearer", "Bearer ", "Basic a", "Bearer " + "x" * 8000, "bearer ÿ")
        ),
        # A signature is of one address, and of every field.
        knocker.ask("POST", "/whatsapp", DOORS[2].headers(b"Body=x"), b"Body=x"),
        knocker.ask("POST", "/whatsapp", DOORS[1].headers(b"Body=x"), b"Body=y"),
        knocker.ask("POST", "/whatsapp?x=1", DOORS[1].headers(b"Body=x"), b"Body=x"),
    ]
    heard = [await each for each in tries]
    assert [each.status for each in heard if each.status not in (401, 403)] == []
    assert all(is_short_no(each) or not each.body for each in heard)
    assert homes.rows(house.home) == before


async def test_a_replay_changes_nothing(house: Served) -> None:
    """The same update and the same message, with their own true signatures, once more."""
    knocker = Knocker(house.port)
    chat = {"id": 42, "type": "private"}
    said = {
        "message_id": 1,
        "date": 1,
        "text": "/start",
        "chat": chat,
        "from": {**chat, "is_bot": False},
    }
    update = json.dumps({"update_id": 5, "message": said}).encode()
    form = b"From=whatsapp%3A%2B905320000021&MessageSid=SM1&Body=merhaba"
    first = [await knocker.post(TELEGRAM, update), await knocker.post(DOORS[1], form)]
    before = homes.rows(house.home)
    again = [await knocker.post(TELEGRAM, update), await knocker.post(DOORS[1], form)]
    assert [each.status for each in first + again] == [200] * 4
    assert [each.body for each in first] == [each.body for each in again]
    assert homes.rows(house.home) == before
    assert sum(before.values()) > 0


async def test_what_is_too_large_is_refused_however_it_comes(house: Served) -> None:
    """Announced, unannounced, announced wrongly; and a bomb is not unpacked."""
    knocker, before = Knocker(house.port), homes.rows(house.home)
    small = [door for door in DOORS if door.path not in ("/", "/api/risk-changes")]
    for door in small:
        heard = await knocker.post(door, b"a" * (MAX_BODY + 1))
        chunked = await knocker.chunks(door, *[b"a" * 16_384] * 17)
        if door.path.endswith("/cikis"):
            continue
        assert {heard.status, chunked.status} <= {400, 403, 413}, door
    announced = {**BEARER, "Host": "h", "Content-Length": str(10**18)}
    for path in ("/api/risk-changes", "/api/boardings"):
        assert (await knocker.ask("POST", path, announced)).status == 413
    assert homes.rows(house.home) == before


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ten\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: h\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nX: a\x00b\r\n\r\n",
        b"GET / HTTP/1.1\r\nX\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET http://[ HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /" + b"a" * 200_000,
        b"GET / HTTP/1.1\r\n" + b"X: " + b"a" * 200_000,
        b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 40_000,
    ],
    ids=range(14),
)
async def test_what_is_no_http_is_hung_up_on(house: Served, head: bytes) -> None:
    """With one line, at once, and the next one is served."""
    heard = await Knocker(house.port).send(head)
    assert heard.took < LONGEST
    assert heard.status in (0, 400, 431) or b"GET / HTTP/9.9" in head
    assert len(heard.body) < 100
    assert (await Knocker(house.port).ask("GET", "/healthz")).body == b"ok"


async def test_many_knock_at_once_and_people_are_served(house: Served) -> None:
    """A hundred of each kind of nonsense, while somebody talks."""
    knocker = Knocker(house.port)
    async with aiohttp.ClientSession() as session:
        flood = [
            knocker.post(door, NONSENSE[name])
            for door in DOORS
            if door.path != "/console/giris"
            for name in ("deep lists", "no UTF-8", "many fields")
            for _ in range(8)
        ]
        flooding = asyncio.gather(*flood)
        async with session.get(f"{house.url}/") as page:
            assert page.status == 200
        assert {heard.status // 100 for heard in await flooding} <= {2, 3, 4}
