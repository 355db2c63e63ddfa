"""Deliveries from their cause to their outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from storage import tables, tallies
from storage.database import Database
from storage.entries import Entry, Post, Settled, Urgency
from storage.ledger import Ledger
from storage.parcels import Parcel
from storage.vault import Vault
from tests.storage.people import AYSE, AYSE_ANSWERS, CARD, NOW, Office

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
ENTRY = Entry("suspended:1", "suspended", Urgency.SUSPENSION, 1, "telegram", NOW, card=1, link=1)
REMINDER = replace(ENTRY, urgency=Urgency.REMINDER)


class Counter:
    """A ledger with its database."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self.database = database
        self.ledger = Ledger(vault)

    async def write(self, *entries: Entry) -> int:
        async with self.database.begin() as conn:
            return await self.ledger.write(conn, entries, NOW)

    async def lease(
        self, room: int = 10, worker: str = "w", least: Urgency = Urgency.BROADCAST
    ) -> list[Parcel]:
        async with self.database.begin() as conn:
            return await self.ledger.lease(
                conn, "telegram", room, NOW, NOW, NOW + HOUR, worker, list(Urgency)[: least + 1]
            )

    async def settle(self, *settled: Settled, worker: str | None = None) -> None:
        async with self.database.begin() as conn:
            await self.ledger.settle(conn, settled, NOW + SECOND, worker)

    async def report(self, provider_id: str, post: Post, cause: str = "") -> bool:
        async with self.database.begin() as conn:
            return await self.ledger.report(conn, ENTRY.key, provider_id, post, cause, NOW)

    async def recover(self, reports: bool = False) -> int:
        late = NOW + 2 * HOUR
        async with self.database.begin() as conn:
            by = late + HOUR if reports else None
            return await self.ledger.recover(conn, "telegram", late, 10, reported_by=by)

    async def rows(self) -> list[Any]:
        async with self.database.read() as conn:
            wanted = select(tables.deliveries).order_by(tables.deliveries.c.id)
            return list(await conn.execute(wanted))

    async def states(self) -> list[str]:
        return [row.state for row in await self.rows()]


@pytest.fixture
async def here(office: Office, vault: Vault) -> Counter:
    """A ledger and one person with a card."""
    await office.paired(AYSE, AYSE_ANSWERS)
    return Counter(office.database, vault)


def several(*urgencies: Urgency) -> Iterable[Entry]:
    return (
        replace(ENTRY, key=f"k{number}", urgency=urgency)
        for number, urgency in enumerate(urgencies)
    )


class TestWriting:
    """One cause is never written twice."""

    async def test_a_delivery_is_written_once_for_each_cause(self, here: Counter) -> None:
        """In one call, in several, and what was written first stays."""
        other = replace(ENTRY, key="other", expires_at=NOW + HOUR, about={"days": 3})
        assert await here.write(ENTRY, ENTRY) == 1
        assert await here.write(replace(ENTRY, kind="passive"), other) == 1
        assert await here.write() == 0
        first, second = await here.rows()
        assert (first.kind, first.state, first.about, first.attempts) == (
            "suspended",
            "pending",
            "{}",
            0,
        )
        assert (second.expires_at, second.about) == (NOW + HOUR, '{"days": 3}')

    async def test_many_at_once_are_counted(self, here: Counter) -> None:
        """More than one statement names."""
        entries = [replace(ENTRY, key=f"k{number:04}") for number in range(1100)]
        assert await here.write(*entries[:600]) == 600
        assert await here.write(*entries) == 500

    async def test_two_processes_write_the_same_in_opposite_order(
        self, here: Counter, offices: list[Office], vault: Vault
    ) -> None:
        """Each is there once, and nobody waits for ever."""
        both = [Counter(office.database, vault) for office in offices]
        for start in range(0, 400, 40):
            entries = [replace(ENTRY, key=f"k{number}") for number in range(start, start + 40)]
            await asyncio.gather(both[0].write(*entries), both[1].write(*entries[::-1]))
        assert len(await here.states()) == 400


