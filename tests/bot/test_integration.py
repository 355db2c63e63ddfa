"""The integration API over real HTTP: what it takes, what it says, and who may use it."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.services import integration
from bot.services.integration import LARGEST_ATTEMPT, LARGEST_FEED
from bot.services.packed_lines import FREE, PIECE
from bot.services.turnstile import REASONS
from storage import KeyRing, Registry, Vault
from tests import homes
from tests.bot.calling import (
    AT,
    GATE_KEY,
    KEY,
    KEYS,
    Caller,
    calling,
    counted,
    lines,
    record,
    say,
    suspended,
)
from tests.storage.people import AYSE, AYSE_ANSWERS, CARD, DEADLINE, OTHER_CODE, Office


@pytest.fixture
async def office(empty_home: Path, tmp_path: Path) -> AsyncIterator[Office]:
    """An empty register on SQLite."""
    homes.copied(empty_home, tmp_path)
    database = await homes.opened_in(tmp_path)
    vault = Vault(KeyRing.load(tmp_path / "keys.json"))
    yield Office(database, Registry(vault, deadline=DEADLINE))
    await database.close()


@pytest.fixture
async def caller(office: Office) -> AsyncIterator[Caller]:
    async with calling(office) as found:
        yield found


# --- who may --------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/risk-changes", "/api/boardings"])
@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({"Authorization": f"Bearer {KEY}"}, "ministry"),
        ({"authorization": f"bearer  {KEY}"}, "ministry"),
        ({"X-Api-Key": GATE_KEY}, "gates"),
    ],
)
async def test_a_key_lets_in_and_is_counted_by_its_name(
    caller: Caller, path: str, headers: dict[str, str], name: str
) -> None:
    """Each counts under the name it has in the settings."""
    caller.headers = {}
    labels = {"name": name, "route": path.removeprefix("/api/"), "status": "400"}
    before = counted("integration_requests", **labels)
    await caller.post(path, b"", **headers)
    assert caller.status == 400
    assert counted("integration_requests", **labels) == before + 1


@pytest.mark.parametrize("path", ["/api/risk-changes", "/api/boardings"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": f"Bearer {KEY}x"},
        {"Authorization": f"Bearer {KEYS['ministry']}"},
        {"X-Api-Key": KEY.upper()},
        {"X-Api-Key": "ş" * 1000},
    ],
)
async def test_without_a_key_nothing_is_done(
    office: Office, caller: Caller, path: str, headers: dict[str, str]
) -> None:
    """The digest itself is no key either."""
    caller.headers = {}
    before = await office.count()
    answer = await caller.post(path, record(), **headers)
    assert caller.status == 401
    assert "key" in answer["error"]
    assert caller.answered is not None
    assert caller.answered["WWW-Authenticate"] == "Bearer"
    assert await office.count() == before


@pytest.mark.parametrize("path", ["/api/risk-changes", "/api/boardings"])
async def test_without_keys_in_the_settings_it_is_closed(office: Office, path: str) -> None:
    async with calling(office, {}) as caller:
        answer = await caller.post(path, record())
    assert (caller.status, "INTEGRATION_KEYS" in answer["error"]) == (403, True)


async def test_answers_are_not_kept_or_guessed_at(caller: Caller) -> None:
    for answer in (caller.board(), caller.board("1"), caller.feed(b"x"), caller.feed(record())):
        await answer
        assert caller.answered is not None
        assert caller.answered["Cache-Control"] == "no-store"
        assert caller.answered["X-Content-Type-Options"] == "nosniff"
        assert caller.answered["Content-Type"] == "application/json"


# --- the Ministry's feed --------------------------------------------------------------------


async def test_good_lines_are_taken_and_bad_ones_named(office: Office, caller: Caller) -> None:
    """By number and by what is wrong, never by what stands there."""
    await office.paired(AYSE, AYSE_ANSWERS)
    answer = await caller.feed(
        b"", record(status="WELL"), record(), b"{", record("r-2", "A1B2-secret"), b"\n"
    )
    assert answer["bad"] == [
        {"line": 2, "why": "status"},
        {"line": 4, "why": "json"},
        {"line": 5, "why": "hes_code"},
    ]
    assert (caller.status, answer["bad_count"], answer["cards"]) == (200, 3, 1)


async def test_no_more_than_a_hundred_bad_lines_are_named(caller: Caller) -> None:
    """All are counted."""
    answer = await caller.feed(record(), *(b"x" for _ in range(150)))
    assert (len(answer["bad"]), answer["bad_count"]) == (100, 150)


@pytest.mark.parametrize(
    "body", [b"", b"\n\n", b"x", b"[]", gzip.compress(b"x", mtime=0), b"\x1f\x8b\x08"]
)
async def test_a_feed_without_a_record_is_refused(
    office: Office, caller: Caller, body: bytes
) -> None:
    before = await office.count()
    answer = await caller.feed(body)
    assert (caller.status, "record" in answer["error"]) == (400, True)
    assert await office.count() == before


@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "gzip"}], ids=["silent", "said"])
async def test_a_feed_may_be_packed(caller: Caller, headers: dict[str, str]) -> None:
    """Whether or not the header says so."""
    answer = await caller.feed(gzip.compress(lines(record(), record("r-2"))), **headers)
    assert (answer["taken"], answer["older"]) == (1, 1)


async def test_a_feed_comes_in_pieces_of_any_size(caller: Caller) -> None:
    """Without its length being known."""

    async def pieces() -> AsyncIterator[bytes]:
        for byte in lines(record(), record("r-2", OTHER_CODE)):
            yield bytes([byte])

    assert (await caller.post("/api/risk-changes", pieces()))["taken"] == 2


@pytest.mark.parametrize("known", [True, False], ids=["announced", "in pieces"])
async def test_a_feed_that_is_too_large_is_refused(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    """As soon as that is known."""
    body = lines(*(record(f"r-{n}") for n in range(100)))
    monkeypatch.setattr(integration, "LARGEST_FEED", len(body) - 1)

    async def pieces() -> AsyncIterator[bytes]:
        yield body

    answer = await caller.post("/api/risk-changes", body if known else pieces())
    assert (caller.status, answer) == (413, {"error": "too large"})


@pytest.mark.parametrize("path", ["/api/risk-changes", "/api/boardings"])
async def test_a_length_that_is_too_large_is_refused_unread(caller: Caller, path: str) -> None:
    """Before a byte of the body has come."""
    host = caller.url.removeprefix("http://")
    reader, writer = await asyncio.open_connection(*host.split(":"))
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nX-Api-Key: {KEY}\r\n"
    writer.write(f"{head}Content-Length: {LARGEST_FEED + 1}\r\n\r\n".encode())
    async with asyncio.timeout(10):
        assert b" 413 " in await reader.readline()
    writer.close()
    await writer.wait_closed()


async def test_a_bomb_is_refused(
    office: Office, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what it unpacks to; what it said before that stays."""
    monkeypatch.setattr(integration, "LARGEST_UNPACKED", 200_000)
    bomb = gzip.compress(lines(record(), bytes(10_000_000)))
    assert await caller.feed(bomb) == {"error": "too large"}
    assert caller.status == 413


