"""The passes page by page on real records, with the HES service at the other end of HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from bot.notices import passes as module
from bot.notices.passes import INBOX_KEPT, RISKS_KEPT, Passes
from bot.notices.rounds import Pass, Stride, due
from bot.notices.rules import Kind
from bot.notices.schedules import schedules
from bot.services.hes_bulk import TRIES, HesBulk
from bot.settings import WORKFLOWS_FILE as FILE
from bot.telemetry import FAULTS
from conversations.actions import Status, Value, Verdict
from conversations.events import Address
from storage import Conversations, Kept, RiskChange, tables
from tests.bot.notices.town import DEADLINE, NOON, Town, town
from tests.fakes.hes import HesService as Ministry
from tests.fakes.waiting import Pulse
from tests.storage.conftest import postgresql, url  # noqa: F401
from tests.storage.people import AYSE_ANSWERS, CARD, CODE, Office

BEFORE = NOON - timedelta(days=10)
MOMENT = timedelta(minutes=1)


@pytest.fixture
async def here(url: str) -> AsyncIterator[Town]:  # noqa: F811
    async with town(url) as found:
        yield found


@pytest.fixture
async def ministry() -> AsyncIterator[Ministry]:
    async with Ministry(clock=lambda: NOON) as service:
        yield service


@pytest.fixture
async def passes(here: Town, ministry: Ministry) -> AsyncIterator[Passes]:
    async with HesBulk(ministry.base_url, "ibb", "parola", lambda: NOON, pause=0.001) as service:
        yield passes_of(here, service)


def passes_of(here: Town, service: HesBulk | None = None) -> Passes:
    conversations = Conversations(here.vault)
    return Passes(here.database, here.registry, here.ledger, conversations, DEADLINE, service)


async def strides(passes: Passes, what: Pass, now: datetime = NOON) -> list[Stride]:
    """All pages of one round."""
    found = [await passes.advance(what, now, now, 0)]
    while found[-1].after is not None:
        assert len(found) < 100
        found.append(await passes.advance(what, now, now, found[-1].after))
    return found


def person(number: int, code: str) -> dict[str, Value]:
    """Somebody of our invention, with a card of their own."""
    return AYSE_ANSWERS | {
        "first_name": "Deniz",
        "last_name": "Yılmaz",
        "identity_number": f"1{number:010}",
        "card_number": f"7301{number:012}",
        "phone": None,
        "hes_code": code,
    }


async def pair(here: Town, ministry: Ministry, count: int) -> list[str]:
    """So many people pair a card each; their codes."""
    codes = []
    for number in range(count):
        codes.append(ministry.give(f"1{number:010}", "Deniz", "Yılmaz", NOON + timedelta(days=99)))
        office = Office(here.database, here.registry, BEFORE)
        await office.paired(Address("telegram", str(number)), person(number, codes[-1]))
    return codes


async def verdicts(here: Town) -> list[str]:
    rows = await Office(here.database, here.registry).rows(tables.links)
    return [row.verdict for row in rows]


async def statuses(here: Town) -> list[str]:
    rows = await Office(here.database, here.registry).rows(tables.cards)
    return [row.status for row in rows]


# --- codes ----------------------------------------------------------------------------------


async def test_every_paired_code_is_asked_about(
    here: Town, ministry: Ministry, passes: Passes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In bulks; what is found out changes cards, and people are told."""
    monkeypatch.setattr(module, "CODES", 2)
    codes = await pair(here, ministry, 5)
    ministry.mark(codes[1], "RISKY")
    ministry.delete(codes[3])
    found = await strides(passes, Pass.CODES)
    assert [stride.count for stride in found] == [2, 2, 1, 0]
    assert ministry.log == [tuple(codes[:2]), tuple(codes[2:4]), (codes[4],)]
    assert await verdicts(here) == ["valid", "valid", "valid", "not_found", "valid"]
    assert await statuses(here) == ["ACTIVE", "SUSPENDED", "ACTIVE", "UNPAIRED", "ACTIVE"]
    assert {row.kind for row in await here.rows()} == {Kind.SUSPENDED, Kind.CODE_LOST}


async def test_the_next_night_asks_again_but_not_of_the_denied(
    here: Town, ministry: Ministry, passes: Passes
) -> None:
    codes = await pair(here, ministry, 3)
    ministry.delete(codes[0])
    for night in range(2):
        await strides(passes, Pass.CODES, NOON + timedelta(days=night))
    assert ministry.log == [tuple(codes), tuple(codes[1:])]


