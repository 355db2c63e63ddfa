"""The integration API and the records behind it, on both databases."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from bot.services.turnstile import KEEP_WITHIN
from storage import Database, tables
from storage.database import Patience
from storage.feeds import mark
from tests.bot.calling import Caller, calling, lines, record, suspended
from tests.storage.conftest import database, office, postgresql, url, vault
from tests.storage.people import (
    AFTER,
    AYSE,
    AYSE_ANSWERS,
    BORA,
    BORA_ANSWERS,
    CARD,
    CODE,
    NOW,
    OTHER_CARD,
    OTHER_CODE,
    Office,
)

__all__ = ["database", "office", "postgresql", "url", "vault"]

UNKNOWN_CARD = "7301000099998888"


@pytest.fixture
async def caller(office: Office) -> AsyncIterator[Caller]:
    async with calling(office) as found:
        yield found


@asynccontextmanager
async def hasty(office: Office, url: str) -> AsyncIterator[Caller]:
    """The API on the same records, waiting for a lock not much longer than it takes to see it."""
    database = await Database.open(url, patience=Patience(lock=0.05, statement=0.05))
    async with calling(replace(office, database=database)) as found:
        yield found
    await database.close()


@asynccontextmanager
async def outage(url: str, locked: str = "risks, cards, boardings") -> AsyncIterator[None]:
    """Somebody holds the records and does not let go."""
    other = await Database.open(url)
    async with other.begin() as conn:
        # On SQLite the first statement locks all there is.
        locking = f"LOCK TABLE {locked}" if other.dialect == "postgresql" else "SELECT 1"
        await conn.execute(text(locking))
        yield
    await other.close()


async def test_a_feed_suspends_and_gives_back(office: Office, caller: Caller) -> None:
    """And says what came of it."""
    await office.paired(AYSE, AYSE_ANSWERS)
    answer = await caller.feed(record(), record("r-2", OTHER_CODE))
    counts = {"taken": 2, "repeated": 0, "older": 0, "unknown": 1, "cards": 1}
    assert answer == {**counts, "bad": [], "bad_count": 0}
    assert (await office.card()).status == "SUSPENDED"
    later = "2021-01-10T10:00:00+03:00"
    answer = await caller.feed(record("r-3", status="RISKLESS", changed_at=later))
    assert (answer["taken"], answer["cards"]) == (1, 1)
    assert (await office.card()).status == "ACTIVE"


async def test_the_same_feed_again_changes_nothing(office: Office, caller: Caller) -> None:
    """Whoever got no answer sends it all again."""
    await office.paired(AYSE, AYSE_ANSWERS)
    feed = (record(), record("r-2", OTHER_CODE))
    await caller.feed(*feed)
    before = await office.count()
    answer = await caller.feed(*feed)
    assert (answer["taken"], answer["repeated"], answer["cards"]) == (0, 2, 0)
    assert await office.count() == before


async def test_a_packed_feed_that_breaks_off_is_taken_as_far_as_it_goes(caller: Caller) -> None:
    """The whole again completes it."""
    records = [record(f"r-{n}", f"A1B2{n:06}") for n in range(2000)]
    packed = gzip.compress(lines(*records))
    answer = await caller.feed(packed[: len(packed) // 2])
    assert (caller.status, answer["bad"][-1]["why"]) == (200, "gzip")
    assert 0 < answer["taken"] < 2000
    again = await caller.feed(packed)
    assert again["taken"] + again["repeated"] == 2000
    assert (again["repeated"], again["bad_count"]) == (answer["taken"], 0)


async def test_it_is_counted_who_sends(office: Office) -> None:
    """By the name of the key, if there was anything to take."""
    counted: list[str] = []

    def count(names: Iterable[str], _now: datetime) -> None:
        counted.extend(names)

    async with calling(office, count=count) as caller:
        await caller.feed(record())
        await caller.feed(b"no record")
        await caller.feed(record(), Authorization="Bearer nobody's")
    assert counted == [mark("ministry")]


async def test_feeds_at_the_same_time_add_up(office: Office, caller: Caller) -> None:
    """Each code has the newest word in the end, whoever brought it."""
    await office.paired(AYSE, AYSE_ANSWERS)
    await office.paired(BORA, BORA_ANSWERS)
    feeds = [
        [record(f"{feed}-{n}", f"C3D4{n:06}") for n in range(700)]
        + [record("both", CODE), record("both too", OTHER_CODE)]
        for feed in range(3)
    ]
    answers = await asyncio.gather(*(caller.feed(*feed) for feed in feeds))
    assert sum(each["cards"] for each in answers) == 2
    assert sum(each["repeated"] for each in answers) == 4
    assert sum(each["taken"] + each["older"] for each in answers) == 2102
    assert (await office.card(OTHER_CARD)).status == "SUSPENDED"


async def test_a_feed_that_cannot_be_kept_is_to_be_sent_again(office: Office, url: str) -> None:
    """It loses nothing by that."""
    await office.paired(AYSE, AYSE_ANSWERS)
    async with hasty(office, url) as caller:
        async with outage(url):
            answer = await caller.feed(record())
            assert (caller.status, "again" in answer["error"]) == (503, True)
            assert caller.answered is not None
            assert int(caller.answered["Retry-After"]) > 0
        assert (await caller.feed(record()))["cards"] == 1


async def test_a_card_nobody_knows_may_pass_until_the_deadline(office: Office) -> None:
    """Like one that was never paired."""
    for now, expected in ((NOW, (True, "unpaired")), (AFTER, (False, "deadline_passed"))):
        async with calling(office.at(now)) as caller:
            answer = await caller.board(UNKNOWN_CARD)
        assert (answer["allowed"], answer["reason"]) == expected
    assert (await office.count())["boardings"] == 0


async def test_a_suspended_card_may_not_pass_and_the_attempt_is_kept(
    office: Office, caller: Caller
) -> None:
    """Once, however often the validator tells it."""
    await suspended(office, caller)
    for _ in range(2):
        answer = await caller.board("7301 0000 1111 2222", at="2021-01-10T09:30:00Z")
        assert (answer["allowed"], answer["reason"]) == (False, "suspended")
    await caller.board(validator_id=17)
    kept = await office.rows(tables.boardings)
    assert [(row.validator_id, row.at, row.received_at) for row in kept] == [
        ("V-1", NOW, NOW),
        ("17", NOW, NOW),
    ]


async def test_the_present_moment_decides(office: Office) -> None:
    """Not the one that the validator names; a suspension's end counts at once."""
    async with calling(office) as caller:
        await suspended(office, caller, until="2021-01-10T13:00:00+03:00")
    async with calling(office.at(NOW + timedelta(hours=1))) as caller:
        assert (await caller.board())["reason"] == "active"