async def test_others_have_their_turn_while_blank_lines_come(caller: Caller) -> None:
    """However many there are in a few bytes."""
    bomb = gzip.compress(b"\n" * FREE)
    feed = asyncio.create_task(caller.feed(bomb))
    turns = 0
    while not feed.done():
        await asyncio.sleep(0)
        turns += 1
    assert (caller.status, "record" in (await feed)["error"]) == (400, True)
    assert turns >= FREE // PIECE


async def test_what_unpacks_to_far_more_than_a_feed_is_refused(caller: Caller) -> None:
    answer = await caller.feed(gzip.compress(b"\n" * (FREE + 1)))
    assert (caller.status, answer) == (413, {"error": "too large"})


async def test_what_happens_to_records_is_counted(caller: Caller) -> None:
    before = {name: counted("risk_records", outcome=name) for name in ("taken", "bad", "unknown")}
    await caller.feed(record(), record("r-2", OTHER_CODE), b"x")
    after = {name: counted("risk_records", outcome=name) - each for name, each in before.items()}
    assert after == {"taken": 2, "bad": 1, "unknown": 2}


# --- validators -----------------------------------------------------------------------------


async def test_a_paired_card_may_pass(office: Office, caller: Caller) -> None:
    await office.paired(AYSE, AYSE_ANSWERS)
    assert await caller.board() == {
        "allowed": True,
        "reason": "active",
        "sentence": say("active", "tr"),
    }
    assert (await office.count())["boardings"] == 0


@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        ("", "tr"),
        ("tr", "tr"),
        ("en", "en"),
        ("en-GB,tr;q=0.5", "en"),
        ("de, en", "en"),
        ("x", "tr"),
    ],
)
async def test_the_sentence_is_turkish_unless_english_is_asked_for(
    caller: Caller, wanted: str, language: str
) -> None:
    caller.headers = {**caller.headers, "Accept-Language": wanted}
    assert (await caller.board())["sentence"] == say("unpaired", language)


