"""Look-ups over millions of rows go by an index: what each database says it will do."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from conversations.actions import LookUpNotices, LookUpPerson, RecordConsent
from storage import candidates, marks, overview, passes, tallies
from storage.conversations import Conversations, Kept
from storage.database import Database
from storage.entries import Post
from storage.ledger import Ledger
from storage.lookups import Lookups
from storage.registry import Registry
from storage.vault import Vault
from tests.storage.overhearing import Overheard, overhearing
from tests.storage.people import (
    AYSE,
    AYSE_ANSWERS,
    BORA,
    BORA_ANSWERS,
    CARD,
    DEADLINE,
    NOW,
    OTHER_CARD,
    OTHER_CODE,
    TERMS,
    Office,
    word,
)

LATE = NOW + timedelta(days=30)


@pytest.fixture
async def town(database: Database, vault: Vault) -> Office:
    """A register of cards without announcements."""
    office = Office(database, Registry(vault, deadline=DEADLINE))
    await office.paired(AYSE, AYSE_ANSWERS)
    return office


def scans(heard: Overheard) -> list[str]:
    """Steps that go through a whole table of the records."""
    return [
        f"{step.strip()}  <-  {sql}"
        for sql, plan in heard.plans
        for step in plan.splitlines()
        if _SCAN.match(step) and not _SMALL.search(step)
    ]


_SCAN = re.compile(r"SCAN |[ >-]*(?:Parallel )?Seq Scan on ")
_SMALL = re.compile(
    r"anon_|json_each|CONSTANT ROW|VIRTUAL|Seq Scan on (?:broadcasts|approvals|marks|staff)\b"
)
"""What was made up for the statement, and tables that hold no more than the city has hands."""


def assert_used(heard: Overheard, town: Office, *indexes: str) -> None:
    """Each index is gone by. PostgreSQL may prefer another one where there are but a few rows."""
    if town.database.dialect == "sqlite":
        plans = "\n".join(f"{plan}\n" for _, plan in heard.plans).replace("\n", " \n")
        assert [index for index in indexes if f"INDEX {index} " not in plans] == []


def in_order(heard: Overheard) -> list[str]:
    """Plans of the pages that are cut out of a long time: they come in the order of an index."""
    return [
        plan
        for sql, plan in heard.plans
        if re.search(r"AS wanted|AS anon_1.*ORDER BY links.valid_until", sql, re.DOTALL)
    ]


async def test_the_talk(town: Office, vault: Vault) -> None:
    """The inbox, the states, each way to pair a card, and the card at the gate."""
    conversations = Conversations(vault)
    with overhearing(town.database) as heard:
        async with town.database.begin() as conn:
            await conversations.claim(conn, [AYSE])
            await conversations.recall(conn, [(AYSE, "1")], [AYSE])
            await conversations.keep(conn, {AYSE: b"s", BORA: None}, [Kept(AYSE, "1", b"a")], NOW)
            await town.registry.boardings.look(conn, [CARD], NOW)
        await town.ask(BORA, RecordConsent((TERMS,)), LookUpPerson(), LookUpNotices())
        (mine,) = await town.cards(AYSE)
        await town.paired(AYSE, AYSE_ANSWERS, terms=TERMS)
        await town.paired(AYSE, {"card_number": OTHER_CARD, "hes_code": OTHER_CODE})
        await town.paired(AYSE, {"hes_code": OTHER_CODE}, cards=(mine.card,))
        await town.paired(
            BORA, BORA_ANSWERS | {"card_number": "7301000000000003", "hes_code": "C3C4567890"}
        )
    assert scans(heard) == []
    assert_used(heard, town, "ix_links_open_code", "ix_links_address_id", "ix_addresses_citizen_id")
    assert_used(heard, town, "uq_links_open_card")


async def test_deliveries(town: Office, vault: Vault) -> None:
    """What is due, what was left behind, what a report is about, what is held."""
    ledger = Ledger(vault)
    with overhearing(town.database) as heard:
        async with town.database.begin() as conn:
            await ledger.lease(conn, "telegram", 5, NOW, NOW, NOW, "w")
            await ledger.is_due(conn, "telegram", NOW, NOW)
            await ledger.lease_for(conn, [1], NOW, NOW, "w")
            await ledger.recover(conn, "telegram", NOW, 5)
            await ledger.report(conn, "", "m1", Post.READ, "", NOW)
            await ledger.report(conn, "key", "", Post.READ, "", NOW)
            await ledger.release_held(conn, "telegram", NOW, "no_template")
            await tallies.waiting(conn, "telegram", NOW)
    assert scans(heard) == []
    # PostgreSQL plans once for all parameters, and cannot know then that such an index holds all.
    asked = [sql.partition("WHERE")[2] for sql, _ in heard.plans]
    assert not any("deliveries.state = ?" in sql for sql in asked)
    assert_used(
        heard,
        town,
        "ix_deliveries_pending",
        "ix_deliveries_sending",
        "ix_deliveries_unknown",
        "ix_deliveries_outcomes",
        "ix_deliveries_provider_id",
        "ix_deliveries_address_id",
    )


async def test_risks_and_suspensions(town: Office) -> None:
    """A batch of the feed, and what ends by itself."""
    with overhearing(town.database) as heard:
        await town.hear(word(until=LATE), word("E5F6789012"))
        await town.at(LATE).end_due()
    assert scans(heard) == []
    assert_used(heard, town, "ix_links_open_code")
    assert_used(heard, town, "ix_suspensions_open_until")


async def test_what_time_brings(town: Office, vault: Vault) -> None:
    """Each page of each pass, and of those who are reminded."""
    cards = town.registry.cards
    with overhearing(town.database) as heard:
        async with town.database.begin() as conn:
            await passes.pass_deadline(conn, cards, LATE, 0, 5)
            await passes.expire(conn, cards, LATE, 0, 5)
            await candidates.waning_links(conn, NOW, LATE, 0, 5)
            await candidates.untravelled(conn, 0, 5)
            await candidates.unfinished(conn, NOW, LATE, "registration", "unfinished:", 0, 5)
            await passes.questions(conn, vault, NOW, 0, 5)
    assert scans(heard) == []
    assert_used(heard, town, "ix_cards_status")
    assert_used(heard, town, "ix_links_open_until")
    assert_used(heard, town, "ix_conversations_open_heard_at")
    assert_used(heard, town, "sqlite_autoindex_deliveries_1")
    assert len(in_order(heard)) == 2
    assert not [
        plan for plan in in_order(heard) if "TEMP B-TREE" in plan.partition("SCAN anon_1")[0]
    ]


async def test_the_whole_is_counted_in_an_index(town: Office) -> None:
    """In order; of cards and outcomes no row is looked at, of what waits only what is due."""
    with overhearing(town.database) as heard:
        async with town.database.begin() as conn:
            await overview.cards(conn)
            await overview.notices(conn)
            await overview.queues(conn, ["telegram"], NOW)
    assert scans(heard) == []
    if town.database.dialect == "sqlite":
        rows = [sql for sql, plan in heard.plans if "COVERING INDEX" not in plan]
        assert all("'pending'" in sql for sql in rows)
        assert not any("TEMP B-TREE" in plan for _, plan in heard.plans)
    assert_used(heard, town, "ix_cards_status", "ix_deliveries_outcomes", "ix_deliveries_pending")


async def test_marks(town: Office) -> None:
    """Those of some hours are found without the others."""
    with overhearing(town.database) as heard:
        async with town.database.begin() as conn:
            await marks.add(conn, {(NOW, "saved"): 1})
            await marks.since(conn, NOW)
            await marks.hourly(conn, "saved", NOW)
    assert scans(heard) == []
    assert_used(heard, town, "sqlite_autoindex_marks_1")


async def test_somebody_is_looked_up(town: Office, vault: Vault) -> None:
    """By each of the three numbers, with all that belongs to them."""
    lookups = Lookups(vault, town.registry.cards)
    with overhearing(town.database) as heard:
        async with town.database.begin() as conn:
            assert (await lookups.by_card(conn, CARD, NOW)).citizens
            assert (await lookups.by_identity_number(conn, "10000000146", NOW)).citizens
            assert (await lookups.by_phone(conn, "+905320000021", NOW)).citizens
    assert scans(heard) == []
    assert_used(
        heard, town, "ix_citizens_phone_key", "ix_deliveries_address_id", "ix_consents_citizen_id"
    )
