"""The register's rules of pairing, on both databases."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, timedelta

import pytest

from conversations.actions import (
    Action,
    CardView,
    CodeChecked,
    Holder,
    KeepVerdict,
    LinkRefused,
    LinkSaved,
    LookUpCards,
    SaveLink,
    SetNotices,
    Status,
    Value,
    Verdict,
)
from conversations.events import Address
from storage import tables
from storage.asked import Asked
from storage.database import Database
from storage.registry import Registry
from storage.vault import Vault
from tests.storage.overhearing import overhearing
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
    TERMS,
    TEXTS,
    Office,
)


class TestPairing:
    """A card, a code and a person."""

    async def test_a_registration_pairs_the_card(self, office: Office) -> None:
        """The finding shows what was paired and whose code it should be."""
        saved = await office.paired(AYSE, AYSE_ANSWERS)
        (card,) = saved.cards
        assert (card.number, card.hes_code) == (CARD, CODE)
        assert (card.status, card.cause, card.verified) == (Status.ACTIVE, "paired", False)
        assert saved.holder == Holder("10000000146", "Ayşe", "Yıldızoğlu")

    async def test_the_card_keeps_what_happened(self, office: Office) -> None:
        """The record names the holder, the code and each change."""
        await office.paired(AYSE, AYSE_ANSWERS)
        record = await office.card()
        assert (record.number, record.status, record.changed_at) == (CARD, Status.ACTIVE, NOW)
        assert record.link is not None
        assert (record.link.hes_code, record.link.linked_at) == (CODE, NOW)
        assert (record.link.verdict, record.link.verified) == (Verdict.UNCHECKED, False)
        assert record.holder is not None
        assert record.holder["birth_date"] == date(1990, 2, 1)
        assert not {"card_number", "hes_code"} & set(record.holder)
        assert [(each.status, each.cause) for each in record.history] == [("ACTIVE", "paired")]

    async def test_a_person_without_a_surname_is_registered(self, office: Office) -> None:
        """No surname and no e-mail are answers too."""
        saved = await office.paired(BORA, BORA_ANSWERS)
        assert saved.holder == Holder("17291716060", "Bora", None)

    async def test_an_unknown_card_has_no_record(self, office: Office) -> None:
        """Nothing is made by asking."""
        async with office.database.read() as conn:
            assert await office.registry.card(conn, CARD, NOW) is None

    async def test_the_same_again_changes_nothing(self, office: Office) -> None:
        """It is not an error either."""
        first = await office.paired(AYSE, AYSE_ANSWERS)
        before = await office.count()
        later = office.at(NOW + timedelta(hours=1))
        assert await later.paired(AYSE, AYSE_ANSWERS) == first
        assert await office.count() == before
        assert (await office.card()).history[0].at == NOW

    async def test_a_new_code_replaces_the_old_and_the_history_stays(self, office: Office) -> None:
        """One open link; the old one is ended with its cause."""
        first = await office.paired(AYSE, AYSE_ANSWERS)
        later = office.at(NOW + timedelta(hours=1))
        second = await later.paired(AYSE, {**AYSE_ANSWERS, "hes_code": OTHER_CODE})
        assert second.cards[0].hes_code == OTHER_CODE
        old, new = await office.rows(tables.links)
        assert (old.id, old.ended_at, old.end_cause) == (
            first.cards[0].link,
            later.now,
            "replaced",
        )
        assert (new.id, new.ended_at) == (second.cards[0].link, None)
        assert len((await office.card()).history) == 2

    async def test_another_persons_card_is_taken(self, office: Office) -> None:
        """Saying so names nobody and changes nothing, not even that the address was seen."""
        await office.paired(AYSE, AYSE_ANSWERS)
        before = await office.count()
        refused = await office.pair(BORA, {**BORA_ANSWERS, "card_number": CARD}, terms=TERMS)
        assert refused == LinkRefused("card_taken")
        assert await office.count() == before
        assert (await office.card()).link == (await office.card()).link

    @pytest.mark.parametrize("verdict", [Verdict.MISMATCH, Verdict.NOT_FOUND, Verdict.EXPIRED])
    async def test_a_card_with_a_denied_code_is_free_for_its_owner(
        self, office: Office, verdict: Verdict
    ) -> None:
        """Somebody who gave the wrong card and a code that is none must not shut it."""
        await office.verdict(await office.paired(AYSE, AYSE_ANSWERS), verdict)
        saved = await office.paired(BORA, {**BORA_ANSWERS, "card_number": CARD})
        assert [(card.number, card.status) for card in saved.cards] == [(CARD, Status.ACTIVE)]
        old, new = await office.rows(tables.links)
        assert (old.end_cause, new.ended_at) == ("replaced", None)
        assert await office.cards(AYSE) == ()

    async def test_a_suspended_card_is_taken_even_with_a_denied_code(self, office: Office) -> None:
        """Nobody gets another's suspended card into their hands."""
        await office.verdict(await office.paired(AYSE, AYSE_ANSWERS), Verdict.MISMATCH)
        await office.suspend()
        refused = await office.pair(BORA, {**BORA_ANSWERS, "card_number": CARD})
        assert refused == LinkRefused("card_taken")

    async def test_a_denied_card_goes_to_a_relative_at_the_same_address_with_its_code(
        self, office: Office
    ) -> None:
        """It was given for the wrong person; the same code is asked about again for the right."""
        await office.verdict(await office.paired(AYSE, AYSE_ANSWERS), Verdict.MISMATCH)
        answers = {**BORA_ANSWERS, "card_number": CARD, "hes_code": CODE}
        saved = await office.paired(AYSE, answers, relative=True)
        assert saved.holder.first_name == "Bora"
        (card,) = saved.cards
        assert (card.status, card.cause) == (Status.ACTIVE, "paired")
        record = await office.card()
        assert record.holder is not None
        assert record.holder["first_name"] == "Bora"

    async def test_another_persons_code_is_taken(self, office: Office) -> None:
        """A code belongs to whoever gave it first."""
        await office.paired(AYSE, AYSE_ANSWERS)
        refused = await office.pair(BORA, {**BORA_ANSWERS, "hes_code": CODE})
        assert refused == LinkRefused("code_taken")
        assert (await office.count())["citizens"] == 1

    @pytest.mark.parametrize("verdict", [Verdict.MISMATCH, Verdict.NOT_FOUND, Verdict.EXPIRED])
    async def test_a_code_denied_to_a_stranger_is_free_for_its_owner(
        self, office: Office, verdict: Verdict
    ) -> None:
        """Somebody who mistyped must not shut out whose code it really is."""
        await office.verdict(await office.paired(AYSE, AYSE_ANSWERS), verdict)
        await office.paired(BORA, {**BORA_ANSWERS, "hes_code": CODE})

    async def test_a_replaced_code_is_free_again(self, office: Office) -> None:
        """Only open links hold a code."""
        await office.paired(AYSE, AYSE_ANSWERS)
        await office.paired(AYSE, {**AYSE_ANSWERS, "hes_code": OTHER_CODE})
        await office.paired(BORA, {**BORA_ANSWERS, "hes_code": CODE})

    async def test_one_code_on_several_cards_of_one_person(self, office: Office) -> None:
        """Allowed by default."""
        await office.paired(AYSE, AYSE_ANSWERS)
        await office.paired(AYSE, {"card_number": OTHER_CARD, "hes_code": CODE})
        assert len(await office.cards(AYSE)) == 2

    async def test_one_code_on_one_card_where_the_setting_says_so(self, strict: Office) -> None:
        """The same card again is still no error."""
        await strict.paired(AYSE, AYSE_ANSWERS)
        refused = await strict.pair(AYSE, {"card_number": OTHER_CARD, "hes_code": CODE})
        assert refused == LinkRefused("code_in_use")
        await strict.paired(AYSE, AYSE_ANSWERS)
        await strict.paired(AYSE, {"card_number": OTHER_CARD, "hes_code": OTHER_CODE})

    async def test_a_suspended_card_stays_suspended_whatever_is_paired(
        self, office: Office
    ) -> None:
        """The code is kept, the card does not ride."""
        await office.paired(AYSE, AYSE_ANSWERS)
        await office.suspend()
        saved = await office.paired(AYSE, {**AYSE_ANSWERS, "hes_code": OTHER_CODE})
        assert saved.cards[0].status is Status.SUSPENDED
        assert (await office.card()).status is Status.SUSPENDED
        await office.verdict(saved, Verdict.VALID)
        assert (await office.card()).status is Status.SUSPENDED

    async def test_pairing_after_the_deadline_opens_a_passive_card_at_once(
        self, office: Office
    ) -> None:
        """A dead code after the deadline makes it passive; a new one gives it back."""
        late = office.at(AFTER)
        await late.verdict(await late.paired(AYSE, AYSE_ANSWERS), Verdict.EXPIRED)
        assert (await late.card()).status is Status.PASSIVE
        saved = await late.paired(AYSE, {**AYSE_ANSWERS, "hes_code": OTHER_CODE})
        assert saved.cards[0].status is Status.ACTIVE
        history = [(each.status, each.cause) for each in (await late.card()).history]
        assert history == [
            (Status.ACTIVE, "paired"),
            (Status.PASSIVE, "code_expired"),
            (Status.ACTIVE, "paired"),
        ]

    async def test_two_processes_race_for_one_card_and_one_wins(
        self, url: str, vault: Vault
    ) -> None:
        """Whoever comes second is told that the card is taken."""
        databases = [await Database.open(url) for _ in range(2)]
        offices = [Office(each, Registry(vault, deadline=DEADLINE)) for each in databases]
        findings = await asyncio.gather(
            offices[0].pair(AYSE, AYSE_ANSWERS),
            offices[1].pair(BORA, {**BORA_ANSWERS, "card_number": CARD}),
        )
        assert sorted(type(each).__name__ for each in findings) == ["LinkRefused", "LinkSaved"]
        assert LinkRefused("card_taken") in findings
        for database in databases:
            await database.close()

    async def test_two_processes_race_for_one_code_and_one_wins(
        self, url: str, vault: Vault
    ) -> None:
        """No row exists yet that they could meet at."""
        databases = [await Database.open(url) for _ in range(2)]
        offices = [Office(each, Registry(vault, deadline=DEADLINE)) for each in databases]
        findings = await asyncio.gather(
            offices[0].pair(AYSE, AYSE_ANSWERS),
            offices[1].pair(BORA, {**BORA_ANSWERS, "hes_code": CODE}),
        )
        assert LinkRefused("code_taken") in findings
        assert sum(isinstance(each, LinkSaved) for each in findings) == 1
        for database in databases:
            await database.close()

    @pytest.mark.parametrize("kind", ["renewals", "verdicts"])
    async def test_batches_in_opposite_order_do_not_deadlock(
        self, url: str, vault: Vault, kind: str
    ) -> None:
        """The cards are claimed in one order by all, though the actions name only their rows."""
        databases = [await Database.open(url) for _ in range(2)]
        offices = [Office(each, Registry(vault, deadline=DEADLINE)) for each in databases]
        saved = [
            *(await offices[0].paired(AYSE, AYSE_ANSWERS)).cards,
            *(await offices[0].paired(AYSE, BORA_ANSWERS, relative=True)).cards,
        ]

        def action(card: CardView, code: str) -> Action:
            if kind == "verdicts":
                return KeepVerdict(CodeChecked((card.link,), Verdict.VALID))
            return SaveLink({"hes_code": code}, cards=(card.card,))

        async def work(office: Office, order: list[CardView], first: str) -> None:
            for number in range(10):
                codes = [f"{first}{card.card}B2{number:06}" for card in order]
                await office.ask(AYSE, *map(action, order, codes))

        await asyncio.gather(work(offices[0], saved, "A"), work(offices[1], saved[::-1], "B"))
        for database in databases:
            await database.close()

    async def test_what_the_rules_refused_leaves_the_batch_alone(self, office: Office) -> None:
        """Findings come in the order asked; of two that want one card the first gets it."""
        async with office.database.begin() as conn:
            asked = [
                Asked(AYSE, action, NOW, "tr", TEXTS)
                for action in (
                    SaveLink(AYSE_ANSWERS),
                    LookUpCards(),
                    SaveLink({**BORA_ANSWERS, "card_number": CARD}),
                    SetNotices(False),
                )
            ]
            findings = await office.registry.perform(conn, asked)
        kinds = [type(each).__name__ for each in findings]
        assert kinds == ["LinkSaved", "CardsFound", "LinkRefused", "Done"]


