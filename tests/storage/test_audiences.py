"""Whom a broadcast concerns, and who of them is written to: counted and written alike."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from conversations.actions import Status
from conversations.broadcasts import Group, LeftOut
from storage import Database, Vault, audiences, campaigns, tables
from tests.storage.announcing import DAY, NOW, Newsroom, selection


@pytest.fixture
async def room(database: Database, vault: Vault) -> Newsroom:
    """Somebody of each role, and nobody to write to."""
    return await Newsroom.open(database, vault)


async def counted(room: Newsroom, wanted: audiences.Selection) -> dict[tuple[str, Any], int]:
    async with room.database.read() as conn:
        last = await audiences.newest_address(conn)
        return dict(await audiences.count(conn, wanted, 0, last))


async def chosen(room: Newsroom, wanted: audiences.Selection) -> list[int]:
    async with room.database.read() as conn:
        last = await audiences.newest_address(conn)
        found = await conn.execute(audiences.recipients(wanted, 0, last))
        return [each[0] for each in found]


class TestGroups:
    """By the cards paired from an address."""

    async def test_each_group_has_its_own(self, room: Newsroom) -> None:
        """Who has paired nothing, or only a card that is of no use yet, is not done."""
        nothing, unpaired, active, suspended, passive = await room.people(5)
        await room.pair(unpaired, Status.UNPAIRED)
        await room.pair(active, Status.ACTIVE)
        await room.pair(suspended, Status.SUSPENDED)
        await room.pair(passive, Status.PASSIVE)
        assert await chosen(room, selection(Group.UNFINISHED)) == sorted([nothing, unpaired])
        assert await chosen(room, selection(Group.ACTIVE)) == [active]
        assert await chosen(room, selection(Group.SUSPENDED)) == [suspended]
        assert await chosen(room, selection(Group.PASSIVE)) == [passive]
        everybody = sorted([nothing, unpaired, active, suspended, passive])
        assert await chosen(room, selection(Group.ALL)) == everybody

    async def test_who_paired_a_card_elsewhere_is_done(self, room: Newsroom) -> None:
        """One person at two messengers has one card to pair."""
        here, there = await room.people(2)
        await room.pair(there)
        async with room.database.begin() as conn:
            owner = await conn.scalar(tables.citizens.select().with_only_columns(
                tables.citizens.c.id
            ))  # fmt: skip
            known = update(tables.addresses).where(tables.addresses.c.id == here)
            await conn.execute(known.values(citizen_id=owner))
        assert await chosen(room, selection(Group.UNFINISHED)) == []

    async def test_the_newest_card_is_spoken_of(self, room: Newsroom) -> None:
        """Of several in that status; a delivery is about one."""
        (person,) = await room.people(1)
        await room.pair(person)
        async with room.database.read() as conn:
            found = (await conn.execute(audiences.recipients(selection(Group.ACTIVE), 0, 9))).one()
        assert (found[0], found[2] is not None, found[3] is not None) == (person, True, True)


class TestCriteria:
    """All of them have to be fulfilled."""

    async def test_channel_and_language(self, room: Newsroom) -> None:
        """Where somebody writes from, and in what."""
        (one,) = await room.people(1)
        (two,) = await room.people(1, "web", first=2000)
        (three,) = await room.people(1, first=3000, locale="en")
        wanted = selection(criteria={"channels": ("telegram",)})
        assert await chosen(room, wanted) == [one, three]
        assert await chosen(room, selection(criteria={"locales": ("tr",)})) == [one, two]

    async def test_known_since(self, room: Newsroom) -> None:
        """From that day's first moment in Istanbul on."""
        before, at = await room.people(2)
        midnight = NOW.replace(hour=21) - DAY
        await room.mark(before, created_at=midnight - timedelta(seconds=1))
        await room.mark(at, created_at=midnight)
        wanted = selection(criteria={"registered_since": date(2021, 1, 8)})
        assert await chosen(room, wanted) == [at]

    async def test_a_code_that_ends(self, room: Newsroom) -> None:
        """Before that day; one without an end never does."""
        soon, late, never = await room.people(3)
        await room.pair(soon, until=NOW + DAY)
        await room.pair(late, until=NOW + 9 * DAY)
        await room.pair(never)
        wanted = {"code_ends_before": date(2021, 1, 12)}
        assert await chosen(room, selection(Group.ACTIVE, criteria=wanted)) == [soon]
        assert await chosen(room, selection(Group.ALL, criteria=wanted)) == [soon]


