"""The client of the HES query service against a service of our own, over HTTP."""

from __future__ import annotations

import gzip
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from bot.services.hes import LARGEST_ANSWER, TIME_LIMIT, HesService, judged, moment
from conversations.actions import AskHesService, CodeChecked, Holder, Verdict
from tests.fakes.hes import UNLIMITED
from tests.fakes.hes import HesService as Ministry
from tests.fakes.serving import serve

NOW = datetime(2021, 1, 10, 9, 30, tzinfo=UTC)
UNTIL = datetime(2021, 6, 1, tzinfo=UTC)
DENIZ = Holder("10000000146", "Deniz", "Yılmaz")
LINKS = (11, 12)


def now() -> datetime:
    return NOW


def asking(code: str, holder: Holder = DENIZ) -> AskHesService:
    return AskHesService(code, holder, LINKS)


@pytest.fixture
async def ministry() -> AsyncIterator[Ministry]:
    """The service on a good day."""
    async with Ministry(clock=now) as service:
        yield service


@asynccontextmanager
async def client(
    url: str, password: str = "parola", time_limit: float = TIME_LIMIT
) -> AsyncIterator[HesService]:
    async with HesService(url, "ibb", password, now, time_limit) as service:
        yield service


# --- verdicts -------------------------------------------------------------------------------


async def test_each_verdict(ministry: Ministry) -> None:
    """Living, gone by, never given, somebody else's; risk says nothing against the code."""
    good = ministry.give("10000000146", "Deniz", "Yılmaz", UNTIL)
    forever = ministry.give("10000000146", "Deniz", "Yılmaz")
    risky = ministry.give("10000000146", "Deniz", "Yılmaz", UNTIL)
    ministry.mark(risky, "RISKY")
    old = ministry.give("10000000146", "Deniz", "Yılmaz")
    ministry.expire(old)
    foreign = ministry.give("17291716060", "Bora", "Kaya", UNTIL)
    async with client(ministry.base_url) as service:
        found = [
            await service.check(asking(code))
            for code in (good, forever, risky, old, "Z9Z9999999", foreign)
        ]
    assert found == [
        CodeChecked(LINKS, Verdict.VALID, UNTIL, risky=False),
        CodeChecked(LINKS, Verdict.VALID, UNLIMITED, risky=False),
        CodeChecked(LINKS, Verdict.VALID, UNTIL, risky=True),
        CodeChecked(LINKS, Verdict.EXPIRED),
        CodeChecked(LINKS, Verdict.NOT_FOUND),
        CodeChecked(LINKS, Verdict.MISMATCH, UNTIL),
    ]


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("Işıl", "Iğdır"),
        ("İsmail", "İnönü"),
        ("ışıl", "ÇELİK"),
        ("Şükrü Can", "Öz"),
        ("Ğ", "Ü"),
    ],
)
async def test_turkish_names_are_their_own_masks(ministry: Ministry, first: str, last: str) -> None:
    """Dotted and dotless i, and the space that the service pads every second name with."""
    async with client(ministry.base_url) as service:
        for _ in range(2):
            code = ministry.give("10000000146", first, last, UNTIL)
            checked = await service.check(asking(code, Holder("10000000146", first, last)))
            assert checked.verdict is Verdict.VALID


@pytest.mark.parametrize(
    "other",
    [
        Holder("17291716060", "Deniz", "Yılmaz"),
        Holder("10000000146", "Bora", "Yılmaz"),
        Holder("10000000146", "Deniz", "Kaya"),
        Holder("10000000146", "Deniz", None),
    ],
)
async def test_any_part_that_differs_is_a_mismatch(ministry: Ministry, other: Holder) -> None:
    code = ministry.give("10000000146", "Deniz", "Yılmaz", UNTIL)
    async with client(ministry.base_url) as service:
        assert (await service.check(asking(code, other))).verdict is Verdict.MISMATCH


# --- how an answer is read ------------------------------------------------------------------


def answer(**changes: Any) -> dict[str, Any]:
    """A good answer about Deniz, with changes."""
    return {
        "expiration_date": "2021-06-01T00:00:00Z",
        "current_health_status": "RISKLESS",
        "masked_identity_number": "********146",
        "masked_firstname": "DE***",
        "masked_lastname": "YI****",
    } | changes


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, Verdict.VALID),
        ({"masked_firstname": "DE***  "}, Verdict.VALID),
        ({"masked_firstname": "DE*** CA*"}, Verdict.VALID),
        ({"masked_firstname": "BO**"}, Verdict.MISMATCH),
        ({"masked_identity_number": "100*****146"}, Verdict.VALID),
        ({"masked_identity_number": "172*****146"}, Verdict.MISMATCH),
        ({"masked_identity_number": "10000000146"}, Verdict.VALID),
        ({"expiration_date": None}, Verdict.VALID),
        ({"expiration_date": "2021-01-10T09:30:00Z"}, Verdict.EXPIRED),
        ({"expiration_date": "2021-01-10T12:30:01+03:00"}, Verdict.VALID),
    ],
)
def test_an_answer_is_judged(changes: dict[str, Any], verdict: Verdict) -> None:
    """A code that is over is over even where the service answers 200."""
    assert judged(200, answer(**changes), asking("A1B2345678"), NOW).verdict is verdict


@pytest.mark.parametrize("empty", ["", None, "  ", "****"])
def test_people_without_a_surname_are_themselves(empty: str | None) -> None:
    """However the service writes that there is none."""
    alone = Holder("10000000146", "Deniz", None)
    body = answer(masked_lastname=empty)
    assert judged(200, body, asking("A1B2345678", alone), NOW).verdict is Verdict.VALID


