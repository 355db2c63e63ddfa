"""The limiter as one process uses it: no second sees more than the limit, whatever is late."""

from __future__ import annotations

import asyncio

import pytest

from bot.channels.base import NotNow
from bot.clock import wall
from bot.notices.slots import OwnTurn, Slots


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
