"""The overview: what is in it, and that it is worked out once for all who look."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bot import figures
from bot.figures import DAYS, HOURS, Figures, Overview, by_day, by_hour, look
from conversations.actions import Status
from storage import Database, Unavailable
from tests.bot.office import NOW, SCRIPT, Office, office

HOUR = datetime(2021, 1, 10, 9, tzinfo=UTC)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Office]:
    """A desk without an outside service."""
    async with office(tmp_path) as opened:
        yield opened


async def test_one_registration_shows_everywhere(desk: Office) -> None:
    """In the cards, the hour, the day and both funnels."""
    await desk.talk(*SCRIPT)
    await desk.marks.flush()
    seen = await look(desk.database, NOW)
    assert seen.cards[Status.ACTIVE] == 1
    assert seen.hours[-1] == (HOUR, 1)
    assert seen.days[-1] == (date(2021, 1, 10), 1)
    assert sum(count for _, count in (*seen.hours, *seen.days)) == 2
    assert seen.lately == seen.funnel
    assert (seen.funnel.begun, seen.funnel.saved) == (1, 1)
    assert {(step.reached, step.answered) for step in seen.funnel.steps} == {(1, 1)}


async def test_what_is_long_ago_is_not_told(desk: Office) -> None:
    """A day later it is not lately, a month later not at all."""
    await desk.talk(*SCRIPT)
    await desk.marks.flush()
    next_day = await look(desk.database, NOW + timedelta(days=1))
    assert (next_day.lately.begun, next_day.funnel.begun) == (0, 1)
    last = await look(desk.database, NOW + timedelta(days=DAYS - 1))
    assert last.days[0] == (date(2021, 1, 10), 1)
    later = await look(desk.database, NOW + timedelta(days=DAYS))
    assert (later.funnel.begun, sum(count for _, count in later.days)) == (0, 0)


def test_days_are_istanbuls() -> None:
    """Nine in the evening in UTC is the next day there."""
    evening = datetime(2021, 1, 9, 20, tzinfo=UTC)
    counts = {evening: 1, evening + timedelta(hours=1): 2}
    days = by_day(counts, date(2021, 1, 10))
    assert len(days) == DAYS
    assert days[-2:] == ((date(2021, 1, 9), 1), (date(2021, 1, 10), 2))


def test_hours_leave_none_out() -> None:
    """An hour in which nothing happened is told too."""
    hours = by_hour({HOUR - timedelta(hours=2): 4}, HOUR)
    assert len(hours) == HOURS
    assert [count for _, count in hours[-3:]] == [4, 0, 0]


class Ticking:
    """Seconds that pass when told to, and a look that takes some."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, took: float) -> None:
        self.now, self.took, self.looks = 0.0, took, 0
        self.door = asyncio.Event()
        self.door.set()
        self.broken = False
        monkeypatch.setattr(figures, "look", self.look)

    def __call__(self) -> float:
        return self.now

    async def look(self, database: Database, now: datetime) -> Overview:
        self.looks += 1
        await self.door.wait()
        self.now += self.took
        if self.broken:
            raise Unavailable
        return await look(database, now)


@pytest.mark.parametrize(("took", "holds"), [(0.01, 5.0), (2.0, 40.0)])
async def test_figures_hold_for_a_while(
    desk: Office, monkeypatch: pytest.MonkeyPatch, took: float, holds: float
) -> None:
    """Five seconds, or twenty times as long as they took."""
    ticking = Ticking(monkeypatch, took)
    shared = Figures(desk.database, lambda: NOW, ticking)
    first = await shared.overview()
    ticking.now += holds - 0.001
    assert await shared.overview() is first
    ticking.now += 0.002
    assert await shared.overview() is not first
    assert ticking.looks == 2


async def test_who_look_at_once_share_one_look(
    desk: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the one who came first does not stay."""
    ticking = Ticking(monkeypatch, 1.0)
    ticking.door.clear()
    shared = Figures(desk.database, lambda: NOW, ticking)
    viewers = [asyncio.create_task(shared.overview()) for _ in range(5)]
    await asyncio.sleep(0)
    viewers[0].cancel()
    ticking.door.set()
    seen = await asyncio.gather(*viewers[1:])
    assert ticking.looks == 1
    assert all(each is seen[0] for each in seen)


async def test_a_look_that_fails_holds_too(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records in trouble are left alone for a while; then whoever asks looks anew."""
    ticking = Ticking(monkeypatch, 30.0)
    shared = Figures(desk.database, lambda: NOW, ticking)
    ticking.broken = True
    for _ in range(2):
        with pytest.raises(Unavailable):
            await shared.overview()
    assert ticking.looks == 1
    ticking.broken = False
    ticking.now += 30.0
    assert (await shared.overview()).at == NOW
