"""What time alone does to cards, and the questions of the night."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.actions import CodeChecked, Holder, LinkSaved, SaveLink, Status, Verdict
from storage import tables
from storage.asked import Asked
from storage.cards import Cards
from storage.changes import CardChange
from storage.passes import CodeQuestion, expire, pass_deadline, questions
from storage.places import place
from storage.vault import Vault
from tests.storage.people import (
    AFTER,
    AYSE,
    AYSE_ANSWERS,
    BORA,
    BORA_ANSWERS,
    CARD,
    CODE,
    DEADLINE,
    NOW,
    OTHER_CARD,
    OTHER_CODE,
    TEXTS,
    Office,
    word,
)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def cards_of(office: Office) -> Cards:
    return office.registry.cards


async def import_card(office: Office, number: str) -> None:
    """A card that nobody has paired."""
    key = cards_of(office).number_key(number)
    card = {
        "number_key": key,
        "number": cards_of(office).seal_number(number, key),
        "status": "UNPAIRED",
        "cause": "never_paired",
        "changed_at": NOW,
        "created_at": NOW,
    }
    async with office.database.begin() as conn:
        await conn.execute(tables.cards.insert().values(card))


async def import_cards(office: Office, count: int) -> None:
    """Several of them."""
    for number in range(count):
        await import_card(office, f"73019999{number:08}")


class TestDeadline:
    """After it, a card without a good code does not ride."""

    async def passed(self, office: Office, limit: int = 100) -> list[int]:
        """How many changed, page by page."""
        after = 0
        changed: list[int] = []
        while not changed or changed[-1]:
            async with office.database.begin() as conn:
                after, some = await pass_deadline(conn, cards_of(office), office.now, after, limit)
            changed.append(some)
        return changed

    async def test_nothing_happens_before(self, town: Office) -> None:
        """Not a moment."""
        await import_cards(town, 3)
        early = town.at(DEADLINE - timedelta(microseconds=1))
        assert await self.passed(early) == [0]
        assert {card.status for card in await town.rows(tables.cards)} == {"UNPAIRED"}

    async def test_cards_that_nobody_paired_pass_page_by_page(
        self, town: Office, told: list[CardChange]
    ) -> None:
        """With their history, once, and nobody is told."""
        await import_cards(town, 5)
        assert await self.passed(town.at(DEADLINE), 2) == [2, 2, 1, 0]
        assert await self.passed(town.at(AFTER)) == [0]
        cards = await town.rows(tables.cards)
        assert {(card.status, card.cause, card.changed_at) for card in cards} == {
            ("PASSIVE", "deadline_passed", DEADLINE)
        }
        history = await town.rows(tables.card_history)
        assert [(row.card_id, row.at, row.status, row.cause, row.link_id) for row in history] == [
            (card.id, DEADLINE, "PASSIVE", "deadline_passed", None) for card in cards
        ]
        assert told == []

    async def test_who_paired_in_vain_is_told(self, town: Office, told: list[CardChange]) -> None:
        """Among cards that nobody paired; working and suspended ones stay what they are."""
        await import_cards(town, 2)
        await town.verdict(await town.paired(AYSE, AYSE_ANSWERS), Verdict.NOT_FOUND)
        await town.paired(AYSE, {"card_number": OTHER_CARD, "hes_code": OTHER_CODE})
        await town.paired(
            BORA, {**BORA_ANSWERS, "card_number": "7301000055556666", "hes_code": "E5F6789012"}
        )
        await town.hear(word("E5F6789012"))
        told.clear()
        assert await self.passed(town.at(AFTER)) == [3, 0]
        statuses = [(card.status, card.cause) for card in await town.rows(tables.cards)]
        assert sorted(statuses) == [
            ("ACTIVE", "paired"),
            ("PASSIVE", "code_not_found"),
            ("PASSIVE", "deadline_passed"),
            ("PASSIVE", "deadline_passed"),
            ("SUSPENDED", "suspended"),
        ]
        (change,) = told
        assert (change.before.status, change.after.status) == (Status.UNPAIRED, Status.PASSIVE)
        assert change.holder is not None

    async def test_people_pairing_meanwhile_come_first(self, offices: list[Office]) -> None:
        """Nobody waits for each other, and a card that was paired rides."""
        first, second = (office.at(AFTER) for office in offices)
        numbers = [f"73010000{number:08}" for number in range(10)]
        for number in numbers:
            await import_card(first, number)
        await first.paired(AYSE, {**AYSE_ANSWERS, "card_number": "7301999900000000"})

        async def pair(conn: AsyncConnection, number: str) -> None:
            action = SaveLink({"card_number": number, "hes_code": CODE})
            (saved,) = await first.registry.perform(conn, [Asked(AYSE, action, AFTER, "tr", TEXTS)])
            assert isinstance(saved, LinkSaved)

        async with first.database.begin() as conn:
            await pair(conn, numbers[9])
            passing = asyncio.create_task(self.passed(second))
            await asyncio.wait({passing}, timeout=0.2)
            await pair(conn, numbers[0])
        await passing
        await self.passed(second)
        statuses = [card.status for card in await first.rows(tables.cards)]
        assert statuses == ["ACTIVE"] + ["PASSIVE"] * 8 + ["ACTIVE"] * 2
        history = await first.rows(tables.card_history)
        passive = [row.card_id for row in history if row.status == "PASSIVE"]
        assert len(passive) == len(set(passive))


class TestExpiry:
    """A code ends by itself."""

    async def expired(self, office: Office, after: int = 0, limit: int = 100) -> tuple[int, int]:
        """Where it got to, and how many it looked at."""
        async with office.database.begin() as conn:
            return await expire(conn, cards_of(office), office.now, after, limit)

    async def end_at(self, office: Office, count: int, end: datetime) -> None:
        """Cards of one person whose code ends then."""
        answers = AYSE_ANSWERS
        for number in range(count):
            answers = {**answers, "card_number": f"73010000{number:08}"}
            await office.verdict(await office.paired(AYSE, answers), Verdict.VALID, end)

    async def test_a_card_whose_code_ended_is_settled_once(
        self, town: Office, told: list[CardChange]
    ) -> None:
        """Before the deadline it is unpaired, after it passive, and the holder is told."""
        saved = await town.paired(AYSE, AYSE_ANSWERS)
        await town.verdict(saved, Verdict.VALID, NOW + DAY)
        await town.verdict(await town.paired(BORA, BORA_ANSWERS), Verdict.VALID, AFTER + DAY)
        told.clear()
        assert (await self.expired(town.at(NOW + DAY - timedelta(microseconds=1))))[1] == 0
        reached, looked_at = await self.expired(town.at(NOW + DAY))
        assert looked_at == 1
        assert await self.expired(town.at(AFTER), reached) == (reached, 0)
        assert (await self.expired(town.at(AFTER + DAY), reached))[1] == 1
        assert [(each.after.status, each.after.cause, each.at) for each in told] == [
            (Status.UNPAIRED, "code_expired", NOW + DAY),
            (Status.PASSIVE, "code_expired", AFTER + DAY),
        ]
        history = (await town.card()).history
        assert (history[-1].status, history[-1].cause) == (Status.UNPAIRED, "code_expired")

    async def test_many_that_end_at_one_moment(self, town: Office, told: list[CardChange]) -> None:
        """A page may end among them, and none is looked at twice."""
        await self.end_at(town, 5, NOW + DAY)
        await town.verdict(await town.paired(BORA, BORA_ANSWERS), Verdict.VALID, NOW + HOUR)
        told.clear()
        reached = 0
        pages: list[int] = []
        while not pages or pages[-1]:
            reached, looked_at = await self.expired(town.at(NOW + 2 * DAY), reached, 2)
            pages.append(looked_at)
        assert pages == [2, 2, 2, 0]
        assert len({each.card for each in told}) == len(told) == 6

    async def test_a_later_round_may_begin_at_the_place_of_an_earlier_one(
        self, town: Office
    ) -> None:
        """What ended up to then was settled by that one."""
        await self.end_at(town, 2, NOW + DAY)
        assert (await self.expired(town.at(NOW + 2 * DAY), place(NOW + DAY)))[1] == 0
        just_before = place(NOW + DAY - timedelta(microseconds=1))
        assert (await self.expired(town.at(NOW + 2 * DAY), just_before))[1] == 2

    async def test_suspended_and_replaced_ones_are_left(
        self, town: Office, told: list[CardChange]
    ) -> None:
        """A suspension stands; a code that was replaced carries nothing."""
        await self.end_at(town, 2, NOW + DAY)
        await town.paired(AYSE, {"card_number": "7301000000000001", "hes_code": OTHER_CODE})
        await town.hear(word())
        told.clear()
        assert (await self.expired(town.at(NOW + DAY)))[1] == 1
        assert told == []
        assert [card.status for card in await town.rows(tables.cards)] == ["SUSPENDED", "ACTIVE"]


class TestQuestions:
    """What the HES service is asked every night."""

    async def asked(
        self, office: Office, vault: Vault, after: int = 0, limit: int = 10
    ) -> list[CodeQuestion]:
        async with office.database.read() as conn:
            found, unreadable = await questions(conn, vault, NOW, after, limit)
        assert unreadable == []
        return found

    async def test_each_code_once_with_all_its_links_and_its_holder(
        self, town: Office, vault: Vault
    ) -> None:
        """Page by page."""
        first = await town.paired(AYSE, AYSE_ANSWERS)
        other = await town.paired(BORA, BORA_ANSWERS)
        second = await town.paired(AYSE, {"card_number": "7301000055556666", "hes_code": CODE})
        ayse, bora = await self.asked(town, vault)
        assert ayse == CodeQuestion(
            CODE,
            (first.cards[0].link, second.cards[0].link),
            Holder("10000000146", "Ayşe", "Yıldızoğlu"),
        )
        assert (bora.hes_code, bora.links) == (OTHER_CODE, (other.cards[0].link,))
        assert bora.holder == Holder("17291716060", "Bora", None)
        assert await self.asked(town, vault, 0, 1) == [ayse]
        assert await self.asked(town, vault, ayse.links[0], 1) == [bora]
        assert await self.asked(town, vault, bora.links[0], 1) == []
        assert CODE not in repr(ayse)

    async def test_not_what_was_denied_replaced_or_checked_since(
        self, town: Office, vault: Vault
    ) -> None:
        """What was checked before is asked again."""
        early, late = town.at(NOW - HOUR), town.at(NOW)
        saved = await early.paired(AYSE, AYSE_ANSWERS)
        await early.verdict(saved, Verdict.VALID)
        assert len(await self.asked(town, vault)) == 1
        await late.verdict(saved, Verdict.VALID)
        assert await self.asked(town, vault) == []
        await early.verdict(saved, Verdict.EXPIRED)
        assert await self.asked(town, vault) == []
        await early.paired(AYSE, {**AYSE_ANSWERS, "hes_code": OTHER_CODE})
        assert [each.hes_code for each in await self.asked(town, vault)] == [OTHER_CODE]

    async def test_nobody_to_ask_about(self, town: Office, vault: Vault) -> None:
        """An empty register."""
        assert await self.asked(town, vault) == []

    async def test_a_code_that_cannot_be_opened_is_named_and_left(
        self, town: Office, vault: Vault
    ) -> None:
        """By its link; the others are asked about."""
        bad = (await town.paired(AYSE, AYSE_ANSWERS)).cards[0].link
        await town.paired(BORA, BORA_ANSWERS)
        async with town.database.begin() as conn:
            link = tables.links
            await conn.execute(update(link).where(link.c.id == bad).values(hes_code=b"spoilt"))
        async with town.database.read() as conn:
            found, unreadable = await questions(conn, vault, NOW, 0, 10)
        assert ([each.hes_code for each in found], unreadable) == ([OTHER_CODE], [bad])


class TestVerdicts:
    """What came of the questions."""

    async def keep(self, office: Office, *checked: CodeChecked) -> None:
        async with office.database.begin() as conn:
            await office.registry.keep_verdicts(conn, checked, office.now)

    async def links(self, office: Office) -> list[int]:
        """Ayşe's and Bora's."""
        saved = [await office.paired(AYSE, AYSE_ANSWERS), await office.paired(BORA, BORA_ANSWERS)]
        return [each.cards[0].link for each in saved]

    async def test_each_answer_is_kept_and_people_are_told(
        self, town: Office, told: list[CardChange]
    ) -> None:
        """Nobody was waiting, so nobody knows it already."""
        ayse, bora = await self.links(town)
        told.clear()
        later = town.at(NOW + HOUR)
        await self.keep(
            later,
            CodeChecked((bora,), Verdict.VALID, NOW + DAY),
            CodeChecked((ayse,), Verdict.EXPIRED),
        )
        rows = await town.rows(tables.links)
        assert [(row.verdict, row.checked_at, row.valid_until) for row in rows] == [
            ("expired", NOW + HOUR, None),
            ("valid", NOW + HOUR, NOW + DAY),
        ]
        (change,) = told
        assert (change.link, change.after.cause, change.actor) == (ayse, "code_expired", None)

    async def test_no_answer_changes_nothing(self, town: Office) -> None:
        """Neither verdict nor moment; nothing at all is nothing too."""
        ayse, _ = await self.links(town)
        await self.keep(town)
        await self.keep(town, CodeChecked((ayse,), Verdict.UNCHECKED, NOW + DAY, True))
        row, _ = await town.rows(tables.links)
        assert (row.verdict, row.checked_at, row.valid_until) == ("unchecked", None, None)
        assert (await town.card()).status is Status.ACTIVE

    async def test_risky_and_no_longer_risky_in_one_bulk(self, town: Office) -> None:
        """Both follow at once."""
        ayse, bora = await self.links(town)
        await town.hear(word())
        await self.keep(
            town.at(NOW + HOUR),
            CodeChecked((ayse,), Verdict.VALID, None, False),
            CodeChecked((bora,), Verdict.VALID, None, True),
        )
        assert (await town.card(CARD)).status is Status.ACTIVE
        assert (await town.card(OTHER_CARD)).status is Status.SUSPENDED

    async def test_a_denied_renewal_gives_the_confirmed_code_back(self, town: Office) -> None:
        """As when somebody waits for the answer."""
        await town.verdict(await town.paired(AYSE, AYSE_ANSWERS), Verdict.VALID)
        tried = await town.paired(AYSE, {**AYSE_ANSWERS, "hes_code": OTHER_CODE})
        other = await town.paired(BORA, {**BORA_ANSWERS, "hes_code": "E5F6789012"})
        await self.keep(
            town,
            CodeChecked((tried.cards[0].link,), Verdict.NOT_FOUND),
            CodeChecked((other.cards[0].link,), Verdict.NOT_FOUND),
        )
        record = await town.card()
        assert record.link is not None
        assert (record.link.hes_code, record.status) == (CODE, Status.ACTIVE)
        assert record.history[-1].cause == "code_restored"
        assert (await town.card(OTHER_CARD)).cause == "code_not_found"

    async def test_an_answer_about_a_code_that_was_replaced_meanwhile(self, town: Office) -> None:
        """It comes too late."""
        ayse, _ = await self.links(town)
        await town.paired(AYSE, {**AYSE_ANSWERS, "hes_code": "E5F6789012"})
        await self.keep(town, CodeChecked((ayse,), Verdict.NOT_FOUND, None, True))
        assert (await town.card()).status is Status.ACTIVE

    async def test_while_people_renew_and_the_feed_comes_in(self, offices: list[Office]) -> None:
        """Three who write at once do not stop each other."""
        first, second = offices
        links = await self.links(first)
        checked = [CodeChecked((link,), Verdict.VALID, None, True) for link in links]

        async def renew(person: int) -> None:
            for number in range(6):
                code = f"{person}1B2{number:06}"
                answers = (AYSE_ANSWERS, BORA_ANSWERS)[person]
                await first.paired((AYSE, BORA)[person], {**answers, "hes_code": code})

        async def feed(codes: Sequence[str]) -> None:
            for number in range(4):
                at = NOW + number * HOUR
                await second.hear(*(word(code, number % 2 == 0, at) for code in codes))

        async def ask() -> None:
            for _ in range(4):
                await self.keep(second, *checked[::-1])

        codes = [CODE, OTHER_CODE, "01B2000003", "11B2000004"]
        await asyncio.gather(renew(0), renew(1), feed(codes), feed(codes[::-1]), ask())