async def test_many_at_once_get_each_its_own_answer(office: Office, caller: Caller) -> None:
    """Though they are looked up together."""
    await suspended(office, caller)
    await office.paired(BORA, BORA_ANSWERS)
    numbers = [CARD, OTHER_CARD, UNKNOWN_CARD] * 30
    asked = (caller.board(number, validator_id=place) for place, number in enumerate(numbers))
    reasons = [answer["reason"] for answer in await asyncio.gather(*asked)]
    assert reasons == ["suspended", "active", "unpaired"] * 30
    assert (await office.count())["boardings"] == 30


async def test_nobody_waits_long_for_an_attempt_to_be_kept(office: Office, url: str) -> None:
    """Though the records are locked for longer; told again, it is kept once."""
    async with calling(office) as caller:
        await suspended(office, caller)
        async with outage(url, "boardings"):
            begun = time.monotonic()
            await asyncio.gather(*(caller.board(validator_id=place) for place in range(3)))
            assert caller.status == 503
            assert time.monotonic() - begun < KEEP_WITHIN + 3
        assert (await caller.board())["reason"] == "suspended"
    kept = [row.validator_id for row in await office.rows(tables.boardings)]
    assert kept.count("V-1") == 1


async def test_an_attempt_that_cannot_be_kept_is_not_answered(office: Office, url: str) -> None:
    """The gate decides by itself then, and asks again."""
    async with hasty(office, url) as caller:
        await suspended(office, caller)
        async with outage(url):
            await caller.board()
            assert caller.status == 503
        assert (await caller.board())["reason"] == "suspended"
    assert (await office.count())["boardings"] == 1
