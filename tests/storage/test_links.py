"""Links after they were made: renewed, judged by the HES service, and sealed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from conversations.actions import (
    CodeChecked,
    KeepVerdict,
    LinkRefused,
    Status,
    Verdict,
    VerdictKept,
)
from storage import tables
from storage.asked import Asked
from storage.vault import Tampered
from tests.storage.people import (
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


class TestRenewing:
    """A new code on cards that were paired before."""

    async def test_the_code_is_renewed_on_the_cards_named(self, office: Office) -> None:
        """Each of them, and the rest keep theirs."""
        first = await office.paired(AYSE, AYSE_ANSWERS)
        await office.paired(AYSE, {"card_number": OTHER_CARD, "hes_code": CODE})
        saved = await office.paired(AYSE, {"hes_code": OTHER_CODE}, cards=(first.cards[0].card,))
        assert [card.number for card in saved.cards] == [CARD]
        assert (await office.card()).link.hes_code == OTHER_CODE  # type: ignore[union-attr]
        assert (await office.card(OTHER_CARD)).link.hes_code == CODE  # type: ignore[union-attr]

    async def test_several_cards_of_one_person_at_once(self, office: Office) -> None:
        """All of them get the new code."""
        await office.paired(AYSE, AYSE_ANSWERS)
        await office.paired(AYSE, {"card_number": OTHER_CARD, "hes_code": CODE})
        ids = tuple(card.card for card in await office.cards(AYSE))
        saved = await office.paired(AYSE, {"hes_code": OTHER_CODE}, cards=ids)
        assert {card.hes_code for card in saved.cards} == {OTHER_CODE}
        assert len(saved.cards) == 2

    async def test_a_relatives_card_is_renewed_for_the_relative(self, office: Office) -> None:
        """The link's own person, not the address's."""
        await office.paired(AYSE, AYSE_ANSWERS)
        grandmother = await office.paired(AYSE, BORA_ANSWERS, relative=True)
        saved = await office.paired(
            AYSE, {"hes_code": "E5F6789012"}, cards=(grandmother.cards[0].card,)
        )
        assert saved.holder.first_name == "Bora"

    async def test_cards_of_two_persons_cannot_share_a_code(self, office: Office) -> None:
        """A code is one person's."""
        await office.paired(AYSE, AYSE_ANSWERS)
        await office.paired(AYSE, BORA_ANSWERS, relative=True)
        ids = tuple(card.card for card in await office.cards(AYSE))
        refused = await office.pair(AYSE, {"hes_code": "E5F6789012"}, cards=ids)
        assert refused == LinkRefused("person_unknown")

    async def test_nobody_renews_a_card_they_did_not_pair(self, office: Office) -> None:
        """Card numbers of the register can be guessed; that must not help."""
        saved = await office.paired(AYSE, AYSE_ANSWERS)
        await office.paired(BORA, BORA_ANSWERS)
        for stranger in (BORA, CEM):
            refused = await office.pair(
                stranger, {"hes_code": "E5F6789012"}, cards=(saved.cards[0].card,)
            )
            assert refused == LinkRefused("person_unknown")
        assert (await office.card()).link.hes_code == CODE  # type: ignore[union-attr]

    async def test_a_card_that_went_to_another_person_is_neither_seen_nor_renewed(
        self, office: Office
    ) -> None:
        """Whoever had it once has no more to do with it."""
        saved = await office.paired(AYSE, AYSE_ANSWERS)
        async with office.database.begin() as conn:
            await conn.execute(update(tables.links).values(ended_at=NOW, end_cause="unlinked"))
        await office.paired(BORA, {**BORA_ANSWERS, "card_number": CARD})
        assert await office.cards(AYSE) == ()
        refused = await office.pair(AYSE, {"hes_code": "E5F6789012"}, cards=(saved.cards[0].card,))
        assert refused == LinkRefused("person_unknown")


DAY = timedelta(days=1)


