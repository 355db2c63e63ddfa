"""Who a card belongs to, and who may say so: the register's rules, on both databases."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from conversations.actions import (
    LinkRefused,
    LookUpPerson,
    PersonFound,
    Value,
    Verdict,
)
from tests.storage.people import (
    AFTER,
    AYSE,
    AYSE_ANSWERS,
    AYSE_AT_WHATSAPP,
    BORA,
    BORA_ANSWERS,
    CARD,
    CEM,
    CODE,
    NOW,
    OTHER_CARD,
    OTHER_CODE,
    Office,
)

IDENTITY_OF_BORA: dict[str, Value] = {"identity_number": "17291716060"}
CARD_OF_BORA: dict[str, Value] = {"card_number": OTHER_CARD, "hes_code": OTHER_CODE}


class TestPersons:
    """Who a card belongs to, and who may say so."""

    async def test_one_person_is_one_row_on_all_messengers(self, office: Office) -> None:
        """The second messenger gives the same birth date and becomes the person's too."""
        await office.paired(AYSE, AYSE_ANSWERS)
        await office.paired(AYSE_AT_WHATSAPP, {**AYSE_ANSWERS, "card_number": OTHER_CARD})
        assert (await office.count())["citizens"] == 1
        assert len(await office.cards(AYSE_AT_WHATSAPP)) == 1
        assert len(await office.cards(AYSE)) == 1

    async def test_the_same_card_and_code_from_a_second_messenger_is_seen_there_too(
        self, office: Office
    ) -> None:
        """The newest address takes the link over."""
        await office.paired(AYSE, AYSE_ANSWERS)
        await office.paired(AYSE_AT_WHATSAPP, AYSE_ANSWERS)
        assert len(await office.cards(AYSE_AT_WHATSAPP)) == len(await office.cards(AYSE)) == 1

    async def test_what_is_known_of_a_code_holds_on_the_second_messenger(
        self, office: Office
    ) -> None:
        """A confirmed code does not become unconfirmed by being given again."""
        until = NOW + timedelta(days=3)
        await office.verdict(await office.paired(AYSE, AYSE_ANSWERS), Verdict.VALID, until)
        saved = await office.at(NOW + timedelta(hours=1)).paired(AYSE_AT_WHATSAPP, AYSE_ANSWERS)
        assert [(card.verified, card.valid_until) for card in saved.cards] == [(True, until)]
        link = (await office.card()).link
        assert link is not None
        assert (link.verdict, link.checked_at, link.valid_until) == (Verdict.VALID, NOW, until)

    async def test_another_code_on_the_second_messenger_is_not_confirmed(
        self, office: Office
    ) -> None:
        """What was said of the old code says nothing of it."""
        await office.verdict(await office.paired(AYSE, AYSE_ANSWERS), Verdict.VALID, AFTER)
        answers = {**AYSE_ANSWERS, "hes_code": OTHER_CODE}
        (card,) = (await office.paired(AYSE_AT_WHATSAPP, answers)).cards
        assert (card.verified, card.valid_until) == (False, None)

    async def test_a_stranger_with_another_birth_date_is_refused(self, office: Office) -> None:
        """An identity number alone does not let anybody near a person's records."""
        await office.paired(AYSE, AYSE_ANSWERS)
        before = await office.count()
        claimed = {**AYSE_ANSWERS, "birth_date": date(1991, 2, 1)}
        assert await office.pair(CEM, claimed) == LinkRefused("identity_conflict")
        assert await office.count() == before

    @pytest.mark.parametrize(
        ("first_name", "last_name"),
        [
            ("Ayşe", "Yıldızoğlu"),
            ("AYSE", "yildizoglu"),
            ("Ayşe Nur", "YILDIZOĞLU"),
            ("Ayşe-Nur", "Yıldızoğlu"),
        ],
    )
    async def test_a_new_address_may_spell_the_name_in_its_own_way(
        self, office: Office, first_name: str, last_name: str
    ) -> None:
        """Without Turkish letters, in capitals, with the second name: in either order."""
        answers = {**AYSE_ANSWERS, "first_name": first_name, "last_name": last_name}
        await office.paired(AYSE, AYSE_ANSWERS)
        await office.paired(CEM, answers)
        await office.paired(BORA, {**answers, **IDENTITY_OF_BORA, **CARD_OF_BORA})
        await office.paired(CEM, {**AYSE_ANSWERS, **IDENTITY_OF_BORA, **CARD_OF_BORA})

    @pytest.mark.parametrize(
        ("first_name", "last_name"),
        [
            ("Cem", "Yıldızoğlu"),
            ("Nur", "Yıldızoğlu"),
            ("Ayşen", "Yıldızoğlu"),
            (None, "Yıldızoğlu"),
            ("Ayşe", "Yıldız"),
            ("Ayşe", None),
        ],
    )
    async def test_a_stranger_with_another_name_is_refused(
        self, office: Office, first_name: str | None, last_name: str | None
    ) -> None:
        """Identity number and birth date are known to many; nothing is changed."""
        await office.paired(AYSE, AYSE_ANSWERS)
        before = await office.count()
        claimed = {**AYSE_ANSWERS, "first_name": first_name, "last_name": last_name}
        assert await office.pair(CEM, claimed) == LinkRefused("identity_conflict")
        assert await office.count() == before

    async def test_whoever_has_no_surname_has_none_on_the_second_messenger_either(
        self, office: Office
    ) -> None:
        """A surname given for such a person is another name."""
        await office.paired(BORA, BORA_ANSWERS)
        named = {**BORA_ANSWERS, "last_name": "Yıldızoğlu"}
        assert await office.pair(CEM, named) == LinkRefused("identity_conflict")
        await office.paired(CEM, BORA_ANSWERS)

    async def test_a_new_address_does_not_rewrite_the_person(self, office: Office) -> None:
        """Only an address that was the person's already may."""
        await office.paired(AYSE, AYSE_ANSWERS)
        changed = {**AYSE_ANSWERS, "email": "other@example.com"}
        await office.paired(CEM, changed)
        assert (await office.profile(AYSE))["email"] == "ayse@example.com"

    async def test_ones_own_address_may_correct_everything(self, office: Office) -> None:
        """The birth date too, even with the same card and code."""
        await office.paired(AYSE, AYSE_ANSWERS)
        corrected = {**AYSE_ANSWERS, "birth_date": date(1991, 2, 1), "phone": "+905320000023"}
        await office.paired(AYSE, corrected)
        profile = await office.profile(AYSE)
        assert (profile["birth_date"], profile["phone"]) == (date(1991, 2, 1), "+905320000023")
        assert (await office.count())["links"] == 1

    async def test_a_grandchild_registers_grandmother_and_stays_themself(
        self, office: Office
    ) -> None:
        """The address keeps its own person and sees both cards."""
        await office.paired(AYSE, AYSE_ANSWERS)
        await office.paired(AYSE, BORA_ANSWERS, relative=True)
        assert (await office.profile(AYSE))["first_name"] == "Ayşe"
        assert [card.number for card in await office.cards(AYSE)] == [OTHER_CARD, CARD]
        assert len({card.holder for card in await office.cards(AYSE)}) == 2

    async def test_a_relative_registered_first_does_not_become_the_address_owner(
        self, office: Office
    ) -> None:
        """The address stays nobody's until its own person registers."""
        await office.paired(AYSE, BORA_ANSWERS, relative=True)
        assert await office.ask(AYSE, LookUpPerson()) == [PersonFound(None)]
        await office.paired(AYSE, AYSE_ANSWERS)
        assert (await office.profile(AYSE))["first_name"] == "Ayşe"

    async def test_another_person_at_an_owned_address_is_a_relative(self, office: Office) -> None:
        """Even if nobody said so."""
        await office.paired(AYSE, AYSE_ANSWERS)
        await office.paired(AYSE, BORA_ANSWERS)
        assert (await office.profile(AYSE))["first_name"] == "Ayşe"

    async def test_a_card_is_added_to_the_person_of_the_address(self, office: Office) -> None:
        """Only card and code are asked then."""
        await office.paired(AYSE, AYSE_ANSWERS)
        saved = await office.paired(AYSE, {"card_number": OTHER_CARD, "hes_code": OTHER_CODE})
        assert saved.holder.identity_number == "10000000146"

    async def test_a_card_cannot_be_added_to_nobody(self, office: Office) -> None:
        """The talk then registers the person."""
        answers: dict[str, Value] = {"card_number": CARD, "hes_code": CODE}
        assert await office.pair(AYSE, answers) == LinkRefused("person_unknown")
        assert set((await office.count()).values()) == {0}