def test_an_error_we_do_not_know_is_no_verdict() -> None:
    for body in ({}, {"errorKey": "bakimda"}, {"errorKey": ["hescodenotfound"]}):
        assert judged(400, body, asking("A1B2345678"), NOW).verdict is Verdict.UNCHECKED


def test_moments_are_utc() -> None:
    """Without a zone they are UTC already."""
    for text in ("2021-06-01T00:00:00", "2021-06-01T00:00:00Z", "2021-06-01T03:00:00+03:00"):
        assert moment(text) == UNTIL
    assert moment(None) is None


# --- bad days -------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [500, 502, 503, 429, 404, 302])
async def test_a_service_in_trouble_is_no_verdict(ministry: Ministry, status: int) -> None:
    """And the next question is asked as usual."""
    code = ministry.give("10000000146", "Deniz", "Yılmaz", UNTIL)
    ministry.fail(status)
    async with client(ministry.base_url) as service:
        assert await service.check(asking(code)) == CodeChecked(LINKS, Verdict.UNCHECKED)
        assert (await service.check(asking(code))).verdict is Verdict.VALID


async def test_a_wrong_password_is_no_verdict(ministry: Ministry) -> None:
    code = ministry.give("10000000146", "Deniz", "Yılmaz", UNTIL)
    async with client(ministry.base_url, password="eski") as service:
        assert (await service.check(asking(code))).verdict is Verdict.UNCHECKED


async def test_a_page_for_people_is_no_verdict(ministry: Ministry) -> None:
    ministry.answer_nonsense()
    async with client(ministry.base_url) as service:
        assert (await service.check(asking("A1B2345678"))).verdict is Verdict.UNCHECKED


async def test_a_silent_service_is_given_up(ministry: Ministry) -> None:
    """After the limit, which is three seconds where nobody says otherwise."""
    assert TIME_LIMIT == 3.0
    ministry.hang()
    async with client(ministry.base_url, time_limit=0.05) as service:
        assert (await service.check(asking("A1B2345678"))).verdict is Verdict.UNCHECKED


async def test_nobody_there_is_no_verdict() -> None:
    async with client("http://127.0.0.1:9") as service:
        assert (await service.check(asking("A1B2345678"))).verdict is Verdict.UNCHECKED


Body = Callable[[Request], Response]


async def verdict_on(body: Body) -> Verdict:
    """What becomes of an answer of our making."""

    async def respond(request: Request) -> Response:
        return body(request)

    routes = [Route("/check-hes-code", respond, methods=["POST"])]
    async with serve(Starlette(routes=routes)) as url, client(url) as service:
        return (await service.check(asking("A1B2345678"))).verdict


@pytest.mark.parametrize(
    "content",
    [
        "",
        "null",
        "[]",
        '"evet"',
        "{",
        "[" * 50_000,
        "{}",
        json.dumps(answer(current_health_status=["RISKLESS"])),
        json.dumps(answer(current_health_status="UNKNOWN")),
        json.dumps(answer(masked_identity_number="***********")),
        json.dumps(answer(masked_identity_number=None)),
        json.dumps(answer(expiration_date="yarın")),
        json.dumps(answer(expiration_date="9999-12-31T23:59:59-12:00")),
        json.dumps(answer(expiration_date={"year": 2021})),
        '{"current_health_status": ' + "9" * 10_000 + "}",
        b"\xff\xfe\x00nonsense",
    ],
    ids=range(16),
)
async def test_nonsense_is_no_verdict(content: str | bytes) -> None:
    """Whatever cannot be read counts as "could not check"."""
    assert await verdict_on(lambda _: Response(content, media_type="application/json")) is (
        Verdict.UNCHECKED
    )


async def test_an_answer_without_an_end_is_not_waited_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No length is announced; the reading stops at the limit, not at the end of patience."""

    async def flood(request: Request) -> AsyncIterator[bytes]:
        for _ in range(4):
            yield b"x" * LARGEST_ANSWER
        await request.state.closing.wait()

    verdict = await verdict_on(lambda request: StreamingResponse(flood(request)))
    assert verdict is Verdict.UNCHECKED
    told = [record for record in caplog.records if record.name == "hesbot.hes"]
    assert [record.__dict__["error"] for record in told] == ["ValueError"]


async def test_a_small_answer_that_unpacks_to_a_large_one_is_refused() -> None:
    """The limit counts what is kept, not what is sent."""
    packed = gzip.compress(json.dumps(answer(filler="x" * 10 * LARGEST_ANSWER)).encode())
    headers = {"content-encoding": "gzip"}
    assert await verdict_on(lambda _: Response(packed, headers=headers)) is Verdict.UNCHECKED


async def test_an_answer_just_small_enough_is_read() -> None:
    body = json.dumps(answer(filler=""))
    body = json.dumps(answer(filler="x" * (LARGEST_ANSWER - len(body))))
    assert len(body) == LARGEST_ANSWER
    assert await verdict_on(lambda _: Response(body)) is Verdict.VALID


async def test_what_went_wrong_is_logged_without_the_code(
    ministry: Ministry, caplog: pytest.LogCaptureFixture
) -> None:
    """The kind of trouble, not whom it befell."""
    caplog.set_level(logging.DEBUG)
    ministry.fail(500)
    async with client(ministry.base_url) as service:
        await service.check(asking("A1B2345678"))
    logged = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    assert "ValueError" in logged
    assert "A1B2345678" not in logged
    assert "10000000146" not in logged


def test_an_expiry_in_the_next_second_is_still_valid() -> None:
    soon = (NOW + timedelta(seconds=1)).isoformat()
    checked = judged(200, answer(expiration_date=soon), asking("A1B2345678"), NOW)
    assert checked.verdict is Verdict.VALID
