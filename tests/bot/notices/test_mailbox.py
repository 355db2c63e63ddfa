"""Notices for people who come by: handed over, confirmed, lost, overtaken; on both databases."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from bot.channels.base import Collected, Letter, Limits, Unavailable
from bot.notices.letters import worded
from bot.notices.mailbox import LEASE, Mailbox
from bot.notices.rules import Kind
from conversations.actions import SetNotices, SetReminders, Status
from conversations.events import Address
from storage import Asked, Database, Parcel, Pickup, Post, tables
from storage.database import Patience
from tests import homes
from tests.bot.notices.town import DEADLINE, NOON, WORDING, Town, town
from tests.storage.conftest import postgresql, url
from tests.storage.people import AYSE_ANSWERS, OTHER_CARD, Office

__all__ = ["postgresql", "url"]

AYSE, BORA = Address("web", "1000"), Address("web", "1001")
LIMITS = Limits(text=4096)


def word(parcel: Parcel, now: datetime) -> Letter:
    return worded(parcel, WORDING, LIMITS, now, DEADLINE)


@dataclass
class House:
    """A town, a mailbox in it, and the real time, which stands still."""

    town: Town
    people: list[int]
    real: datetime = field(default=datetime(2026, 1, 1, tzinfo=UTC))

    @property
    def mailbox(self) -> Mailbox:
        return self.at(self.town.database)

    def at(self, database: Database) -> Mailbox:
        """The mailbox of another process."""
        pickup = Pickup(self.town.vault)
        return Mailbox(database, self.town.ledger, pickup, word, self.town.clock, lambda: self.real)

    async def states(self) -> list[str]:
        return [each.state for each in await self.town.rows()]


@pytest.fixture
async def house(url: str) -> AsyncIterator[House]:
    """Ayşe and Bora have been to the page."""
    async with town(url) as built:
        yield House(built, await built.people(2, "web"))


async def test_what_is_due_is_handed_over_and_confirmed(house: House) -> None:
    """Each notice comes once, in words, and is delivered when the page says that it was shown."""
    await house.town.write(house.people, "web")
    found = await house.mailbox.collect(AYSE)
    (message,) = found.messages
    assert "15 Ocak 2021" in message.text
    assert await house.states() == [Post.SENDING, Post.PENDING]
    assert await house.mailbox.collect(AYSE) == Collected()
    assert await house.mailbox.collect(AYSE, found.ids) == Collected()
    mine, other = await house.town.rows()
    assert (mine.state, mine.sent_at, mine.rest_until) == (Post.DELIVERED, NOON, None)
    assert other.state == Post.PENDING


async def test_what_was_lost_on_its_way_comes_again(house: House) -> None:
    """Nobody confirms, so after the lease it is handed over once more, and counted so."""
    await house.town.write(house.people[:1], "web")
    first = await house.mailbox.collect(AYSE)
    house.real += LEASE - timedelta(seconds=1)
    assert await house.mailbox.collect(AYSE) == Collected()
    house.real += timedelta(seconds=1)
    assert await house.mailbox.collect(AYSE) == first
    (row,) = await house.town.rows()
    assert (row.repeats, row.attempts) == (1, 2)


async def test_a_late_confirmation_counts(house: House) -> None:
    """What was seen does not come again because the page was slow to say so."""
    await house.town.write(house.people[:1], "web")
    found = await house.mailbox.collect(AYSE)
    house.real += LEASE * 3
    assert await house.mailbox.collect(AYSE, found.ids) == Collected()
    assert await house.states() == [Post.DELIVERED]


async def test_confirming_alone_hands_nothing_over(house: House) -> None:
    await house.town.write(house.people[:1], "web")
    found = await house.mailbox.collect(AYSE)
    await house.town.write(house.people[:1], "web", word="later")
    await house.mailbox.confirm(AYSE, found.ids)
    assert await house.states() == [Post.DELIVERED, Post.PENDING]


async def test_nobody_confirms_for_others(house: House) -> None:
    """The numbers of notices are no secret, and not needed to be one."""
    await house.town.write(house.people, "web")
    ids = [row.id for row in await house.town.rows()]
    await house.mailbox.confirm(BORA, ids)
    assert await house.states() == [Post.PENDING, Post.DELIVERED]
    assert (await house.mailbox.collect(Address("web", "stranger"), ids)) == Collected()
    assert await house.states() == [Post.PENDING, Post.DELIVERED]


async def test_two_tabs_do_not_show_the_same(house: House, url: str) -> None:
    """Also where two processes serve them."""
    await house.town.write(house.people[:1], "web")
    other = await Database.open(url)
    try:
        both = await asyncio.gather(
            *(house.at(each).collect(AYSE) for each in (house.town.database, other) * 4)
        )
    finally:
        await other.close()
    assert sorted(len(found.ids) for found in both) == [0] * 7 + [1]


async def test_nothing_comes_before_it_is_due(house: House) -> None:
    await house.town.write(house.people[:1], "web", due_at=NOON + timedelta(hours=1))
    assert await house.mailbox.collect(AYSE) == Collected()
    house.town.now += timedelta(hours=1)
    assert len((await house.mailbox.collect(AYSE)).ids) == 1


async def test_the_night_keeps_nothing_from_who_is_there(house: House) -> None:
    """Quiet hours are for telephones; whoever looks at the page is awake."""
    await house.town.write(house.people[:1], "web")
    house.town.now = datetime(2021, 1, 9, 1, tzinfo=UTC)
    assert len((await house.mailbox.collect(AYSE)).ids) == 1


async def test_what_is_no_longer_true_is_dropped(house: House) -> None:
    """The card of this notice is not suspended (there is none)."""
    await house.town.write(house.people[:1], "web", kind=Kind.SUSPENDED)
    await house.town.write(house.people[:1], "web", expires_at=NOON)
    assert await house.mailbox.collect(AYSE) == Collected()
    rows = await house.town.rows()
    assert [(row.state, row.cause) for row in rows] == [
        (Post.DROPPED, "no_longer_true"),
        (Post.DROPPED, "too_late"),
    ]


@pytest.mark.parametrize("kind", [Kind.CODE_LOST, Kind.CODE_EXPIRED])
async def test_a_closed_card_is_told_once(house: House, kind: Kind) -> None:
    """Who comes by after the deadline is not told of the code and of the card in the same words;
    another card's code is another matter."""
    office = Office(house.town.database, house.town.registry, NOON)
    saved = await office.paired(AYSE, {**AYSE_ANSWERS, "phone": None})
    other = await office.paired(AYSE, {**AYSE_ANSWERS, "card_number": OTHER_CARD, "phone": None})
    closed, lost = (
        {"card": each.cards[0].card, "link": each.cards[0].link} for each in (saved, other)
    )
    async with house.town.database.begin() as connection:
        for card, status in ((closed, Status.PASSIVE), (lost, Status.UNPAIRED)):
            await connection.execute(
                update(tables.cards).where(tables.cards.c.id == card["card"]).values(status=status)
            )
    await house.town.write(house.people[:1], "web", kind=kind, **closed)
    await house.town.write(house.people[:1], "web", kind=kind, word="other", **lost)
    await house.town.write(house.people[:1], "web", kind=Kind.PASSIVE, **closed)
    found = await house.mailbox.collect(AYSE)
    assert [("toplu taşımaya kapandı" in each.text) for each in found.messages] == [False, True]
    rows = await house.town.rows()
    assert [(row.kind, row.state, row.cause) for row in rows] == [
        (kind, Post.DROPPED, "overtaken"),
        (kind, Post.SENDING, ""),
        (Kind.PASSIVE, Post.SENDING, ""),
    ]


