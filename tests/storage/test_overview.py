"""The records counted for the console, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from conversations.actions import Status
from storage import overview, tables
from storage.entries import Entry, Post, Urgency
from storage.ledger import Ledger
from storage.overview import Queue
from storage.vault import Vault
from tests.storage.people import (
    AYSE,
    AYSE_ANSWERS,
    BORA,
    BORA_ANSWERS,
    NOW,
    Office,
)

HOUR = timedelta(hours=1)
ENTRY = Entry("k0", "expiry", Urgency.REMINDER, 1, "telegram", NOW)


@pytest.fixture
async def here(office: Office) -> Office:
    """Two people with a card each."""
    await office.paired(AYSE, AYSE_ANSWERS)
    await office.paired(BORA, BORA_ANSWERS)
    return office


async def write(here: Office, vault: Vault, *entries: Entry) -> None:
    """Write some deliveries, each for a cause of its own."""
    async with here.database.begin() as conn:
        named = [replace(each, key=f"k{number}") for number, each in enumerate(entries, 1)]
        await Ledger(vault).write(conn, named, NOW)


async def test_cards_by_status(here: Office) -> None:
    """Every status is told, also one that no card has."""
    await here.suspend()
    async with here.database.read() as conn:
        assert await overview.cards(conn) == {
            Status.UNPAIRED: 0,
            Status.ACTIVE: 1,
            Status.SUSPENDED: 1,
            Status.PASSIVE: 0,
        }


async def test_notices_by_channel_and_state(here: Office, vault: Vault) -> None:
    """What belongs to a broadcast is none."""
    await write(here, vault, *([ENTRY] * 4), replace(ENTRY, channel="whatsapp"))
    row = tables.deliveries
    async with here.database.begin() as conn:
        await conn.execute(update(row).where(row.c.key == "k1").values(broadcast_id=7))
        await conn.execute(update(row).where(row.c.key == "k2").values(state="blocked"))
        assert await overview.notices(conn) == {
            ("telegram", Post.BLOCKED): 1,
            ("telegram", Post.PENDING): 2,
            ("whatsapp", Post.PENDING): 1,
        }


async def test_the_queue_is_what_could_go_now(here: Office, vault: Vault) -> None:
    """With the age of the oldest; a suspension is due whatever its time says."""
    late = replace(ENTRY, due_at=NOW - 3 * HOUR)
    suspension = replace(ENTRY, urgency=Urgency.SUSPENSION, due_at=NOW + HOUR)
    of_broadcast = replace(ENTRY, due_at=NOW - 9 * HOUR)
    await write(
        here,
        vault,
        ENTRY,
        late,
        replace(ENTRY, due_at=NOW + HOUR),
        suspension,
        of_broadcast,
        replace(suspension, channel="whatsapp"),
    )
    row = tables.deliveries
    async with here.database.begin() as conn:
        await conn.execute(update(row).where(row.c.key == "k5").values(broadcast_id=7))
        assert await overview.queues(conn, ["telegram", "whatsapp", "web"], NOW) == [
            Queue("telegram", 3, 3 * HOUR),
            Queue("whatsapp", 1, timedelta(0)),
            Queue("web", 0, timedelta(0)),
        ]
