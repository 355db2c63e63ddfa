"""The timetable's work gives way to people who are being answered."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bot.notices.rounds import Pass, Round, Stride
from bot.notices.steps import Steps

NOW = datetime(2021, 1, 10, 9, 30, tzinfo=UTC)
PAGE = 0.03
"""Seconds that a page takes here."""


@dataclass
class Pages:
    """Three pages, and when each began and ended."""

    deadline: datetime = NOW
    offered: frozenset[Pass] = frozenset({Pass.FORGET})
    times: list[tuple[float, float]] = field(default_factory=list)

    async def advance(self, task: str, now: datetime, began: datetime, after: int) -> Stride:
        time = asyncio.get_running_loop().time
        started = time()
        await asyncio.sleep(PAGE)
        self.times.append((started, time()))
        return Stride(None if after == 2 else after + 1, 1)

    async def wanted(self) -> list[Round]:
        return []


async def walked(rest: float) -> Pages:
    """All pages, one after the other."""
    pages = Pages()
    steps = Steps(pages, lambda: NOW, rest)
    after: int | None = 0
    while after is not None:
        after = (await asyncio.to_thread(steps.take, Pass.FORGET, NOW.isoformat(), after))[0]
    return pages


async def test_a_page_is_followed_by_a_rest_in_proportion() -> None:
    """Twice as long as the page took."""
    pages = await walked(rest=2.0)
    for (began, ended), (next_one, _) in zip(pages.times, pages.times[1:], strict=False):
        assert next_one - ended >= 1.99 * (ended - began)


async def test_where_nobody_is_answered_there_is_no_rest() -> None:
    """A worker goes on at once."""
    pages = await walked(rest=0.0)
    assert len(pages.times) == 3
