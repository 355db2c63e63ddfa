"""Whom a broadcast goes to: counted beforehand, written by the timetable's workflows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.notices.passes import Passes
from bot.notices.planning import Planned, counted, selection_of
from bot.notices.rounds import PLAN, Round, task_of
from bot.notices.schedules import schedules
from conversations.broadcasts import Audience, Group, LeftOut
from storage import Conversations, audiences
from tests.bot.notices.town import DEADLINE, Town, town, until
from tests.storage.announcing import NOW, Newsroom, draft


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Town]:
    """An empty ledger."""
    async with town(home=tmp_path) as place:
        yield place


@pytest.fixture
async def room(place: Town, monkeypatch: pytest.MonkeyPatch) -> Newsroom:
    """Somebody of each role, and stretches that are soon at their end."""
    monkeypatch.setattr(audiences, "STRETCH", 3)
    return await Newsroom.open(place.database, place.vault)


def planned(place: Town, room: Newsroom) -> Planned:
    passes = Passes(
        place.database, place.registry, place.ledger, Conversations(place.vault), DEADLINE
    )
    return Planned(passes, place.database, room.broadcasts, ("telegram", "web"))


async def test_an_audience_is_counted_stretch_by_stretch(place: Town, room: Newsroom) -> None:
    """By channel, with who is left out and why; how far it is is told."""
    people = await room.people(7)
    await room.people(2, "whatsapp", first=2000)
    await room.mark(people[0], opted_out_at=NOW)
    told: list[tuple[int, int]] = []
    wanted = selection_of(draft(audience=Audience(Group.ALL)), ("telegram",), NOW)
    found = await counted(place.database, wanted, lambda at, of: told.append((at, of)))
    assert (found.reached, found.total) == ({"telegram": 6}, 6)
    assert found.left_out == {
        ("telegram", LeftOut.OPTED_OUT): 1,
        ("whatsapp", LeftOut.NO_CHANNEL): 2,
    }
    assert told == [(3, 9), (6, 9), (9, 9)]


async def test_what_is_approved_is_asked_for(place: Town, room: Newsroom) -> None:
    """Until its deliveries are written, and not before it is approved."""
    await room.people(4)
    work = planned(place, room)
    await room.submitted()
    assert await work.wanted() == []
    made = await room.approved()
    (round_,) = await work.wanted()
    assert (round_.name, round_.task) == (f"plan:{made.id}", f"plan:{made.id}")
    after: int | None = 0
    places = []
    while after is not None:
        after = (await work.advance(round_.task, NOW, NOW, after)).after
        places.append(after)
    assert places == [3, 4, None]
    assert await work.wanted() == []


async def test_the_timetable_writes_it(place: Town, room: Newsroom, tmp_path: Path) -> None:
    """As a workflow of its own, soon after it was approved."""
    await room.people(7)
    async with schedules(planned(place, room), place.clock, "w", tmp_path, None, tick=0.05):
        made = await room.approved()

        async def written() -> bool:
            return (await room.get(made)).planned_at is not None

        await until(written)
    assert await room.states(made) == {"pending": 7}


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("plan:17", "plan:17"),
        ("plan:17@2026-11-28T10:00", "plan:17"),
        ("codes:2021-01-08", "codes"),
        ("returns:2021-01-08T12:30@2026-11-28T10:00", "returns"),
    ],
)
def test_a_workflows_name_says_its_task(name: str, task: str) -> None:
    """So one that stands still is told from one under way."""
    assert task_of(name) == task


def test_a_broadcast_is_a_task_of_its_own() -> None:
    """Two of them can be written side by side; two rounds of one pass cannot."""
    assert Round(PLAN, "1").task != Round(PLAN, "2").task
    assert Round("codes", "1").task == Round("codes", "2").task