class TestLeasing:
    """What goes out next, and to whom it is given."""

    async def test_what_is_urgent_goes_first_then_what_waits_longest(self, here: Counter) -> None:
        """As many as there is room for."""
        await here.write(
            replace(ENTRY, key="a_late", due_at=NOW),
            replace(ENTRY, key="b_early", due_at=NOW - HOUR),
            replace(ENTRY, key="cast", urgency=Urgency.BROADCAST, due_at=NOW - 3 * HOUR),
            replace(ENTRY, key="mind", urgency=Urgency.REMINDER, due_at=NOW - 2 * HOUR),
        )
        assert [each.key for each in await here.lease(3)] == ["b_early", "a_late", "mind"]
        assert [each.key for each in await here.lease(3)] == ["cast"]
        assert await here.lease(3) == []

    async def test_only_what_is_urgent_enough_due_and_of_the_channel(self, here: Counter) -> None:
        """The rest stays where it is."""
        await here.write(
            replace(ENTRY, key="mind", urgency=Urgency.REMINDER),
            replace(ENTRY, key="later", urgency=Urgency.REMINDER, due_at=NOW + SECOND),
            replace(ENTRY, key="elsewhere", channel="whatsapp"),
        )
        assert await here.lease(least=Urgency.SUSPENSION) == []
        assert [each.key for each in await here.lease()] == ["mind"]
        states = {row.key: row.state for row in await here.rows()}
        assert states == {"mind": "sending", "later": "pending", "elsewhere": "pending"}

    async def test_a_parcel_says_what_holds_at_this_moment(
        self, here: Counter, office: Office
    ) -> None:
        """Enough to word it and to see whether it is still true."""
        await here.write(ENTRY)
        await office.suspend()
        (parcel,) = await here.lease()
        assert (parcel.address, parcel.locale, parcel.number) == (AYSE, "tr", CARD)
        assert (parcel.status, parcel.link_open, parcel.travels) == ("SUSPENDED", True, True)
        assert (parcel.attempts, parcel.repeats) == (1, 0)
        assert {parcel.opted_out, parcel.blocked, parcel.reminders_off} == {False}

    async def test_each_is_given_to_one_process(
        self, here: Counter, offices: list[Office], vault: Vault
    ) -> None:
        """However many ask at once."""
        await here.write(*several(*[Urgency.REMINDER] * 60))
        asking = [Counter(office.database, vault).lease(7) for office in offices * 5]
        taken = [each.id for some in await asyncio.gather(*asking) for each in some]
        assert len(taken) == len(set(taken)) == 60

    async def test_what_is_due_for_somebody_who_comes_by(
        self, here: Counter, office: Office
    ) -> None:
        """Theirs alone."""
        await here.write(ENTRY, replace(REMINDER, key="later", due_at=NOW + HOUR))
        async with here.database.begin() as conn:
            found = await here.ledger.lease_for(conn, [2, 3], NOW, NOW + HOUR, "page")
            assert found == []
            found = await here.ledger.lease_for(conn, [1], NOW, NOW + HOUR, "page")
        assert [each.key for each in found] == [ENTRY.key]

    async def test_whether_anything_is_due(self, here: Counter) -> None:
        """Before a lease and after it."""

        async def is_due() -> bool:
            async with here.database.read() as conn:
                return await here.ledger.is_due(conn, "telegram", NOW, NOW)

        assert not await is_due()
        await here.write(replace(ENTRY, urgency=Urgency.BROADCAST))
        assert await is_due()
        await here.lease()
        assert not await is_due()


class TestSettling:
    """What became of it."""

    async def test_an_outcome_is_written_down(self, here: Counter) -> None:
        """With the message's name there and when it went."""
        await here.write(*several(Urgency.SUSPENSION, Urgency.REMINDER))
        first, second = await here.lease()
        await here.settle(
            Settled(second.id, Post.BLOCKED, "403_blocked"),
            Settled(first.id, Post.SENT, provider_id="m1"),
        )
        sent, blocked = await here.rows()
        assert (sent.state, sent.provider_id, sent.sent_at) == ("sent", "m1", NOW + SECOND)
        assert (blocked.state, blocked.cause, blocked.sent_at) == ("blocked", "403_blocked", None)

    async def test_what_was_not_sent_waits_without_a_charge(self, here: Counter) -> None:
        """The try counts only where it was one; a doubtful one counts as a repetition."""
        await here.write(ENTRY)
        (parcel,) = await here.lease()
        back = Settled(parcel.id, Post.PENDING, "busy", due_at=NOW, charged=False)
        await here.settle(back)
        (row,) = await here.rows()
        assert (row.state, row.attempts, row.repeats, row.cause) == ("pending", 0, 0, "busy")
        (parcel,) = await here.lease()
        await here.settle(replace(back, charged=True, repeated=True))
        (row,) = await here.rows()
        assert (row.attempts, row.repeats) == (1, 1)

    async def test_a_report_may_come_before_the_answer_to_the_call(self, here: Counter) -> None:
        """It knows more, and stays."""
        await here.write(ENTRY)
        (parcel,) = await here.lease()
        assert await here.report("m1", Post.DELIVERED)
        await here.settle(Settled(parcel.id, Post.SENT, provider_id="m1"))
        (row,) = await here.rows()
        assert (row.state, row.provider_id, row.sent_at) == ("delivered", "m1", NOW)

    async def test_reports_only_move_forward(self, here: Counter) -> None:
        """Repeated and in disorder."""
        await here.write(ENTRY)
        (parcel,) = await here.lease()
        await here.settle(Settled(parcel.id, Post.SENT, provider_id="m1"))
        posts = [Post.SENT, Post.READ, Post.DELIVERED, Post.READ, Post.FAILED, Post.SENT]
        assert [await here.report("m1", post) for post in posts] == [False, True] + [False] * 4
        assert await here.states() == ["read"]

    @pytest.mark.parametrize("outcome", [Post.SENT, Post.PENDING])
    async def test_a_lost_lease_says_nothing_of_the_next_one(
        self, here: Counter, outcome: Post
    ) -> None:
        """Another process is at it by now."""
        await here.write(ENTRY)
        (parcel,) = await here.lease(worker="slow")
        await here.recover()
        await here.lease(worker="other")
        await here.settle(Settled(parcel.id, outcome), worker="slow")
        assert await here.states() == ["sending"]
        await here.settle(Settled(parcel.id, Post.SENT), worker="other")
        assert await here.states() == ["sent"]

    @pytest.mark.parametrize("reports", [False, True])
    async def test_what_went_after_all_does_not_go_again(
        self, here: Counter, reports: bool
    ) -> None:
        """Its process was slow, and nobody else has taken it yet."""
        await here.write(ENTRY)
        (parcel,) = await here.lease(worker="slow")
        await here.recover(reports)
        await here.settle(Settled(parcel.id, Post.PENDING, "busy"), worker="slow")
        assert await here.states() == ["unknown" if reports else "pending"]
        await here.settle(Settled(parcel.id, Post.SENT, provider_id="m1"), worker="slow")
        (row,) = await here.rows()
        assert (row.state, row.provider_id) == ("sent", "m1")


