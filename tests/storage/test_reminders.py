"""Which notices an address wants, and how what waits for it is found; on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from conversations.actions import (
    Done,
    LookUpNotices,
    NoticesFound,
    SaveLink,
    SetNotices,
    SetReminders,
)
from conversations.events import Address
from storage import tables
from storage.database import Database
from storage.pickup import Pickup
from storage.vault import Vault
from tests.storage.people import AYSE, AYSE_ANSWERS, BORA, BORA_ANSWERS, NOW, Office

EVERYTHING = NoticesFound(reminders=True, stopped=False)
NO_REMINDERS = NoticesFound(reminders=False, stopped=False)


@pytest.fixture
async def people(office: Office) -> Office:
    """Two who are known."""
    await office.ask(AYSE, SaveLink(AYSE_ANSWERS))
    await office.ask(BORA, SaveLink(BORA_ANSWERS))
    return office


async def test_everything_comes_until_it_is_declined(people: Office) -> None:
    """Also to an address that nobody knows."""
    assert await people.ask(AYSE, LookUpNotices()) == [EVERYTHING]
    assert await people.ask(Address("telegram", "9999"), LookUpNotices()) == [EVERYTHING]


async def test_reminders_are_declined_and_wanted_again(people: Office) -> None:
    """By this address alone, from the first time it was asked."""
    for hours in (0, 1):
        asked = people.at(NOW + timedelta(hours=hours))
        assert await asked.ask(AYSE, SetReminders(False)) == [Done()]
    ayse, bora = await people.rows(tables.addresses)
    assert (ayse.reminders_off_at, bora.reminders_off_at) == (NOW, None)
    assert await people.ask(AYSE, LookUpNotices()) == [NO_REMINDERS]
    await people.ask(AYSE, SetReminders(True))
    assert await people.ask(AYSE, LookUpNotices()) == [EVERYTHING]


async def test_wanting_reminders_ends_an_opt_out(people: Office) -> None:
    await people.ask(AYSE, SetNotices(False))
    assert await people.ask(AYSE, LookUpNotices()) == [NoticesFound(reminders=True, stopped=True)]
    await people.ask(AYSE, SetReminders(True))
    assert await people.ask(AYSE, LookUpNotices()) == [EVERYTHING]


async def test_declining_reminders_ends_no_opt_out(people: Office) -> None:
    await people.ask(AYSE, SetNotices(False), SetReminders(False))
    assert await people.ask(AYSE, LookUpNotices()) == [NoticesFound(reminders=False, stopped=True)]


async def test_a_stranger_who_declines_leaves_no_trace(people: Office) -> None:
    before = await people.count()
    await people.ask(Address("telegram", "9999"), SetReminders(False))
    assert await people.count() == before


async def test_a_look_into_the_mailbox_reads_by_index(database: Database, vault: Vault) -> None:
    """Every open page looks every few seconds (EXPLAIN QUERY PLAN, sqlite.org/eqp.html)."""
    asked: list[tuple[str, tuple[object, ...]]] = []
    async with database.read() as connection:
        if connection.dialect.name != "sqlite":
            return

        def note(_c: object, _u: object, statement: str, values: Any, *_: object) -> None:
            asked.append((statement, tuple(values)))

        event.listen(connection.sync_connection, "before_cursor_execute", note)
        await Pickup(vault).find(connection, AYSE, NOW, NOW)
        (statement, values), *_ = asked
        plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        steps = [row[3] for row in plan]
    assert [step for step in steps if step.startswith("SCAN") and "CONSTANT" not in step] == []
    assert any("ix_deliveries_address_id" in step for step in steps), steps
