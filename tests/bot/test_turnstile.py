"""Questions that are answered together, and the gate that asks so."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from bot.services.turnstile import MOST_AT_ONCE, Gate, Together, reason
from storage import Attempt, Unavailable, tables
from storage.risks import RiskChange
from tests.storage.conftest import database, office, postgresql, url, vault
from tests.storage.people import (
    AYSE,
    AYSE_ANSWERS,
    BORA,
    BORA_ANSWERS,
    CARD,
    CODE,
    NOW,
    OTHER_CARD,
    Office,
)

__all__ = ["database", "office", "postgresql", "url", "vault"]

UNKNOWN_CARD = "7301000099998888"


class Doubling:
    """Answers numbers with their double, and remembers how they came."""

    def __init__(self) -> None:
        self.lots: list[int] = []
        self.fault: Exception | None = None

    async def answer(self, numbers: Sequence[int]) -> list[int]:
        self.lots.append(len(numbers))
        await asyncio.sleep(0)
        if self.fault is not None:
            raise self.fault
        return [2 * number for number in numbers]


async def test_each_gets_its_own_answer() -> None:
    """Those that come meanwhile are the next lot."""
    doubling = Doubling()
    together = Together(doubling.answer)
    first = [asyncio.create_task(together.ask(number)) for number in range(3)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert doubling.lots == [3]
    later = [asyncio.create_task(together.ask(number)) for number in range(3, 8)]
    assert await asyncio.gather(*first, *later) == [0, 2, 4, 6, 8, 10, 12, 14]
    assert doubling.lots == [3, 5]


async def test_a_lot_has_an_end() -> None:
    """So that nobody waits for thousands."""
    doubling = Doubling()
    together = Together(doubling.answer)
    count = 2 * MOST_AT_ONCE + 1
    answers = await asyncio.gather(*(together.ask(number) for number in range(count)))
    assert answers == [2 * number for number in range(count)]
    assert doubling.lots == [MOST_AT_ONCE, MOST_AT_ONCE, 1]


async def test_an_error_is_everybodys_and_the_next_lot_is_answered() -> None:
    """Nobody is left waiting."""
    doubling = Doubling()
    together = Together(doubling.answer)
    doubling.fault = Unavailable("down")
    found = await asyncio.gather(*(together.ask(n) for n in range(3)), return_exceptions=True)
    assert [type(each) for each in found] == [Unavailable] * 3
    doubling.fault = None
    assert await together.ask(4) == 8


@pytest.mark.parametrize("fault", [None, Unavailable("down")])
async def test_who_goes_away_harms_nobody(fault: Exception | None) -> None:
    """Not even if theirs was the first question."""
    doubling = Doubling()
    doubling.fault = fault
    together = Together(doubling.answer)
    gone, *others = [asyncio.create_task(together.ask(number)) for number in range(3)]
    await asyncio.sleep(0)
    gone.cancel()
    found = await asyncio.gather(*others, return_exceptions=True)
    assert found == ([2, 4] if fault is None else [fault, fault])
    doubling.fault = None
    assert await together.ask(4) == 8


async def test_who_has_gone_before_their_lot_is_left_out() -> None:
    """A lot that takes long must not be followed by others for nobody."""
    doubling = Doubling()
    together = Together(doubling.answer)
    first = asyncio.create_task(together.ask(1))
    await asyncio.sleep(0)
    gone = [asyncio.create_task(together.ask(number)) for number in range(2, 5)]
    await asyncio.sleep(0)
    for each in gone:
        each.cancel()
    assert await first == 2
    assert await together.ask(5) == 10
    assert doubling.lots == [1, 1]


async def test_the_gate_asks_together_and_keeps_what_is_to_be_kept(office: Office) -> None:
    """In two transactions, however many come."""
    await office.paired(AYSE, AYSE_ANSWERS)
    await office.paired(BORA, BORA_ANSWERS)
    async with office.database.begin() as conn:
        change = RiskChange("r-1", CODE, True, NOW - timedelta(hours=1))
        await office.registry.risks.take(conn, [change], NOW)
    gate = Gate(office.database, office.registry.boardings, lambda: NOW)
    numbers = [CARD, OTHER_CARD, UNKNOWN_CARD] * 30
    attempts = [Attempt(number, f"V-{place}", NOW) for place, number in enumerate(numbers)]
    passages = await asyncio.gather(*(gate.ask(attempt) for attempt in attempts))
    assert [reason(passage) for passage in passages] == ["suspended", "active", "unpaired"] * 30
    kept = {row.validator_id for row in await office.rows(tables.boardings)}
    assert kept == {each.validator_id for each in attempts if each.card_number == CARD}