class TestVerdicts:
    """What the HES service said."""

    async def test_a_confirmed_code_is_verified_until_its_end(self, office: Office) -> None:
        """The end of the code shows by itself."""
        until = NOW + timedelta(days=3)
        await office.verdict(await office.paired(AYSE, AYSE_ANSWERS), Verdict.VALID, until)
        (card,) = await office.cards(AYSE)
        assert (card.verified, card.valid_until, card.status) == (True, until, Status.ACTIVE)
        link = (await office.card()).link
        assert link is not None
        assert (link.verified, link.checked_at) == (True, NOW)
        assert (await office.at(until).card()).cause == "code_expired"
        assert (await office.at(until).cards(AYSE))[0].status is Status.UNPAIRED

    @pytest.mark.parametrize(
        ("verdict", "cause"),
        [
            (Verdict.NOT_FOUND, "code_not_found"),
            (Verdict.EXPIRED, "code_expired"),
            (Verdict.MISMATCH, "code_mismatch"),
        ],
    )
    async def test_a_dead_code_does_not_carry_the_card(
        self, office: Office, verdict: Verdict, cause: str
    ) -> None:
        """Written once into the history, however often it is said."""
        saved = await office.paired(AYSE, AYSE_ANSWERS)
        for _ in range(2):
            await office.verdict(saved, verdict)
        record = await office.card()
        assert (record.status, record.cause) == (Status.UNPAIRED, cause)
        assert [each.cause for each in record.history] == ["paired", cause]

    async def test_no_answer_is_no_verdict(self, office: Office) -> None:
        """A confirmed code stays confirmed while the service is down."""
        saved = await office.paired(AYSE, AYSE_ANSWERS)
        await office.verdict(saved, Verdict.VALID)
        await office.verdict(saved, Verdict.UNCHECKED)
        assert (await office.cards(AYSE))[0].verified

    async def test_a_verdict_that_comes_too_late_is_ignored(self, office: Office) -> None:
        """The code it speaks of was replaced meanwhile."""
        saved = await office.paired(AYSE, AYSE_ANSWERS)
        await office.paired(AYSE, {**AYSE_ANSWERS, "hes_code": OTHER_CODE})
        await office.verdict(saved, Verdict.NOT_FOUND)
        assert (await office.card()).status is Status.ACTIVE
        assert {row.verdict for row in await office.rows(tables.links)} == {"unchecked"}

    async def test_a_verdict_about_nothing_is_done(self, office: Office) -> None:
        """No links, no change."""
        nothing = CodeChecked((), Verdict.VALID)
        assert await office.ask(AYSE, KeepVerdict(nothing)) == [VerdictKept(nothing)]

    async def test_a_denied_renewal_gives_the_confirmed_code_back(self, office: Office) -> None:
        """Nobody loses a working card by trying another code; the history keeps both."""
        await office.verdict(await office.paired(AYSE, AYSE_ANSWERS), Verdict.VALID)
        tried = await office.at(NOW + DAY).paired(AYSE, {**AYSE_ANSWERS, "hes_code": OTHER_CODE})
        denied = CodeChecked((tried.cards[0].link,), Verdict.NOT_FOUND)
        (kept,) = await office.at(NOW + DAY).ask(AYSE, KeepVerdict(denied))
        assert kept == VerdictKept(denied, restored=True)
        (card,) = await office.cards(AYSE)
        assert (card.hes_code, card.verified, card.status) == (CODE, True, Status.ACTIVE)
        ends = [(row.end_cause, row.verdict) for row in await office.rows(tables.links)]
        assert sorted(ends, key=str) == [("denied", "not_found"), (None, "valid")]

    async def test_the_history_tells_of_the_denial_and_of_the_code_given_back(
        self, office: Office
    ) -> None:
        """Each row names the link it speaks of."""
        first = await office.paired(AYSE, AYSE_ANSWERS)
        await office.verdict(first, Verdict.VALID)
        tried = await office.paired(AYSE, {**AYSE_ANSWERS, "hes_code": OTHER_CODE})
        await office.verdict(tried, Verdict.NOT_FOUND)
        former, denied = first.cards[0].link, tried.cards[0].link
        assert [
            (row.status, row.cause, row.link_id) for row in await office.rows(tables.card_history)
        ] == [
            ("ACTIVE", "paired", former),
            ("ACTIVE", "paired", denied),
            ("UNPAIRED", "code_not_found", denied),
            ("ACTIVE", "code_restored", former),
        ]
        record = await office.card()
        assert (record.status, record.cause) == (Status.ACTIVE, "paired")
        assert record.history[-1].cause == "code_restored"

    async def test_a_code_given_back_does_not_lift_a_suspension(self, office: Office) -> None:
        """The history tells of it all the same."""
        await office.verdict(await office.paired(AYSE, AYSE_ANSWERS), Verdict.VALID)
        await office.suspend()
        tried = await office.paired(AYSE, {**AYSE_ANSWERS, "hes_code": OTHER_CODE})
        await office.verdict(tried, Verdict.NOT_FOUND)
        last = (await office.card()).history[-1]
        assert (last.status, last.cause) == (Status.SUSPENDED, "code_restored")

    async def test_a_code_that_is_anothers_by_now_is_not_given_back(self, office: Office) -> None:
        """The other one keeps it; a code is one person's."""
        await office.verdict(await office.paired(AYSE, AYSE_ANSWERS), Verdict.VALID)
        tried = await office.paired(AYSE, {**AYSE_ANSWERS, "hes_code": OTHER_CODE})
        await office.paired(BORA, {**BORA_ANSWERS, "hes_code": CODE})
        denied = CodeChecked((tried.cards[0].link,), Verdict.NOT_FOUND)
        assert await office.ask(AYSE, KeepVerdict(denied)) == [VerdictKept(denied)]
        assert (await office.card()).cause == "code_not_found"
        assert (await office.card(OTHER_CARD)).link.hes_code == CODE  # type: ignore[union-attr]

    async def test_a_code_that_was_denied_to_another_is_given_back(self, office: Office) -> None:
        """A stranger's mistake takes nothing from its owner."""
        await office.verdict(await office.paired(AYSE, AYSE_ANSWERS), Verdict.VALID)
        tried = await office.paired(AYSE, {**AYSE_ANSWERS, "hes_code": OTHER_CODE})
        await office.verdict(
            await office.paired(BORA, {**BORA_ANSWERS, "hes_code": CODE}), Verdict.MISMATCH
        )
        await office.verdict(tried, Verdict.NOT_FOUND)
        assert (await office.card()).link.hes_code == CODE  # type: ignore[union-attr]

    async def test_a_code_on_another_card_by_now_is_given_back_only_where_it_may_be_on_both(
        self, office: Office, strict: Office
    ) -> None:
        """The setting holds for what is given back as for what is paired."""
        await office.verdict(await office.paired(AYSE, AYSE_ANSWERS), Verdict.VALID)
        answers = {**AYSE_ANSWERS, "hes_code": OTHER_CODE}
        tried = CodeChecked(((await office.paired(AYSE, answers)).cards[0].link,), Verdict.EXPIRED)
        await office.paired(AYSE, {"card_number": OTHER_CARD, "hes_code": CODE})
        async with strict.database.begin() as conn:
            asked = [Asked(AYSE, KeepVerdict(tried), NOW, "tr")]
            assert await strict.registry.perform(conn, asked) == [VerdictKept(tried)]
            await conn.rollback()
        assert await office.ask(AYSE, KeepVerdict(tried)) == [VerdictKept(tried, restored=True)]

    async def test_a_denied_code_is_not_given_back_for_itself(self, office: Office) -> None:
        """It was confirmed on another messenger before, and is dead now."""
        await office.verdict(await office.paired(AYSE, AYSE_ANSWERS), Verdict.VALID)
        again = await office.paired(AYSE_AT_WHATSAPP, AYSE_ANSWERS)
        denied = CodeChecked((again.cards[0].link,), Verdict.EXPIRED)
        assert await office.ask(AYSE, KeepVerdict(denied)) == [VerdictKept(denied)]
        assert (await office.card()).cause == "code_expired"

    @pytest.mark.parametrize("verdict", [Verdict.UNCHECKED, Verdict.EXPIRED])
    async def test_only_a_confirmed_code_is_given_back(
        self, office: Office, verdict: Verdict
    ) -> None:
        """A code nobody vouched for is no better than the denied one."""
        await office.verdict(await office.paired(AYSE, AYSE_ANSWERS), verdict)
        tried = await office.paired(AYSE, {**AYSE_ANSWERS, "hes_code": OTHER_CODE})
        denied = CodeChecked((tried.cards[0].link,), Verdict.NOT_FOUND)
        assert await office.ask(AYSE, KeepVerdict(denied)) == [VerdictKept(denied)]
        assert (await office.card()).cause == "code_not_found"

    async def test_a_code_that_has_ended_is_not_given_back(self, office: Office) -> None:
        """It was confirmed, but its last day is past."""
        until = NOW + DAY
        await office.verdict(await office.paired(AYSE, AYSE_ANSWERS), Verdict.VALID, until)
        tried = await office.paired(AYSE, {**AYSE_ANSWERS, "hes_code": OTHER_CODE})
        denied = CodeChecked((tried.cards[0].link,), Verdict.MISMATCH)
        assert await office.at(until).ask(AYSE, KeepVerdict(denied)) == [VerdictKept(denied)]


