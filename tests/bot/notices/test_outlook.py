"""What would go out on a day: it is what then goes out, and looking changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bot.notices.outlook import Outlook, make, noon, outlook
from bot.notices.passes import Passes, Transactions
from bot.notices.rules import Kind
from conversations.actions import RecordConsent, SetNotices, SetReminders, Verdict
from conversations.events import Address
from storage import Conversations, RiskChange, tables
from tests.bot.notices.town import DEADLINE, NOON, Town, town
from tests.storage.conftest import postgresql, url  # noqa: F401
from tests.storage.people import (
    AYSE,
    AYSE_ANSWERS,
    BORA,
    BORA_ANSWERS,
    CARD,
    CEM,
    CODE,
    TERMS,
    Office,
)

BEFORE = NOON - timedelta(days=20)
DAY = date(2021, 1, 12)
"""Three days are left; Ayşe's code ends at 18:00 on the 11th, and Bora's on the 15th."""


@pytest.fixture
async def here(url: str) -> AsyncIterator[Town]:  # noqa: F811
    """Ayşe and Bora have paired, Cem has not."""
    async with town(url) as found:
        office = Office(found.database, found.registry, BEFORE)
        for who, answers, end in ((AYSE, AYSE_ANSWERS, 11), (BORA, BORA_ANSWERS, 15)):
            saved = await office.paired(who, answers)
            until = noon(date(2021, 1, end)) + timedelta(hours=6)
            await office.verdict(saved, Verdict.VALID, until)
        await office.ask(CEM, RecordConsent((TERMS,)))
        yield found


def passes_on(here: Town, records: Transactions) -> Passes:
    return Passes(records, here.registry, here.ledger, Conversations(here.vault), DEADLINE)


async def look(here: Town, day: date = DAY) -> Outlook:
    return await outlook(
        here.database, lambda records: passes_on(here, records), here.registry, here.vault, day
    )


async def everything(here: Town) -> dict[str, list[Any]]:
    async with here.database.read() as connection:
        return {
            table.name: [tuple(row) for row in await connection.execute(select(table))]
            for table in tables.metadata.sorted_tables
        }


async def test_what_would_go_out_is_what_then_is_written(here: Town) -> None:
    """Down to the key; and to look twice changes nothing."""
    before = await everything(here)
    found = await look(here)
    assert await everything(here) == before
    assert found.kinds == Counter({Kind.CODE_EXPIRED: 1, Kind.DEADLINE: 2, Kind.CODE_EXPIRES: 1})
    await make(passes_on(here, here.database), noon(DAY))
    rows = await here.rows()
    assert sorted(each["key"] for each in found.notices) == sorted(row.key for row in rows)
    assert (await look(here)).as_json() == found.as_json()


async def test_where_only_counts_are_wanted_no_notice_is_kept(here: Town) -> None:
    """Millions may be told."""
    full = await look(here)
    counted = await outlook(
        here.database,
        lambda records: passes_on(here, records),
        here.registry,
        here.vault,
        DAY,
        listing=False,
    )
    assert (counted.kinds, counted.channels) == (full.kinds, full.channels)
    assert (len(full.notices), counted.notices) == (full.kinds.total(), [])


async def test_after_the_deadline_cards_are_ended_in_the_outlook_too(here: Town) -> None:
    """Ayşe's code ended before it; Bora's ends that very day, later than noon."""
    await make(passes_on(here, here.database), noon(DAY))
    found = await look(here, date(2021, 1, 15))
    assert found.kinds[Kind.PASSIVE] == 1
    assert found.kinds[Kind.DEADLINE_PASSED] == 1
    await make(passes_on(here, here.database), noon(date(2021, 1, 15)))
    again = await look(here, date(2021, 1, 15))
    assert {each["key"] for each in found.notices} == {each["key"] for each in again.notices}


async def test_what_would_not_be_sent_is_not_in_it(here: Town) -> None:
    """Declined, opted out, or no longer true."""
    office = Office(here.database, here.registry, NOON)
    await office.ask(CEM, SetReminders(False))
    await office.ask(BORA, SetNotices(False))
    found = await look(here)
    assert found.kinds == Counter({Kind.CODE_EXPIRED: 1, Kind.DEADLINE: 1})


async def test_what_waits_already_belongs_to_its_day(here: Town) -> None:
    """A notice of the night before goes out in the morning."""
    night = noon(DAY) - timedelta(hours=12, minutes=-1)
    async with here.database.begin() as connection:
        for number, risky in enumerate((True, False)):
            change = RiskChange(str(number), CODE, risky, BEFORE + timedelta(days=number))
            await here.registry.risks.take(connection, [change], night - timedelta(days=1))
    found = await look(here, DAY - timedelta(days=1))
    assert found.kinds[Kind.RETURNED] == 1


async def test_nobody_can_be_recognised(here: Town) -> None:
    """Identities and cards are masked, and no code is shown."""
    office = Office(here.database, here.registry, BEFORE)
    await office.ask(Address("whatsapp", "+905320000021"), RecordConsent((TERMS,)))
    shown = str((await look(here)).as_json())
    for secret in (AYSE.id, "5320000021", CARD, CODE):
        assert secret not in shown
    assert "+90 532 ••• •• 21" in shown
    assert "7301 •••• •••• 2222" in shown


async def test_an_outlook_that_takes_too_long_is_given_up(here: Town) -> None:
    """And leaves nothing behind."""
    before = await everything(here)
    with pytest.raises(TimeoutError):
        await outlook(
            here.database,
            lambda records: passes_on(here, records),
            here.registry,
            here.vault,
            DAY,
            limit=0.0,
        )
    assert await everything(here) == before