class TestLeftOut:
    """Who belongs to it and is not written to, and why; each is counted once."""

    async def test_every_reason(self, room: Newsroom) -> None:
        """The first that fits counts."""
        fine, stopped, blocked, declined, told = await room.people(5)
        await room.people(2, "whatsapp", first=2000)
        await room.mark(stopped, opted_out_at=NOW, blocked_at=NOW)
        await room.mark(blocked, blocked_at=NOW)
        await room.mark(declined, reminders_off_at=NOW)
        before = await room.running()
        await room.put(before, "sent", 0)
        async with room.database.begin() as conn:
            row = tables.deliveries.c
            ours = update(tables.deliveries).where(row.address_id == told)
            await conn.execute(ours.values(sent_at=NOW - DAY))
        wanted = selection(criteria={"not_told_days": 2})
        assert await counted(room, wanted) == {
            ("telegram", None): 1,
            ("telegram", LeftOut.OPTED_OUT): 1,
            ("telegram", LeftOut.BLOCKED): 1,
            ("telegram", LeftOut.DECLINED): 1,
            ("telegram", LeftOut.TOLD_RECENTLY): 1,
            ("whatsapp", LeftOut.NO_CHANNEL): 2,
        }
        assert await chosen(room, wanted) == [fine]

    async def test_what_is_urgent_reaches_who_declined_reminders(self, room: Newsroom) -> None:
        """But never who wants to be left alone."""
        stopped, declined = await room.people(2)
        await room.mark(stopped, opted_out_at=NOW)
        await room.mark(declined, reminders_off_at=NOW)
        assert await chosen(room, selection(urgent=True)) == [declined]

    async def test_outside_the_window_a_template_is_wanted(self, room: Newsroom) -> None:
        """In the language of the text they would get."""
        turk, briton = (
            *(await room.people(1, "whatsapp", locale="tr")),
            *(await room.people(1, "whatsapp", first=2000, locale="en")),
        )
        anywhere = {"channels": ("whatsapp",)}
        assert await chosen(room, selection(**anywhere)) == []
        assert await chosen(room, selection(**anywhere, templated=("tr",))) == [turk, briton]
        both = {**anywhere, "locales": ("tr", "en")}
        assert await chosen(room, selection(**both, templated=("tr",))) == [turk]
        assert await chosen(room, selection(**both, templated=("tr", "en"))) == [turk, briton]


class TestWriting:
    """Stretch by stretch, nobody twice."""

    async def test_a_stretch_is_written_once(
        self, room: Newsroom, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever asks for it again is told where to go on."""
        monkeypatch.setattr(audiences, "STRETCH", 2)
        await room.people(5)
        made = await room.approved()
        for _ in range(2):
            async with room.database.begin() as conn:
                found = await campaigns.plan(conn, made.id, selection(), NOW + DAY, 0, NOW)
        assert (found.reached, found.count) == (2, 0)
        assert await room.plan(made) == 3
        assert len({row.address_id for row in await room.rows(made)}) == 5
        done = await room.get(made)
        assert (done.planned, done.planned_at) == (5, NOW)

    async def test_who_is_left_out_is_written_down(self, room: Newsroom) -> None:
        """As it was when the deliveries were written."""
        people = await room.people(3)
        await room.mark(people[0], opted_out_at=NOW)
        made = await room.approved()
        assert await room.plan(made) == 2
        assert (await room.get(made)).left_out == {"telegram:opted_out": 1}

    async def test_a_cancelled_one_is_not_written_on(self, room: Newsroom) -> None:
        """What comes after it is spared the work."""
        await room.people(3)
        made = await room.approved()
        async with room.database.begin() as conn:
            await room.broadcasts.cancel(conn, room.author, made.id, NOW)
        assert await room.plan(made) == 0

    async def test_what_happened_is_counted(self, room: Newsroom) -> None:
        """By channel, state and cause."""
        await room.people(4)
        made = await room.running()
        await room.put(made, "blocked", 1, cause="403_blocked")
        await room.put(made, "sent", 2)
        async with room.database.read() as conn:
            found = await campaigns.outcomes(conn, made.id)
        assert Counter(found) == {
            ("telegram", "blocked", "403_blocked"): 1,
            ("telegram", "sent", ""): 2,
            ("telegram", "pending", ""): 1,
        }


async def test_what_must_not_be_shown_is_not(room: Newsroom) -> None:
    """On a page a broadcast is shown while it runs and afterwards, not before or while paused."""
    (person,) = await room.people(1, "web")
    made = await room.approved()
    await room.plan(made)

    async def shown() -> int:
        async with room.database.begin() as conn:
            found = await room.ledger.lease_for(conn, [person], NOW, NOW + DAY, "mailbox")
            await conn.execute(update(tables.deliveries).values(state="pending"))
            return len(found)

    assert await shown() == 0
    async with room.database.begin() as conn:
        await room.broadcasts.start(conn, room.operator, made.id, NOW, NOW)
    assert await shown() == 1
    async with room.database.begin() as conn:
        await room.broadcasts.pause(conn, room.operator, made.id, NOW)
    assert await shown() == 0