class TestSeals:
    """Whoever can write to the database cannot make it lie about people."""

    async def test_a_code_moved_to_another_link_is_refused(self, office: Office) -> None:
        """It was sealed for the link it was given for."""
        await office.paired(AYSE, AYSE_ANSWERS)
        await office.paired(BORA, BORA_ANSWERS)
        link = tables.links
        async with office.database.begin() as conn:
            codes = (await conn.execute(select(link.c.hes_code).order_by(link.c.id))).scalars()
            await conn.execute(update(link).values(hes_code=codes.first()))
        assert (await office.cards(AYSE))[0].hes_code == CODE
        with pytest.raises(Tampered):
            await office.cards(BORA)

    @pytest.mark.parametrize(
        ("table", "column"), [("cards", "number"), ("citizens", "profile"), ("links", "hes_code")]
    )
    async def test_a_changed_value_is_refused(
        self, office: Office, table: str, column: str
    ) -> None:
        """One flipped bit."""
        await office.paired(AYSE, AYSE_ANSWERS)
        target = tables.metadata.tables[table]
        async with office.database.begin() as conn:
            sealed = bytearray((await conn.execute(select(target.c[column]))).scalar_one())
            sealed[-1] ^= 1
            await conn.execute(update(target).values({column: bytes(sealed)}))
        with pytest.raises(Tampered):
            await office.card()