class TestManyAtOnce:
    """A batch of the desk saves everybody's link in the same few statements."""

    async def test_the_number_of_statements_does_not_grow_with_the_batch(
        self, office: Office
    ) -> None:
        """Law 5: a registration of one and of forty cost the same journeys."""
        ran = []
        for number, size in enumerate((1, 40)):
            asked = [registration(number * 1000 + each) for each in range(size)]
            with overhearing(office.database, plans=False) as heard:
                async with office.database.begin() as conn:
                    saved = await office.registry.perform(conn, asked)
            assert all(isinstance(each, LinkSaved) for each in saved)
            ran.append(len(heard.statements))
        assert ran[0] == ran[1]

    async def test_each_gets_what_is_theirs(self, office: Office) -> None:
        """Card, code and holder of many in one batch are not mixed up."""
        asked = [registration(number) for number in range(20)]
        async with office.database.begin() as conn:
            saved = await office.registry.perform(conn, asked)
        for each, found in zip(asked, saved, strict=True):
            assert isinstance(each.action, SaveLink)
            assert isinstance(found, LinkSaved)
            answers = each.action.answers
            (card,) = found.cards
            assert (card.number, card.hes_code) == (answers["card_number"], answers["hes_code"])
            assert found.holder.identity_number == answers["identity_number"]
            assert [view.number for view in await office.cards(each.address)] == [card.number]

    async def test_of_many_who_want_one_card_the_first_gets_it(self, office: Office) -> None:
        """Within a batch as between batches; so it is with codes."""
        first, *others = (registration(number) for number in range(4))
        assert isinstance(first.action, SaveLink)
        card, code = first.action.answers["card_number"], first.action.answers["hes_code"]
        asked = [
            first,
            altered(others[0], card_number=card),
            altered(others[1], hes_code=code),
            others[2],
        ]
        async with office.database.begin() as conn:
            found = await office.registry.perform(conn, asked)
        assert found[1:3] == [LinkRefused("card_taken"), LinkRefused("code_taken")]
        assert [type(each) for each in (found[0], found[3])] == [LinkSaved, LinkSaved]

    async def test_one_person_twice_in_a_batch(self, office: Office) -> None:
        """From two messengers with two cards: one citizen, and both addresses are theirs."""
        first = registration(1)
        second = altered(
            replace(first, address=Address("whatsapp", "+905320000001")),
            card_number=OTHER_CARD,
            hes_code=OTHER_CODE,
        )
        async with office.database.begin() as conn:
            found = await office.registry.perform(conn, [first, second])
        assert [type(each) for each in found] == [LinkSaved, LinkSaved]
        assert len(await office.rows(tables.citizens)) == 1
        owners = {each.citizen_id for each in await office.rows(tables.addresses)}
        assert owners == {1}


def registration(number: int) -> Asked:
    """Somebody's whole registration; each number's is another person's."""
    answers = {
        **AYSE_ANSWERS,
        "identity_number": f"{number:011d}",
        "card_number": f"7301{number:012d}",
        "phone": f"+90532{number:07d}",
        "hes_code": f"A1B2{number:06d}",
    }
    address = Address("telegram", str(50_000 + number))
    return Asked(address, SaveLink(answers, terms=TERMS), NOW, "tr", TEXTS)


def altered(asked: Asked, **answers: Value) -> Asked:
    """The same with other answers."""
    assert isinstance(asked.action, SaveLink)
    return replace(asked, action=replace(asked.action, answers={**asked.action.answers, **answers}))
