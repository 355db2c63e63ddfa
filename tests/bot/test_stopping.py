"""The end of a process: one word, one time for all, and somebody who does not wait for ever."""

from __future__ import annotations

import asyncio
import threading

import pytest

from bot import stopping
from bot.stopping import Stop


async def test_everybody_hears_the_one_word() -> None:
    """Also who comes late; the time goes on from the first."""
    stop = Stop()
    assert stop.left(3.0) == 3.0
    hearing = asyncio.create_task(stop.told())
    stop.begin()
    await hearing
    first = stop.left(3.0)
    stop.begin()
    await stop.told()
    assert 0.0 < stop.left(3.0) <= first <= 3.0
    assert stop.left(0.0) == 0.0


async def test_what_holds_it_up_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the loop itself stands still."""
    monkeypatch.setattr(stopping, "GONE", 0.01)
    left = threading.Event()
    Stop(left.set).begin()
    assert left.wait(5)


async def test_parts_are_done_before_it_is_left() -> None:
    """Calls are waited for first, then what came of them is written; five seconds for all."""
    assert stopping.CALLS < stopping.WRITING < stopping.GONE < 5
