"""A messenger's later word: repeated, in any order, and at times about an earlier try."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import select

from conversations.actions import LookUpPerson
from storage import (
    Asked,
    Database,
    Entry,
    Ledger,
    Parcel,
    Post,
    Settled,
    Urgency,
    Vault,
    receipts,
    tables,
)
from storage.conversations import address_key
from storage.people import People
from tests.storage.people import AYSE_AT_WHATSAPP, NOW, Office

KEY = "suspended:7:2021-01-10"
MINUTE = timedelta(minutes=1)
LATER = NOW + MINUTE
UNTIL = NOW + timedelta(seconds=30)
ORDERS = list(permutations([Post.SENT, Post.DELIVERED, Post.READ]))


class Desk:
    """A ledger with one delivery, and short ways to move it."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._ledger = Ledger(vault)

    async def open(self) -> None:
        asked = Asked(AYSE_AT_WHATSAPP, LookUpPerson(), NOW, "tr")
        async with self._database.begin() as conn:
            senders = await People(self._vault).keep_senders(conn, [asked])
            address = senders[AYSE_AT_WHATSAPP].id
            entry = Entry(KEY, "suspended", Urgency.SUSPENSION, address, "whatsapp", NOW)
            await self._ledger.write(conn, [entry], NOW)

    async def lease(self) -> Parcel:
        async with self._database.begin() as conn:
            (parcel,) = await self._ledger.lease(conn, "whatsapp", 1, NOW, NOW, UNTIL, "w1")
        return parcel

    async def settle(self, post: Post, provider_id: str | None = None) -> None:
        async with self._database.begin() as conn:
            await self._ledger.settle(conn, [Settled(1, post, provider_id=provider_id)], NOW)

    async def report(self, provider_id: str, post: Post, key: str = KEY) -> bool:
        async with self._database.begin() as conn:
            return await self._ledger.report(conn, key, provider_id, post, "", LATER)

    async def row(self) -> Any:
        async with self._database.read() as conn:
            return (await conn.execute(tables.deliveries.select())).one()


@pytest.fixture
async def desk(database: Database, vault: Vault) -> Desk:
    made = Desk(database, vault)
    await made.open()
    return made


async def test_a_delivery_is_found_by_key_or_by_message(desk: Desk, database: Database) -> None:
    """By neither there is none, and of others neither."""
    await desk.lease()
    await desk.settle(Post.SENT, "SM1")
    wanted = receipts.Receipt(1, 1, Post.SENT, "", "SM1", 1, "whatsapp")
    for lock in (False, True):
        async with database.begin() as conn:
            assert await receipts.find(conn, KEY, "", lock=lock) == wanted
            assert await receipts.find(conn, "", "SM1", lock=lock) == wanted
            assert await receipts.find(conn, "other", "SM1", lock=lock) is None
            assert await receipts.find(conn, "", "SM2", lock=lock) is None
            assert await receipts.find(conn, "", "", lock=lock) is None


@pytest.mark.parametrize("order", ORDERS)
async def test_the_order_of_reports_does_not_matter(desk: Desk, order: tuple[Post, ...]) -> None:
    """The furthest stays, however often and in whatever order it is told."""
    await desk.lease()
    for post in (*order, *order):
        await desk.report("SM1", post)
    row = await desk.row()
    assert (row.state, row.provider_id, row.sent_at, row.rest_until) == ("read", "SM1", LATER, None)


async def test_a_report_before_the_answer(desk: Desk) -> None:
    """What the sender settles afterwards changes nothing any more."""
    await desk.lease()
    assert await desk.report("SM1", Post.DELIVERED)
    await desk.settle(Post.UNKNOWN)
    row = await desk.row()
    assert (row.state, row.provider_id) == ("delivered", "SM1")


async def test_an_unknown_one_is_resolved_either_way(desk: Desk) -> None:
    """A create that timed out is known of by its report."""
    await desk.lease()
    await desk.settle(Post.UNKNOWN)
    assert await desk.report("SM1", Post.SENT)
    assert (await desk.row()).provider_id == "SM1"
    assert await desk.report("SM1", Post.FAILED)
    assert await desk.report("SM1", Post.DELIVERED)
    assert (await desk.row()).state == "delivered"


LOST = [Post.FAILED, Post.UNREACHABLE, Post.OPTED_OUT, Post.BLOCKED, Post.HELD, Post.PENDING]


