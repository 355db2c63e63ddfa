"""Whom time may concern, page by page."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from conversations.actions import LookUpPerson, RecordConsent, SetNotices, Verdict
from conversations.events import Address
from storage import candidates, tables
from storage.changes import Recipient
from storage.conversations import address_key
from storage.entries import Entry, Urgency
from storage.ledger import Ledger
from storage.vault import Vault
from tests.storage.people import (
    AYSE,
    AYSE_ANSWERS,
    BORA,
    BORA_ANSWERS,
    CEM,
    CODE,
    NOW,
    OTHER_CARD,
    TERMS,
    Office,
)

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


async def waning(office: Office, after: int = 0, limit: int = 10) -> list[candidates.WaningLink]:
    """Those that end in the next three days."""
    async with office.database.read() as conn:
        return await candidates.waning_links(conn, NOW, NOW + 3 * DAY, after, limit)


class TestWaningLinks:
    """Codes that end."""

    @pytest.mark.parametrize(
        ("ends", "found"),
        [
            (NOW, False),
            (NOW + timedelta(microseconds=1), True),
            (NOW + 3 * DAY, True),
            (NOW + 3 * DAY + timedelta(microseconds=1), False),
            (None, False),
        ],
    )
    async def test_those_within_the_time(self, office: Office, ends: None, found: bool) -> None:
        """With whom to tell."""
        saved = await office.paired(AYSE, AYSE_ANSWERS)
        await office.verdict(saved, Verdict.VALID, ends)
        (address,) = await office.rows(tables.addresses)
        card = saved.cards[0]
        here = candidates.WaningLink(
            card.link, card.card, Recipient(address.id, "telegram"), NOW, ends or NOW
        )
        assert await waning(office) == ([here] if found else [])

    async def test_not_what_was_replaced(self, office: Office) -> None:
        """The card has another code by now."""
        saved = await office.paired(AYSE, AYSE_ANSWERS)
        await office.verdict(saved, Verdict.VALID, NOW + DAY)
        await office.paired(AYSE, {**AYSE_ANSWERS, "hes_code": "E5F6789012"})
        assert await waning(office) == []

    async def test_page_by_page(self, office: Office) -> None:
        """Whichever ends first, and at one moment by number."""
        first = await office.paired(AYSE, AYSE_ANSWERS)
        second = await office.paired(BORA, BORA_ANSWERS)
        await office.verdict(first, Verdict.VALID, NOW + 2 * DAY)
        await office.verdict(second, Verdict.VALID, NOW + DAY)
        third = await office.paired(
            BORA, {"card_number": "7301000055556666", "hes_code": "E5F6789012"}
        )
        await office.verdict(third, Verdict.VALID, NOW + DAY)
        in_order = [second.cards[0].link, third.cards[-1].link, first.cards[0].link]
        after, found = 0, list[int]()
        while page := await waning(office, after, limit=1):
            found += [each.link for each in page]
            after = page[-1].place
        assert found == in_order


async def untravelled(office: Office, after: int = 0, limit: int = 10) -> list[tuple[int, bool]]:
    """Their numbers, and whether they have a link."""
    async with office.database.read() as conn:
        found, _ = await candidates.untravelled(conn, after, limit)
    return [(each.at.address, each.paired) for each in found]


class TestUntravelled:
    """People without a working card."""

    async def test_who_talked_but_did_not_pair(self, office: Office) -> None:
        """And nobody whose card works, from whichever messenger it was paired."""
        await office.ask(CEM, RecordConsent((TERMS,)))
        await office.paired(AYSE, AYSE_ANSWERS)
        whatsapp = Address("whatsapp", "+905320000021")
        await office.paired(whatsapp, AYSE_ANSWERS)
        assert await untravelled(office) == [(1, False)]

    async def test_whose_code_is_dead_is_paired_in_vain(self, office: Office) -> None:
        """A second card that works is enough."""
        await office.verdict(await office.paired(AYSE, AYSE_ANSWERS), Verdict.NOT_FOUND)
        assert await untravelled(office) == [(1, True)]
        await office.paired(AYSE, {"card_number": OTHER_CARD, "hes_code": "E5F6789012"})
        assert await untravelled(office) == []

    async def test_not_who_cannot_or_may_not_be_written_to(self, office: Office) -> None:
        """They would never get it."""
        for person in (AYSE, BORA):
            await office.ask(person, RecordConsent((TERMS,)))
        await office.ask(AYSE, SetNotices(False))
        async with office.database.begin() as conn:
            address = tables.addresses
            await conn.execute(update(address).where(address.c.id == 2).values(blocked_at=NOW))
        assert await untravelled(office) == []

    async def test_page_by_page_over_long_stretches_of_others(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """No page looks at more than a stretch, whoever is in it; the last one says so."""
        monkeypatch.setattr(candidates, "STRETCH", 2)
        for number in range(9):
            await office.ask(Address("telegram", str(number)), RecordConsent((TERMS,)))
        async with office.database.begin() as conn:
            address = tables.addresses
            others = address.c.id.in_([1, 2, 4, 6])
            await conn.execute(update(address).where(others).values(blocked_at=NOW))
        pages, reached = [], 0
        while reached is not None:
            async with office.database.read() as conn:
                found, reached = await candidates.untravelled(conn, reached, 2)
            pages.append([each.at.address for each in found])
        assert pages == [[], [3], [5], [7, 8], [9], []]
        assert [number for number, _ in await untravelled(office, 6, 1)] == [7]


class TestUnfinished:
    """Registrations left half-way."""

    async def leave(
        self,
        office: Office,
        vault: Vault,
        person: Address,
        step: str = "registration:email",
        heard_at: datetime = NOW - HOUR,
    ) -> None:
        """Stop at that question, an hour ago."""
        await office.ask(person, RecordConsent((TERMS,)))
        row = {
            "address_key": address_key(vault, person),
            "state": b"sealed",
            "step": step,
            "updated_at": NOW,
            "heard_at": heard_at,
        }
        async with office.database.begin() as conn:
            await conn.execute(tables.conversations.insert().values(row))

    async def found(self, office: Office, first: timedelta, last: timedelta) -> list[int]:
        async with office.database.read() as conn:
            people = await candidates.unfinished(
                conn, NOW - first, NOW - last, "registration", "unfinished:", 0, 10
            )
        assert all(each.heard_at == NOW - HOUR for each in people)
        return [each.at.address for each in people]

    async def test_those_of_the_form_who_were_heard_in_that_time(
        self, office: Office, vault: Vault
    ) -> None:
        """Of that form and no other."""
        await self.leave(office, vault, AYSE, "registration:email")
        await self.leave(office, vault, BORA, "")
        await self.leave(office, vault, CEM, "registration_of_others:email")
        assert await self.found(office, 2 * HOUR, HOUR) == [1]
        assert await self.found(office, HOUR, timedelta(0)) == []
        assert await self.found(office, 3 * HOUR, 2 * HOUR) == []

    async def test_not_who_may_not_be_written_to(self, office: Office, vault: Vault) -> None:
        """They said stop."""
        await self.leave(office, vault, AYSE, "registration:email")
        await office.ask(AYSE, SetNotices(False), LookUpPerson())
        assert await self.found(office, 2 * HOUR, HOUR) == []

    async def pages(self, office: Office, limit: int) -> list[list[int]]:
        """All of them, by the pages they come in."""
        after, found = 0, list[list[int]]()
        async with office.database.read() as conn:
            while page := await candidates.unfinished(
                conn, NOW - DAY, NOW, "registration", "unfinished:", after, limit
            ):
                found.append([each.at.address for each in page])
                after = page[-1].place
        return found

    async def test_of_many_heard_at_one_moment_none_is_lost(
        self, office: Office, vault: Vault
    ) -> None:
        """A page may end among them; who was heard first comes first."""
        for number in range(5):
            await self.leave(office, vault, Address("telegram", str(number)))
        await self.leave(office, vault, AYSE, heard_at=NOW - HOUR - timedelta(microseconds=1))
        pages = await self.pages(office, 2)
        assert [len(page) for page in pages] == [2, 2, 2]
        assert pages[0][0] == 6
        assert sorted(number for page in pages for number in page) == [1, 2, 3, 4, 5, 6]

    async def test_who_was_told_is_left_out(self, office: Office, vault: Vault) -> None:
        """A page is full all the same, and whoever has another delivery is not meant."""
        for number in range(9):
            moment = NOW - HOUR + timedelta(seconds=number)
            await self.leave(office, vault, Address("telegram", str(number)), heard_at=moment)
        keys = [f"unfinished:{number}" for number in (1, 2, 3, 5, 8)] + [
            "deadline:4",
            "unfinished:",
        ]
        entries = [Entry(key, "unfinished", Urgency.REMINDER, 1, "telegram", NOW) for key in keys]
        async with office.database.begin() as conn:
            await Ledger(vault).write(conn, entries, NOW)
        assert await self.pages(office, 2) == [[4, 6], [7, 9]]


async def test_a_code_of_two_cards_is_two_links(office: Office) -> None:
    """Each card's holder is told of each."""
    saved = await office.paired(AYSE, AYSE_ANSWERS)
    other = await office.paired(AYSE, {"card_number": OTHER_CARD, "hes_code": CODE})
    for each in (saved, other):
        await office.verdict(each, Verdict.VALID, NOW + DAY)
    assert len(await waning(office)) == 2
