"""Look-ups over millions of rows go by an index: what SQLite says it will do."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from conversations.actions import RecordConsent
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
async def town(tmp_path: Path, vault: Vault) -> AsyncIterator[Office]:
    """A register in SQLite, of cards without announcements."""
    database = await Database.open(f"sqlite:///{tmp_path / 'records.sqlite3'}")
    office = Office(database, Registry(vault, deadline=DEADLINE))
    await office.paired(AYSE, AYSE_ANSWERS)
    yield office
    await database.close()


def scans(heard: Overheard) -> list[str]:
    """Steps that go through a whole table of the records."""
    return [
        f"{step}  <-  {sql}"
        for sql, plan in heard.plans
        for step in plan.splitlines()
        if step.startswith("SCAN") and not re.search(r"anon_|json_each|CONSTANT ROW|VIRTUAL", step)
    ]


def uses(heard: Overheard, index: str) -> bool:
    """Whether some plan goes by that index."""
    return any(f"INDEX {index} " in f"{plan}\n " for _, plan in heard.plans)


def in_order(heard: Overheard) -> list[str]:
    """Plans of the pages that are cut out of a long time: they come in the order of an index."""
    return [
        plan
        for sql, plan in heard.plans
        if re.search(r"AS wanted|AS anon_1.*ORDER BY links.valid_until", sql, re.DOTALL)
    ]


async def test_the_talk(town: Office, vault: Vault) -> None:
    """The inbox, the states, and each way to pair a card."""
    conversations = Conversations(vault)
    with overhearing(town.database) as heard:
        async with town.database.begin() as conn:
            await conversations.claim(conn, [AYSE])
            await conversations.answers(conn, [(AYSE, "1")])
            await conversations.states(conn, [AYSE])
            await conversations.keep(conn, {AYSE: b"s", BORA: None}, [Kept(AYSE, "1", b"a")], NOW)
        await town.ask(BORA, RecordConsent((TERMS,)))
        (mine,) = await town.cards(AYSE)
        await town.paired(AYSE, AYSE_ANSWERS, terms=TERMS)
        await town.paired(AYSE, {"card_number": OTHER_CARD, "hes_code": OTHER_CODE})
        await town.paired(AYSE, {"hes_code": OTHER_CODE}, cards=(mine.card,))
        await town.paired(
            BORA, BORA_ANSWERS | {"card_number": "7301000000000003", "hes_code": "C3C4567890"}
        )
    assert scans(heard) == []
    for name in ("links_open_code", "links_address_id", "addresses_citizen_id"):
        assert uses(heard, f"ix_{name}"), name
    assert uses(heard, "uq_links_open_card")


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
    for name in ("pending", "sending", "unknown", "outcomes", "provider_id", "address_id"):
        assert uses(heard, f"ix_deliveries_{name}"), name


async def test_risks_and_suspensions(town: Office) -> None:
    """A batch of the feed, and what ends by itself."""
    with overhearing(town.database) as heard:
        await town.hear(word(until=LATE), word("E5F6789012"))
        await town.at(LATE).end_due()
    assert scans(heard) == []
    assert uses(heard, "ix_links_open_code")
    assert uses(heard, "ix_suspensions_open_until")


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
    assert uses(heard, "ix_cards_status")
    assert uses(heard, "ix_links_open_until")
    assert uses(heard, "ix_conversations_open_heard_at")
    assert uses(heard, "sqlite_autoindex_deliveries_1")
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
    rows = [sql for sql, plan in heard.plans if "COVERING INDEX" not in plan]
    assert all("'pending'" in sql for sql in rows)
    assert not any("TEMP B-TREE" in plan for _, plan in heard.plans)
    for name in ("cards_status", "deliveries_outcomes", "deliveries_pending"):
        assert uses(heard, f"ix_{name}"), name


async def test_marks(town: Office) -> None:
    """Those of some hours are found without the others."""
    with overhearing(town.database) as heard:
        async with town.database.begin() as conn:
            await marks.add(conn, {(NOW, "saved"): 1})
            await marks.since(conn, NOW)
            await marks.hourly(conn, "saved", NOW)
    assert scans(heard) == []
    assert uses(heard, "sqlite_autoindex_marks_1")


async def test_somebody_is_looked_up(town: Office, vault: Vault) -> None:
    """By each of the three numbers, with all that belongs to them."""
    lookups = Lookups(vault, town.registry.cards)
    with overhearing(town.database) as heard:
        async with town.database.begin() as conn:
            assert (await lookups.by_card(conn, CARD, NOW)).citizens
            assert (await lookups.by_identity_number(conn, "10000000146", NOW)).citizens
            assert (await lookups.by_phone(conn, "+905320000021", NOW)).citizens
    assert scans(heard) == []
    for name in ("citizens_phone_key", "deliveries_address_id", "consents_citizen_id"):
        assert uses(heard, f"ix_{name}"), name
