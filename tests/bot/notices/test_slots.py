"""The limiter as one process uses it: no second sees more than the limit, whatever is late."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.channels.base import NotNow
from bot.clock import wall
from bot.notices import gaps, slots
from bot.notices.gaps import Gaps
from bot.notices.slots import OwnTurn, Slots
from storage import Database
from tests.bot.notices.town import town


def now() -> float:
    return wall().timestamp()


def turn(slots: Slots, slot: float, *, may_go: bool = True) -> OwnTurn:
    return OwnTurn(slots, slot, lambda: may_go, lambda _: None)


async def test_a_late_message_counts_from_when_it_left() -> None:
    """A process that was busy between the slot and the writing makes the next ones wait for it."""
    slots = Slots("telegram", 2)
    first, second = turn(slots, now()), turn(slots, now())
    await first()
    await second()
    await asyncio.sleep(0.3)
    first.gone()
    second.gone()
    await asyncio.sleep(0.8)
    # By their slots a second is over, by their leaving it is not.
    with pytest.raises(NotNow):
        await turn(slots, now())()
    await asyncio.sleep(0.25)
    await turn(slots, now())()


async def test_what_may_not_go_any_more_uses_no_slot() -> None:
    """Its broadcast was paused while it waited."""
    slots = Slots("telegram", 1)
    with pytest.raises(NotNow):
        await turn(slots, now(), may_go=False)()
    await turn(slots, now())()


async def test_a_slot_that_has_passed_is_given_up() -> None:
    """More than a quarter of a second, even for a process that is alone."""
    slots = Slots("telegram", 1)
    with pytest.raises(NotNow):
        await turn(slots, now() - 0.3).near()


class PutBack:
    """A clock that can be put back; called, it tells the time."""

    def __init__(self) -> None:
        self.by = timedelta()

    def __call__(self) -> datetime:
        return wall() - self.by


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> PutBack:
    """The clock of the limiter."""
    made = PutBack()
    for module in (slots, gaps):
        monkeypatch.setattr(module, "wall", made)
    return made


async def test_a_clock_that_is_put_back_holds_nothing_up(tmp_path: Path, clock: PutBack) -> None:
    """Neither what was booked by it, nor what went by it, nor what waits for its slot."""
    limiter = Slots("telegram", 2)
    async with town(home=tmp_path) as here:
        await _put_back(limiter, here.database, clock)


async def _put_back(limiter: Slots, database: Database, clock: PutBack) -> None:
    async with database.begin() as connection:
        await limiter.free_at(connection)
        booked = await limiter.book(connection, 2)
    waiting = turn(limiter, booked[1])
    await turn(limiter, booked[0])()
    clock.by = timedelta(hours=3)
    with pytest.raises(NotNow):
        await waiting.near()
    async with asyncio.timeout(5):
        while not await _goes(limiter, database):
            """A busy machine may miss a slot."""


async def _goes(limiter: Slots, database: Database) -> bool:
    async with database.begin() as connection:
        assert await limiter.free_at(connection) <= now() - 3 * 3600 + 1
        slot = (await limiter.book(connection, 1))[0]
    with suppress(NotNow):
        await turn(limiter, slot)()
        return True
    return False


async def test_a_pause_is_kept_though_the_clock_is_put_back(
    clock: PutBack,
) -> None:
    """The messenger asked for it, and may well ask for hours."""
    limiter = Slots("telegram", 2)
    limiter.pause(now() + 60)
    clock.by = timedelta(hours=3)
    with pytest.raises(NotNow):
        limiter.check(now() - 3 * 3600)


def test_a_person_is_left_alone_no_longer_than_the_gap(clock: PutBack) -> None:
    """Also by a clock that was put back."""
    alone = Gaps(6.0)
    alone.begin(1)
    clock.by = timedelta(hours=3)
    assert alone.left(1) == 6.0
