"""What people consented to, what they may see of it, and when they want to hear nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from conversations.actions import (
    Document,
    Done,
    LookUpLanguages,
    LookUpPerson,
    PersonFound,
    RecordConsent,
    SetNotices,
)
from storage import tables
from storage.asked import Asked
from tests.storage.people import (
    AYSE,
    AYSE_ANSWERS,
    BORA,
    BORA_ANSWERS,
    CEM,
    NOW,
    TERMS,
    TEXTS,
    Office,
)

NOTICE, CONSENT = Document("notice", "2021-01"), Document("consent", "2021-01")


class TestConsents:
    """Evidence of what was shown and accepted."""

    async def test_each_document_is_evidence_of_its_own(self, office: Office) -> None:
        """Version, exact words, language, messenger and time."""
        assert await office.ask(AYSE, RecordConsent((NOTICE, CONSENT))) == [Done()]
        notice, consent = await office.rows(tables.consents)
        assert (notice.document, consent.document) == ("notice", "consent")
        assert (consent.version, consent.sha256) == ("2021-01", TEXTS["consent"])
        assert (consent.locale, consent.channel, consent.at) == ("tr", "telegram", NOW)
        assert consent.citizen_id is None

    async def test_many_people_consent_in_one_go(self, office: Office) -> None:
        """The same person twice in a batch is one address."""
        people = [AYSE, BORA, AYSE, CEM]
        async with office.database.begin() as conn:
            asked = [Asked(each, RecordConsent((NOTICE,)), NOW, "tr", TEXTS) for each in people]
            assert await office.registry.perform(conn, asked) == [Done()] * 4
        counted = await office.count()
        assert (counted["addresses"], counted["consents"]) == (3, 4)

    async def test_consent_without_the_words_shown_is_no_evidence(self, office: Office) -> None:
        """It fails as a whole and keeps nothing."""
        with pytest.raises(KeyError):
            await Office(office.database, office.registry, texts={}).ask(
                AYSE, RecordConsent((NOTICE,))
            )
        assert (await office.count())["addresses"] == 0

    async def test_terms_belong_to_the_person_registered(self, office: Office) -> None:
        """Also when somebody accepts them for a relative."""
        await office.paired(AYSE, AYSE_ANSWERS, terms=TERMS)
        await office.paired(AYSE, BORA_ANSWERS, terms=TERMS, relative=True)
        mine, hers = await office.rows(tables.consents)
        ayse, bora = await office.rows(tables.citizens)
        assert (mine.citizen_id, hers.citizen_id) == (ayse.id, bora.id)
        assert mine.sha256 == TEXTS["terms"]

    async def test_a_person_sees_what_is_held_of_them(self, office: Office) -> None:
        """Answers with their kinds, and the consents of this address."""
        await office.ask(AYSE, RecordConsent((NOTICE, CONSENT)))
        await office.paired(AYSE, AYSE_ANSWERS, terms=TERMS)
        (found,) = await office.ask(AYSE, LookUpPerson())
        about = {k: v for k, v in AYSE_ANSWERS.items() if k not in ("card_number", "hes_code")}
        assert isinstance(found, PersonFound)
        assert found.answers == about
        assert [name for name, _, _ in found.consents] == ["notice", "consent", "terms"]
        assert found.consents[0] == ("notice", "2021-01", NOW)

    async def test_nothing_is_held_of_a_stranger(self, office: Office) -> None:
        """Asking leaves no trace."""
        assert await office.ask(AYSE, LookUpPerson()) == [PersonFound(None)]
        assert await office.cards(AYSE) == ()
        assert set((await office.count()).values()) == {0}


class TestNotices:
    """Opting out, and back in."""

    async def test_notices_stop_from_the_first_time_it_was_asked(self, office: Office) -> None:
        """Asking again does not move the time; wanting them again clears it."""
        await office.ask(AYSE, RecordConsent((NOTICE,)))
        for hours in (0, 1):
            await office.at(NOW + timedelta(hours=hours)).ask(AYSE, SetNotices(False))
        assert [row.opted_out_at for row in await office.rows(tables.addresses)] == [NOW]
        await office.ask(AYSE, SetNotices(True))
        assert [row.opted_out_at for row in await office.rows(tables.addresses)] == [None]

    async def test_an_unknown_address_has_nothing_to_stop(self, office: Office) -> None:
        """No row is made for it."""
        assert await office.ask(AYSE, SetNotices(False)) == [Done()]
        assert (await office.count())["addresses"] == 0

    async def test_an_address_is_written_to_in_the_language_it_speaks_now(
        self, office: Office
    ) -> None:
        """The latest one counts."""
        await office.ask(AYSE, RecordConsent((NOTICE,)))
        async with office.database.begin() as conn:
            asked = Asked(AYSE, RecordConsent((CONSENT,)), NOW, "en", TEXTS)
            await office.registry.perform(conn, [asked])
        assert [row.locale for row in await office.rows(tables.addresses)] == ["en"]


async def test_what_is_no_action_of_the_records_is_a_mistake_of_ours(office: Office) -> None:
    """Languages are the wording's affair."""
    with pytest.raises(TypeError, match="LookUpLanguages"):
        await office.ask(AYSE, LookUpLanguages())