@pytest.mark.parametrize("post", LOST)
async def test_a_failure_is_not_a_sending(desk: Desk, post: Post) -> None:
    """What never went has no time of sending, and a late "sent" does not revive it."""
    await desk.lease()
    assert await desk.report("SM1", post)
    assert not await desk.report("SM1", Post.SENT)
    row = await desk.row()
    assert (row.state, row.sent_at, row.provider_id) == (post, None, "SM1")
    assert await desk.report("SM1", Post.READ)


async def test_old_reports_do_not_touch_the_next_try(desk: Desk) -> None:
    """Put back and tried again, it is no longer concerned by what is said of the first message."""
    await desk.lease()
    await desk.settle(Post.SENT, "SM1")
    assert await desk.report("SM1", Post.PENDING)
    for post in (Post.SENT, Post.PENDING, Post.FAILED):
        assert not await desk.report("SM1", post)
    await desk.lease()
    for post in (Post.SENT, Post.PENDING, Post.FAILED):
        assert not await desk.report("SM1", post)
    await desk.settle(Post.SENT, "SM2")
    for post in (Post.SENT, Post.PENDING, Post.FAILED):
        assert not await desk.report("SM1", post)
    assert (await desk.row()).provider_id == "SM2"
    assert await desk.report("SM2", Post.FAILED)


async def test_the_next_try_is_known_by_its_own_message(desk: Desk) -> None:
    """A report that comes before the second answer is about the second message."""
    await desk.lease()
    await desk.settle(Post.SENT, "SM1")
    await desk.report("SM1", Post.PENDING)
    await desk.lease()
    assert await desk.report("SM2", Post.SENT)
    assert (await desk.row()).provider_id == "SM2"
    assert await desk.report("SM2", Post.FAILED)


async def test_what_was_taken_for_lost_can_arrive(desk: Desk) -> None:
    """Even the first of two messages: it has been told, so nothing more goes out."""
    await desk.lease()
    await desk.settle(Post.SENT, "SM1")
    await desk.report("SM1", Post.PENDING)
    assert await desk.report("SM1", Post.DELIVERED)
    assert (await desk.row()).state == "delivered"


async def test_a_try_that_does_not_count(desk: Desk, database: Database) -> None:
    """``charged`` and ``rest_until`` are written as the sender's are."""
    await desk.lease()
    settled = Settled(1, Post.PENDING, "63018", rest_until=UNTIL, charged=False)
    async with database.begin() as conn:
        receipt = await receipts.find(conn, KEY, "", lock=True)
        assert receipt is not None
        await receipts.move(conn, receipt, settled, "", NOW)
    row = await desk.row()
    assert (row.state, row.cause, row.attempts, row.rest_until) == ("pending", "63018", 0, UNTIL)
    assert row.provider_id is None


@pytest.mark.parametrize(
    ("heard_at", "blocked"), [(None, True), (NOW, True), (NOW - MINUTE, True), (LATER, False)]
)
async def test_who_writes_again_can_be_reached(
    desk: Desk, database: Database, vault: Vault, heard_at: datetime | None, blocked: bool
) -> None:
    """Not every messenger says that somebody has come back."""
    async with database.begin() as conn:
        await Ledger(vault).mark_address(conn, [1], Post.UNREACHABLE, NOW)
        talk = {
            "address_key": address_key(vault, AYSE_AT_WHATSAPP),
            "state": b"",
            "step": "",
            "updated_at": NOW,
            "heard_at": heard_at,
        }
        await conn.execute(tables.conversations.insert(), [talk])
    assert (await desk.lease()).blocked is blocked


async def test_reach_is_kept_from_the_first_time(office: Office) -> None:
    """An address that shut us out is blocked until it lets us in; an unknown one is not made."""
    blocked_at = select(tables.addresses.c.blocked_at)
    asked = Asked(AYSE_AT_WHATSAPP, LookUpPerson(), NOW, "tr")
    set_reach = office.registry.set_reach
    async with office.database.begin() as conn:
        await set_reach(conn, AYSE_AT_WHATSAPP, False, NOW)
        assert (await conn.execute(blocked_at)).first() is None
        await office.registry._people.keep_senders(conn, [asked])
        for reachable, at, wanted in (
            (True, NOW, None),
            (False, NOW, NOW),
            (False, LATER, NOW),
            (True, LATER, None),
        ):
            await set_reach(conn, AYSE_AT_WHATSAPP, reachable, at)
            assert await conn.scalar(blocked_at) == wanted