@pytest.mark.parametrize(
    ("wish", "state"),
    [(SetNotices(False), Post.OPTED_OUT), (SetReminders(False), Post.DROPPED)],
)
async def test_what_was_declined_is_not_shown(
    house: House, wish: SetNotices | SetReminders, state: Post
) -> None:
    await house.town.write(house.people[:1], "web")
    async with house.town.database.begin() as connection:
        await house.town.registry.perform(connection, [Asked(AYSE, wish, NOON, "tr")])
    assert await house.mailbox.collect(AYSE) == Collected()
    assert await house.states() == [state]


async def test_a_notice_without_words_waits_for_the_operator(house: House) -> None:
    """A mistake of ours costs one notice, not the others."""
    await house.town.write(house.people[:1], "web", word="first")
    await house.town.write(house.people[:1], "web", word="second")

    def clumsy(parcel: Parcel, now: datetime) -> Letter:
        if parcel.key.endswith("first"):
            raise KeyError("notice")
        return word(parcel, now)

    pickup = Pickup(house.town.vault)
    mailbox = Mailbox(house.town.database, house.town.ledger, pickup, clumsy, house.town.clock)
    assert len((await mailbox.collect(AYSE)).ids) == 1
    assert await house.states() == [Post.HELD, Post.SENDING]


@pytest.mark.sqlite("another holds the file's lock")
async def test_an_idle_look_writes_nothing(tmp_path: Path) -> None:
    """Thousands of open pages look every few seconds, while somebody else holds the pen."""
    async with town(home=tmp_path) as built:
        mailbox = House(built, await built.people(1, "web")).mailbox
        with closing(sqlite3.connect(tmp_path / "hesbot.sqlite3", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert await mailbox.collect(AYSE) == Collected()


@pytest.mark.sqlite("another holds the file's lock")
async def test_records_out_of_reach_are_told_as_a_channel_knows_it(tmp_path: Path) -> None:
    """And lose nothing."""
    async with town(home=tmp_path) as built:
        people = await built.people(1, "web")
        await built.write(people, "web")
        hasty = await homes.opened_in(tmp_path, patience=Patience(lock=0.02))
        mailbox = House(built, people).at(hasty)
        with closing(sqlite3.connect(tmp_path / "hesbot.sqlite3", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Unavailable):
                await mailbox.collect(AYSE)
            with pytest.raises(Unavailable):
                await mailbox.confirm(AYSE, [1])
        assert len((await mailbox.collect(AYSE)).ids) == 1
        await hasty.close()