@pytest.mark.parametrize("language", ["tr", "en"])
def test_sentences_fit_a_screen_and_hint_at_nothing(language: str) -> None:
    """Others in the queue read them too."""
    sentences = [say(reason, language) for reason in REASONS]
    assert [sentence for sentence in sentences if len(sentence) > 60] == []
    told = say("suspended", language).casefold()
    assert not any(word in told for word in ("hes", "sağlık", "risk", "covid", "health", "ill"))


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"", "body"),
        (b"[]", "body"),
        (b'{"card_number": NaN}', "body"),
        (b"[" * 4000, "body"),
        ({"card_number": "123"}, "card_number"),
        ({"card_number": 7301000011112222}, "card_number"),
        ({"card_number": "٧٣٠١٠٠٠٠١١١١٢٢٢٢"}, "card_number"),
        ({"validator_id": ""}, "validator_id"),
        ({"validator_id": None}, "validator_id"),
        ({"validator_id": True}, "validator_id"),
        ({"validator_id": "=1+1"}, "validator_id"),
        ({"validator_id": "V\u0000"}, "validator_id"),
        ({"validator_id": "x" * 65}, "validator_id"),
        ({"at": "2021-01-10"}, "at"),
        ({"at": 1610270000}, "at"),
        ({"at": None}, "at"),
        ({"at": "0001-01-01T00:00:00+03:00"}, "at"),
        ({"at": "2021-01-12T09:30:00Z"}, "at"),
        ({"at": "2019-12-31T23:59:59+03:00"}, "at"),
        (b'{"card_number": "7301000011112222", "at": "x", "at": "y"}', "body"),
        (b'{"card_number": "1", "card\\u005fnumber": "2"}', "body"),
    ],
)
async def test_what_is_wrong_is_said_in_a_line(
    office: Office, caller: Caller, body: Any, named: str
) -> None:
    """And nothing is kept."""
    await suspended(office, caller)
    asked = {"card_number": CARD, "validator_id": "V-1", "at": AT}
    answer = await caller.post("/api/boardings", {**asked, **body} if named != "body" else body)
    assert (caller.status, answer["error"].partition(":")[0]) == (400, named)
    assert "\n" not in answer["error"]
    assert (await office.count())["boardings"] == 0


@pytest.mark.parametrize("known", [True, False], ids=["announced", "in pieces"])
async def test_a_body_that_is_too_large_is_refused(caller: Caller, known: bool) -> None:
    body = json.dumps({"card_number": CARD, "validator_id": "V-1", "at": AT}).encode()

    async def pieces(size: int) -> AsyncIterator[bytes]:
        yield body.ljust(size)

    for size, status in ((LARGEST_ATTEMPT, 200), (LARGEST_ATTEMPT + 1, 413)):
        await caller.post("/api/boardings", body.ljust(size) if known else pieces(size))
        assert caller.status == status


@pytest.mark.parametrize(
    ("path", "limit"),
    [("/api/risk-changes", "SILENT_WITHIN"), ("/api/boardings", "ATTEMPT_WITHIN")],
)
async def test_a_body_that_does_not_come_is_not_waited_for(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, path: str, limit: str
) -> None:
    """And the connection is closed."""
    monkeypatch.setattr(integration, limit, 0.05)
    host = caller.url.removeprefix("http://")
    reader, writer = await asyncio.open_connection(*host.split(":"))
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nX-Api-Key: {KEY}\r\n"
    writer.write(f"{head}Content-Length: 100\r\n\r\n{{".encode())
    async with asyncio.timeout(10):
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"too slowly" in answer
    writer.close()
    await writer.wait_closed()


async def test_a_feed_may_come_slowly(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as something comes."""
    monkeypatch.setattr(integration, "SILENT_WITHIN", 1)
    monkeypatch.setattr(integration, "ATTEMPT_WITHIN", 0.01)

    async def pieces() -> AsyncIterator[bytes]:
        for line in (record(), record("r-2", OTHER_CODE)):
            yield lines(line, b"")
            await asyncio.sleep(0.05)

    assert (await caller.post("/api/risk-changes", pieces()))["taken"] == 2


async def test_who_goes_away_takes_no_others_answer(office: Office, caller: Caller) -> None:
    """Though theirs was the question that began the look-up."""
    await office.paired(AYSE, AYSE_ANSWERS)
    impatient = asyncio.create_task(caller.board())
    others = [asyncio.create_task(caller.board()) for _ in range(10)]
    await asyncio.sleep(0)
    impatient.cancel()
    assert {answer["reason"] for answer in await asyncio.gather(*others)} == {"active"}


async def test_answers_are_counted_by_reason(caller: Caller) -> None:
    before = counted("boardings", reason="unpaired")
    await caller.board()
    assert counted("boardings", reason="unpaired") == before + 1
