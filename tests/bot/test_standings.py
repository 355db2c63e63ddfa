"""How broadcasts stand: counted once for everybody who looks, and no more often than is cheap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot import standings
from bot.standings import KEPT, SHARE, Standings
from conversations.broadcasts import Refusal, Stage
from storage import KeyRing, Vault, campaigns
from storage.campaigns import Outcomes
from tests import homes
from tests.storage.announcing import NOW, Newsroom

LIMITS = {"telegram": 25.0}


@dataclass
class Watched:
    """A newsroom, its standings, how often was counted, and what a count takes."""

    room: Newsroom
    standings: Standings
    time: float = 0.0
    counts: int = 0
    cost: float = 0.0


@pytest.fixture
async def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watched]:
    """Nobody has looked yet."""
    database = await homes.opened_in(tmp_path)
    room = await Newsroom.open(database, Vault(KeyRing.new()))
    looks = Standings(
        database, room.broadcasts, LIMITS, lambda: NOW, lambda: NOW, lambda: watch.time
    )
    watch = Watched(room, looks)
    counted = campaigns.outcomes

    async def outcomes(conn: object, id: int) -> Outcomes:
        watch.counts += 1
        watch.time += watch.cost
        return await counted(conn, id)  # type: ignore[arg-type]

    monkeypatch.setattr(standings.campaigns, "outcomes", outcomes)
    yield watch
    await database.close()


async def test_ten_who_look_at_once_cost_one_count(watched: Watched) -> None:
    """They are all shown the same."""
    await watched.room.people(3)
    made = await watched.room.running()
    watched.counts = 0
    seen = await asyncio.gather(*(watched.standings.of(made.id) for _ in range(10)))
    assert watched.counts == 1
    assert all(each is seen[0] for each in seen)
    assert seen[0].progress.total == 3


async def test_a_dear_count_is_made_seldom(watched: Watched) -> None:
    """Twenty times as long as it took, it holds; where the broadcast stands is read anyway."""
    await watched.room.people(2)
    made = await watched.room.running()
    watched.cost, watched.counts = 2.0, 0
    await watched.standings.of(made.id)
    watched.time += SHARE * 2.0 - 1
    assert (await watched.standings.of(made.id)).broadcast.stage is Stage.RUNNING
    assert watched.counts == 1
    watched.time += 2
    await watched.standings.of(made.id)
    assert watched.counts == 2


async def test_what_was_done_is_seen_at_once(watched: Watched) -> None:
    """Whoever paused it is not shown that it runs, however little time has passed."""
    await watched.room.people(2)
    made = await watched.room.running()
    await watched.standings.of(made.id)
    async with watched.room.database.begin() as conn:
        await watched.room.broadcasts.pause(conn, watched.room.operator, made.id, NOW)
    watched.standings.moved(made.id)
    assert (await watched.standings.of(made.id)).broadcast.stage is Stage.PAUSED


async def test_a_draft_is_not_counted(watched: Watched) -> None:
    """There is nothing to count."""
    made = await watched.room.draft()
    assert (await watched.standings.of(made.id)).progress.total == 0
    assert watched.counts == 0


async def test_what_is_not_there_is_said_to_everybody(watched: Watched) -> None:
    """And to whoever asks again."""
    for _ in range(2):
        with pytest.raises(Refusal, match="unknown"):
            await watched.standings.of(77)
        watched.time += KEPT + 1
