"""Who watches over broadcasts: starts, counts, pauses, ends, sweeps up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.notices.conductor import Conductor
from conversations.broadcasts import Stage
from storage import Audit, campaigns
from tests.bot.notices.town import town
from tests.storage.announcing import DAY, NOW, Newsroom

SECOND = timedelta(seconds=1)


@dataclass
class Watched:
    """A newsroom, a conductor, and clocks that stand where they are put."""

    room: Newsroom
    now: datetime = NOW
    real: datetime = NOW

    def conductor(self) -> Conductor:
        return Conductor(
            self.room.database, self.room.broadcasts, lambda: self.now, lambda: self.real
        )


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Watched]:
    """Nothing is on its way yet."""
    async with town(home=tmp_path) as place:
        yield Watched(await Newsroom.open(place.database, place.vault))


async def test_what_is_scheduled_starts_at_its_time(here: Watched) -> None:
    """And not before."""
    made = await here.room.approved(starts_at=NOW + DAY)
    async with here.room.database.begin() as conn:
        await here.room.broadcasts.start(conn, here.room.operator, made.id, NOW, NOW)
    await here.conductor().look()
    assert (await here.room.get(made)).stage is Stage.SCHEDULED
    here.now = NOW + DAY
    await here.conductor().look()
    assert (await here.room.get(made)).stage is Stage.RUNNING


async def test_it_counts_and_takes_samples(here: Watched) -> None:
    """What became of the deliveries, by the real clock; two conductors count once."""
    await here.room.people(4)
    made = await here.room.running()
    await here.room.put(made, "sent", 2)
    here.real += SECOND
    await here.conductor().look()
    await here.conductor().look()
    found = await here.room.get(made)
    assert {(c, str(p)): n for c, p, _, n in found.counted} == {
        ("telegram", "sent"): 2,
        ("telegram", "pending"): 2,
    }
    async with here.room.database.read() as conn:
        samples = await campaigns.samples_since(conn, made.id, NOW)
    assert [(each.settled, each.sent, each.at) for each in samples] == [(2, 2, NOW + SECOND)]


async def test_it_ends_what_is_done(here: Watched) -> None:
    """Once nothing waits and nothing is on its way."""
    await here.room.people(2)
    made = await here.room.running()
    await here.room.put(made, "sent", 2)
    here.real += SECOND
    await here.conductor().look()
    assert (await here.room.get(made)).stage is Stage.FINISHED


@pytest.mark.parametrize(("failed", "stage"), [(20, Stage.RUNNING), (21, Stage.PAUSED)])
async def test_it_pauses_what_fails(here: Watched, failed: int, stage: Stage) -> None:
    """When the share passes the limit, with the commonest cause on record."""
    await here.room.people(120)
    made = await here.room.running(failure_limit=0.2)
    await here.room.put(made, "blocked", failed, cause="403_blocked")
    await here.room.put(made, "sent", 100 - failed)
    here.real += SECOND
    await here.conductor().look()
    found = await here.room.get(made)
    assert found.stage is stage
    assert found.pause_cause == ("0.210 telegram 403_blocked" if stage is Stage.PAUSED else "")


async def test_what_failed_before_a_resume_is_not_held_against_it(here: Watched) -> None:
    """Whoever lets it go on has seen it."""
    await here.room.people(300)
    made = await here.room.running()
    await here.room.put(made, "failed", 80, cause="other")
    here.real += SECOND
    await here.conductor().look()
    async with here.room.database.begin() as conn:
        await here.room.broadcasts.resume(conn, here.room.operator, made.id, NOW, here.real)
    await here.room.put(made, "sent", 60)
    here.real += 2 * SECOND
    await here.conductor().look()
    assert (await here.room.get(made)).stage is Stage.RUNNING


async def test_a_late_outage_is_noticed_among_millions(here: Watched) -> None:
    """The last minute is looked at by itself."""
    await here.room.people(900)
    made = await here.room.running()
    conductor = here.conductor()
    await here.room.put(made, "sent", 600)
    for state, count in (("sent", 1), ("failed", 60)):
        here.real += 40 * SECOND
        await here.room.put(made, state, count, cause="5xx")
        await conductor.look()
    assert (await here.room.get(made)).stage is Stage.PAUSED


async def test_a_cancelled_one_is_swept_up(here: Watched) -> None:
    """Page by page, and then it is over."""
    await here.room.people(3)
    made = await here.room.running()
    async with here.room.database.begin() as conn:
        await here.room.broadcasts.cancel(conn, here.room.operator, made.id, NOW)
    conductor = here.conductor()
    await conductor.look()
    await conductor.look()
    assert await here.room.states(made) == {"dropped": 3}
    assert (await here.room.get(made)).ended_at is not None


async def test_what_it_does_is_on_the_audit(here: Watched) -> None:
    """In the name of the house."""
    await here.room.people(1)
    made = await here.room.running()
    await here.room.put(made, "sent", 1)
    here.real += SECOND
    await here.conductor().look()
    async with here.room.database.read() as conn:
        newest, *_ = await Audit(here.room.vault).entries(conn)
    assert (newest.who, newest.act, newest.subject) == (
        "hesbot",
        "broadcast.finish",
        f"broadcast:{made.id}",
    )