class TestRecovering:
    """A process died."""

    async def test_it_goes_again_and_is_counted(self, here: Counter) -> None:
        """It may have gone out."""
        await here.write(ENTRY)
        assert await here.recover() == 0
        await here.lease()
        assert [await here.recover(), await here.recover()] == [1, 0]
        (row,) = await here.rows()
        assert (row.state, row.repeats) == ("pending", 1)
        assert len(await here.lease()) == 1

    async def test_where_reports_come_one_is_waited_for(self, here: Counter) -> None:
        """Only after that it goes again."""
        await here.write(ENTRY)
        await here.lease()
        await here.recover(reports=True)
        (row,) = await here.rows()
        assert (row.state, row.repeats, row.rest_until) == ("unknown", 0, NOW + 3 * HOUR)
        async with here.database.begin() as conn:
            late = NOW + 3 * HOUR
            await here.ledger.recover(conn, "telegram", late, 10, reported_by=late + HOUR)
        (row,) = await here.rows()
        assert (row.state, row.repeats) == ("pending", 1)

    async def test_a_lease_that_lasts_is_left_alone(self, here: Counter) -> None:
        """And what is another channel's."""
        await here.write(ENTRY)
        await here.lease()
        async with here.database.begin() as conn:
            assert await here.ledger.recover(conn, "telegram", NOW, 10) == 0
            assert await here.ledger.recover(conn, "whatsapp", NOW + 9 * HOUR, 10) == 0

    async def test_what_is_held_is_let_go_by_its_cause(self, here: Counter) -> None:
        """Others wait on."""
        await here.write(*several(Urgency.SUSPENSION, Urgency.SUSPENSION))
        first, second = await here.lease()
        await here.settle(
            Settled(first.id, Post.HELD, "no_template"), Settled(second.id, Post.HELD, "broken")
        )
        async with here.database.begin() as conn:
            freed = await here.ledger.release_held(conn, "telegram", NOW, "no_template")
        assert freed == 1
        assert await here.states() == ["pending", "held"]


class TestAddresses:
    """Where nothing arrives."""

    @pytest.mark.parametrize(
        ("post", "column"),
        [
            (Post.BLOCKED, "blocked_at"),
            (Post.UNREACHABLE, "blocked_at"),
            (Post.OPTED_OUT, "opted_out_at"),
        ],
    )
    async def test_it_is_remembered_since_when(
        self, here: Counter, office: Office, post: Post, column: str
    ) -> None:
        """The first wish counts, the last failure, and the next parcel says so."""
        for at in (NOW, NOW + HOUR):
            async with here.database.begin() as conn:
                await here.ledger.mark_address(conn, [1], post, at)
        (address,) = await office.rows(tables.addresses)
        assert getattr(address, column) == (NOW if post is Post.OPTED_OUT else NOW + HOUR)
        await here.write(ENTRY)
        (parcel,) = await here.lease()
        assert parcel.opted_out is (post is Post.OPTED_OUT)
        assert parcel.blocked is (post is not Post.OPTED_OUT)


class TestCounting:
    """For whoever watches."""

    async def test_by_channel_kind_and_state(self, here: Counter) -> None:
        """How many there are, and how long the urgent ones wait."""
        await here.write(
            replace(ENTRY, due_at=NOW - HOUR),
            replace(ENTRY, key="2", urgency=Urgency.REMINDER, due_at=NOW - 2 * HOUR),
            replace(REMINDER, key="3", due_at=NOW + HOUR),
        )
        async with here.database.read() as conn:
            assert await tallies.by_state(conn) == {("telegram", "suspended", "pending"): 3}
            assert await tallies.waiting(conn, "telegram", NOW) == (2, 3600)
            assert await tallies.waiting(conn, "whatsapp", NOW) == (0, 0)