async def test_a_bulk_that_fails_is_left_for_the_next_night(
    here: Town, ministry: Ministry, passes: Passes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are asked all the same, and what was known stays."""
    monkeypatch.setattr(module, "CODES", 1)
    codes = await pair(here, ministry, 2)
    ministry.fail(503, times=TRIES)
    found = await strides(passes, Pass.CODES)
    assert [stride.missed for stride in found] == [True, False, False]
    assert await verdicts(here) == [Verdict.UNCHECKED, Verdict.VALID]
    assert await statuses(here) == [Status.ACTIVE] * 2
    ministry.log.clear()
    await strides(passes, Pass.CODES, NOON + timedelta(days=1))
    assert ministry.log == [(codes[0],), (codes[1],)]


async def test_codes_that_cannot_be_opened_are_counted_and_the_others_asked(
    here: Town, ministry: Ministry, passes: Passes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where a whole page is of them."""
    monkeypatch.setattr(module, "CODES", 2)
    codes = await pair(here, ministry, 5)
    async with here.database.begin() as connection:
        link = tables.links
        bad = link.c.id.in_([1, 2, 4])
        await connection.execute(update(link).where(bad).values(hes_code=b"spoilt"))
    faults = FAULTS.labels("codes")._value.get
    before = faults()
    await strides(passes, Pass.CODES)
    assert ministry.log == [(codes[2],), (codes[4],)]
    assert faults() - before == 3


async def test_without_the_service_nobody_is_asked(here: Town) -> None:
    """The pass is not even offered."""
    assert passes_of(here).offered == frozenset(Pass) - {Pass.CODES}


# --- cards ----------------------------------------------------------------------------------


async def test_suspensions_end_page_by_page(
    here: Town, ministry: Ministry, passes: Passes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exactly when their time is over."""
    monkeypatch.setattr(module, "CARDS", 2)
    codes = await pair(here, ministry, 5)
    changes = [RiskChange(code, code, True, BEFORE, NOON) for code in codes]
    async with here.database.begin() as connection:
        await here.registry.risks.take(connection, changes, BEFORE)
    assert [each.count for each in await strides(passes, Pass.RETURNS, NOON - MOMENT)] == [0]
    assert [each.count for each in await strides(passes, Pass.RETURNS)] == [2, 2, 1]
    assert await statuses(here) == [Status.ACTIVE] * 5
    assert [each.count for each in await strides(passes, Pass.RETURNS)] == [0]


async def test_ended_codes_are_looked_at_once(
    here: Town, ministry: Ministry, passes: Passes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page by page; a later round begins where the earlier one did."""
    monkeypatch.setattr(module, "CARDS", 2)
    codes = await pair(here, ministry, 3)
    await strides(passes, Pass.CODES, BEFORE)
    end = NOON + timedelta(days=99)
    assert [each.count for each in await strides(passes, Pass.EXPIRY, end - MOMENT)] == [0]
    assert [each.count for each in await strides(passes, Pass.EXPIRY, end)] == [2, 1]
    assert await statuses(here) == [Status.PASSIVE] * len(codes)
    later = end + MOMENT
    assert [each.count for each in await strides(passes, Pass.EXPIRY, later)] == [0]
    # Another process does not know that, and finds nothing more to do.
    assert [each.count for each in await strides(passes_of(here), Pass.EXPIRY, later)] == [2, 1]


async def test_the_deadline_ends_what_is_not_paired(
    here: Town, ministry: Ministry, passes: Passes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page by page, never before it, and once."""
    monkeypatch.setattr(module, "NEVER_PAIRED", 2)
    codes = await pair(here, ministry, 4)
    for code in codes[:3]:
        ministry.delete(code)
    await strides(passes, Pass.CODES, BEFORE)
    assert [each.count for each in await strides(passes, Pass.DEADLINE, DEADLINE - MOMENT)] == [0]
    assert sum(each.count for each in await strides(passes, Pass.DEADLINE, DEADLINE)) == 3
    assert await statuses(here) == ["PASSIVE", "PASSIVE", "PASSIVE", "ACTIVE"]
    assert [each.count for each in await strides(passes, Pass.DEADLINE, DEADLINE)] == [0]


# --- people ---------------------------------------------------------------------------------


async def test_reminders_reach_everybody_once(
    here: Town, passes: Passes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page by page, and a page that is done twice writes nothing twice."""
    monkeypatch.setattr(module, "PAGE", 2)
    people = await here.people(5)
    now = NOON + timedelta(days=4)
    assert [each.count for each in await strides(passes, Pass.DEADLINE_REMINDERS, now)] == [
        2,
        2,
        1,
        0,
    ]
    assert [each.count for each in await strides(passes, Pass.DEADLINE_REMINDERS, now)] == [0] * 4
    assert [row.address_id for row in await here.rows()] == sorted(people)


# --- forgetting -----------------------------------------------------------------------------


async def test_messages_are_forgotten_after_a_week(
    here: Town, passes: Passes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What no messenger sends again any more, page by page, and nothing else."""
    monkeypatch.setattr(module, "MESSAGES", 2)
    conversations, address = Conversations(here.vault), Address("web", "visitor")
    ages = [INBOX_KEPT + MOMENT] * 3 + [INBOX_KEPT - MOMENT]
    async with here.database.begin() as connection:
        for number, age in enumerate(ages):
            kept = [Kept(address, str(number), b"answer")]
            await conversations.keep(connection, {}, kept, NOON - age)
    assert [each.count for each in await strides(passes, Pass.FORGET)] == [2, 1]
    async with here.database.read() as connection:
        asked = [(address, str(number)) for number in range(4)]
        answers, _ = await conversations.recall(connection, asked, ())
        assert set(answers) == {(address, "3")}


async def test_words_on_codes_are_forgotten_page_by_page(
    here: Town, passes: Passes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The round goes on while a page is full."""
    monkeypatch.setattr(module, "WORDS", 2)
    words = [RiskChange(str(each), f"A1B234567{each}", False, BEFORE) for each in range(3)]
    async with here.database.begin() as connection:
        await here.registry.risks.take(connection, words, BEFORE)
    found = await strides(passes, Pass.FORGET, BEFORE + RISKS_KEPT + MOMENT)
    assert [each.count for each in found] == [2, 2, 2, 0]


async def test_words_on_codes_are_forgotten_when_they_hold_nobody(
    here: Town, passes: Passes
) -> None:
    """A risky word without an end is never forgotten."""
    words = [
        RiskChange("1", "A1B2345671", False, BEFORE),
        RiskChange("2", "A1B2345672", True, BEFORE, BEFORE + MOMENT),
        RiskChange("3", "A1B2345673", True, BEFORE),
    ]
    async with here.database.begin() as connection:
        await here.registry.risks.take(connection, words, BEFORE)
    await strides(passes, Pass.FORGET, BEFORE + RISKS_KEPT)
    count = (await Office(here.database, here.registry).count())["risks"]
    assert count == 3
    await strides(passes, Pass.FORGET, BEFORE + RISKS_KEPT + 2 * MOMENT)
    assert (await Office(here.database, here.registry).count())["risks"] == 1


# --- the workflow engine's own tables -------------------------------------------------------


class Watched:
    """Passes, and a wait until each that is due at noon has been made."""

    deadline = DEADLINE
    offered = frozenset(Pass)

    def __init__(self, passes: Passes) -> None:
        self._passes = passes
        self._open = {each.what for each in due(NOON, DEADLINE)}
        self._pulse = Pulse()

    async def advance(self, what: Pass, now: datetime, began: datetime, after: int) -> Stride:
        found = await self._passes.advance(what, now, began, after)
        if found.after is None:
            self._open.discard(what)
            self._pulse.beat()
        return found

    async def finished(self) -> None:
        await self._pulse.until(lambda: not self._open)


def everything_in(home: Path) -> bytes:
    """DBOS's database with whatever lies beside it."""
    return b"".join(file.read_bytes() for file in home.glob(f"{FILE}*"))


async def test_dbos_keeps_nothing_personal(tmp_path: Path) -> None:
    """A round over real people leaves names, dates and counts behind, and none of theirs."""
    async with town(home=tmp_path) as here, Ministry(clock=lambda: NOON) as ministry:
        code = ministry.give("10000000146", "Ayşe", "Yıldızoğlu", NOON + timedelta(days=3))
        office = Office(here.database, here.registry, BEFORE)
        await office.paired(Address("telegram", "700800900"), AYSE_ANSWERS | {"hes_code": code})
        async with HesBulk(ministry.base_url, "ibb", "parola", lambda: NOON) as service:
            work = Watched(passes_of(here, service))
            async with schedules(work, lambda: NOON, "w1", tmp_path, None, tick=0.02):
                await work.finished()
    kept = everything_in(tmp_path)
    assert b"codes:2021-01-08" in kept
    for secret in ("10000000146", "Ayşe", "ayse@", CARD, code, CODE, "700800900", "0532", "+905"):
        assert secret.encode() not in kept
