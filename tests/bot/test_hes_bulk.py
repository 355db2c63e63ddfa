"""All paired codes asked of the HES service at night, over HTTP."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.notices.passes import CODES
from bot.services.hes_bulk import MOST_CODES, TRIES, HesBulk
from conversations.actions import CodeChecked, Holder, Verdict
from tests.fakes.hes import MOST_CODES as MINISTRYS_MOST
from tests.fakes.hes import HesService as Ministry
from tests.fakes.serving import serve

NOW = datetime(2021, 1, 10, 0, 0, tzinfo=UTC)
UNTIL = datetime(2021, 6, 1, tzinfo=UTC)
DENIZ = Holder("10000000146", "Deniz", "Yılmaz")


@dataclass(frozen=True)
class Question:
    hes_code: str
    links: tuple[int, ...] = (1,)
    holder: Holder = DENIZ


@pytest.fixture
async def ministry() -> AsyncIterator[Ministry]:
    async with Ministry(clock=lambda: NOW) as service:
        yield service


@asynccontextmanager
async def client(url: str, **options: Any) -> AsyncIterator[HesBulk]:
    async with HesBulk(url, "ibb", "parola", lambda: NOW, pause=0.001, **options) as service:
        yield service


async def check(url: str, questions: Sequence[Question], **options: Any) -> Any:
    async with client(url, **options) as service:
        return await service.check(questions)


async def test_each_code_gets_its_verdict(ministry: Ministry) -> None:
    """In the order of the questions, with the links they were about."""

    def give(until: datetime | None = UNTIL) -> str:
        return ministry.give("10000000146", "Deniz", "Yılmaz", until)

    good, risky, old, gone = give(), give(), give(), give()
    ministry.mark(risky, "RISKY")
    ministry.expire(old)
    ministry.delete(gone)
    foreign = ministry.give("17291716060", "Bora", "Kaya", UNTIL)
    strange = give()
    ministry.mark(strange, "UNKNOWN")
    codes = (good, risky, old, gone, foreign, strange)
    questions = [Question(code, (number, 100 + number)) for number, code in enumerate(codes)]
    assert await check(ministry.base_url, questions) == [
        CodeChecked((0, 100), Verdict.VALID, UNTIL, risky=False),
        CodeChecked((1, 101), Verdict.VALID, UNTIL, risky=True),
        CodeChecked((2, 102), Verdict.EXPIRED),
        CodeChecked((3, 103), Verdict.NOT_FOUND),
        CodeChecked((4, 104), Verdict.MISMATCH, UNTIL),
        CodeChecked((5, 105), Verdict.UNCHECKED),
    ]
    assert ministry.log == [codes]


async def test_as_many_as_the_service_takes(ministry: Ministry) -> None:
    assert MOST_CODES == MINISTRYS_MOST
    codes = [ministry.give("10000000146", "Deniz", "Yılmaz", UNTIL) for _ in range(MOST_CODES)]
    found = await check(ministry.base_url, [Question(code) for code in codes])
    assert {each.verdict for each in found} == {Verdict.VALID}
    assert len(found) == MOST_CODES
    assert CODES <= MOST_CODES


async def test_more_than_the_service_takes_are_not_asked(ministry: Ministry) -> None:
    """It would refuse all of them, night after night."""
    with pytest.raises(ValueError, match="at once"):
        await check(ministry.base_url, [Question("A1B2345678")] * (MOST_CODES + 1))
    assert ministry.log == []


@pytest.mark.parametrize("trouble", ["fail", "hang", "answer_nonsense"])
async def test_a_bad_moment_is_waited_out(ministry: Ministry, trouble: str) -> None:
    """And a bad night is not: the question is left."""
    code = ministry.give("10000000146", "Deniz", "Yılmaz", UNTIL)
    getattr(ministry, trouble)(times=TRIES - 1)
    found = await check(ministry.base_url, [Question(code)], time_limit=0.2)
    assert found == [CodeChecked((1,), Verdict.VALID, UNTIL, risky=False)]
    getattr(ministry, trouble)(times=TRIES)
    assert await check(ministry.base_url, [Question(code)], time_limit=0.2) is None


async def answer_of(body: Any) -> Any:
    """What becomes of an answer of our making."""
    text = body if isinstance(body, str) else json.dumps(body)

    async def respond(_request: Request) -> Response:
        return Response(text, media_type="application/json")

    routes = [Route("/check-hes-codes", respond, methods=["POST"])]
    async with serve(Starlette(routes=routes)) as url:
        return await check(url, [Question("A1B2345678")])


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"success_map": {}},
        {"success_map": [], "unsuccess_map": {}},
        {"success_map": {}, "unsuccess_map": None},
        "[" * 50_000,
        "{",
    ],
    ids=range(7),
)
async def test_an_answer_without_its_maps_is_none(body: Any) -> None:
    assert await answer_of(body) is None


@pytest.mark.parametrize(
    ("success", "failure"),
    [
        ({}, {}),
        ({"A1B2345678": None}, {}),
        ({"A1B2345678": "evet"}, {}),
        ({"A1B2345678": ["evet"]}, {}),
        ({"A1B2345678": {"current_health_status": "RISKLESS"}}, {}),
        ({}, {"A1B2345678": "bakimda"}),
        ({}, {"A1B2345678": {"errorKey": "hescodenotfound"}}),
    ],
    ids=range(7),
)
async def test_a_code_that_cannot_be_read_is_unchecked(success: Any, failure: Any) -> None:
    """It says nothing against the code, nor against the others."""
    found = await answer_of({"success_map": success, "unsuccess_map": failure})
    assert found == [CodeChecked((1,), Verdict.UNCHECKED)]


async def test_no_code_is_logged(ministry: Ministry, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    ministry.fail(500, times=TRIES)
    await check(ministry.base_url, [Question("A1B2345678")])
    logged = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    assert "ValueError" in logged
    assert "A1B2345678" not in logged
    assert "10000000146" not in logged
