"""Cards that are held back: by which code, until when, and who hears of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.actions import Status, Value, Verdict
from storage import tables
from storage.changes import CardChange, Standing
from storage.database import Database
from storage.registry import Registry
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
    Office,
    word,
)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RENEWED: dict[str, Value] = {**AYSE_ANSWERS, "hes_code": OTHER_CODE}
ACTIVE, SUSPENDED = Standing(Status.ACTIVE, "paired"), Standing(Status.SUSPENDED, "suspended")


class TestBeginning:
    """A code becomes risky."""

    async def test_every_card_with_the_code_is_suspended_and_remembers_it(
        self, town: Office
    ) -> None:
        """Also in the history; a card with another code rides on."""
        await town.paired(AYSE, AYSE_ANSWERS)
        await town.paired(AYSE, {"card_number": OTHER_CARD, "hes_code": CODE})
        await town.paired(BORA, {**BORA_ANSWERS, "card_number": "7301000055556666"})
        outcome = await town.at(NOW + HOUR).hear(word())
        assert (outcome.taken, outcome.unknown, outcome.cards) == (1, 0, 2)
        for number in (CARD, OTHER_CARD):
            record = await town.card(number)
            assert (record.status, record.changed_at) == (Status.SUSPENDED, NOW + HOUR)
            last = record.history[-1]
            assert (last.at, last.status, last.cause) == (NOW + HOUR, "SUSPENDED", "suspended")
        assert (await town.card("7301000055556666")).status is Status.ACTIVE

    async def test_the_holder_hears_of_it_once(self, town: Office, told: list[CardChange]) -> None:
        """Whoever learns it was not their doing has no actor."""
        await town.paired(AYSE, AYSE_ANSWERS)
        told.clear()
        await town.hear(word())
        await town.hear(word(at=NOW + HOUR))
        ((address,), (link,)) = await town.rows(tables.addresses), await town.rows(tables.links)
        (change,) = told
        assert (change.before, change.after, change.at) == (ACTIVE, SUSPENDED, NOW)
        assert (change.link, change.actor, change.relinked) == (link.id, None, False)
        assert change.holder is not None
        assert (change.holder.address, change.holder.channel) == (address.id, "telegram")

    async def test_a_code_called_risky_before_anybody_paired_it(self, town: Office) -> None:
        """It waits, and the card that gets it is suspended from the beginning."""
        assert (await town.hear(word())).unknown == 1
        saved = await town.paired(AYSE, AYSE_ANSWERS)
        assert saved.cards[0].status is Status.SUSPENDED
        assert [each.status for each in (await town.card()).history] == [Status.SUSPENDED]

    async def test_a_risk_that_is_over_does_not_hold_a_new_card(self, town: Office) -> None:
        """By its time, or by a later word."""
        await town.hear(word(until=NOW + HOUR))
        later = town.at(NOW + HOUR)
        assert (await later.paired(AYSE, AYSE_ANSWERS)).cards[0].status is Status.ACTIVE
        await later.hear(word(OTHER_CODE), word(OTHER_CODE, False, NOW + HOUR))
        saved = await later.paired(BORA, BORA_ANSWERS)
        assert saved.cards[0].status is Status.ACTIVE
        assert await town.rows(tables.suspensions) == []

    async def test_a_code_that_was_replaced_suspends_nothing(self, town: Office) -> None:
        """The card does not have it any more when it becomes risky."""
        await town.paired(AYSE, AYSE_ANSWERS)
        await town.paired(AYSE, RENEWED)
        outcome = await town.hear(word())
        assert (outcome.unknown, outcome.cards) == (1, 0)
        assert (await town.card()).status is Status.ACTIVE

    async def test_after_the_deadline_too(self, town: Office) -> None:
        """A suspension stands above the deadline."""
        late = town.at(AFTER)
        await late.paired(AYSE, AYSE_ANSWERS)
        await late.hear(word())
        assert (await late.card()).status is Status.SUSPENDED

    async def test_who_cannot_announce_suspends_nothing(
        self, database: Database, vault: Vault
    ) -> None:
        """The notice and the suspension are one transaction."""
        office = Office(database, Registry(vault, deadline=DEADLINE))
        await office.paired(AYSE, AYSE_ANSWERS)

        async def fail(_conn: AsyncConnection, _changes: Sequence[CardChange]) -> None:
            raise ZeroDivisionError

        deaf = Office(database, Registry(vault, deadline=DEADLINE, announce=fail))
        before = await office.rows(tables.card_history)
        with pytest.raises(ZeroDivisionError):
            await deaf.hear(word())
        assert (await office.card()).status is Status.ACTIVE
        assert await office.rows(tables.card_history) == before
        assert await office.rows(tables.suspensions) == []


class TestStaying:
    """A suspension belongs to the card and to the code that caused it."""

    async def test_another_code_does_not_end_it(self, town: Office) -> None:
        """Only the word on the first one does, and then the card has the new one."""
        await town.paired(AYSE, AYSE_ANSWERS)
        await town.hear(word())
        saved = await town.paired(AYSE, RENEWED)
        await town.verdict(saved, Verdict.VALID)
        await town.hear(word(OTHER_CODE, False, NOW + HOUR))
        assert (await town.card()).status is Status.SUSPENDED
        await town.hear(word(risky=False, at=NOW + HOUR))
        record = await town.card()
        assert record.status is Status.ACTIVE
        assert record.link is not None
        assert record.link.hes_code == OTHER_CODE

    async def test_the_word_on_a_former_code_still_counts(self, town: Office) -> None:
        """It prolongs the suspension that it began."""
        await town.paired(AYSE, AYSE_ANSWERS)
        await town.hear(word(until=NOW + DAY))
        await town.paired(AYSE, RENEWED)
        await town.hear(word(at=NOW + HOUR, until=NOW + 3 * DAY))
        assert (await town.at(NOW + 2 * DAY).card()).status is Status.SUSPENDED
        assert (await town.at(NOW + 3 * DAY).card()).status is Status.ACTIVE

    async def test_two_codes_hold_it_until_both_let_go(self, town: Office) -> None:
        """One without an end has none, whatever the other says."""
        await town.paired(AYSE, AYSE_ANSWERS)
        await town.hear(word(until=NOW + DAY))
        await town.at(NOW + HOUR).paired(AYSE, RENEWED)
        await town.at(NOW + HOUR).hear(word(OTHER_CODE))
        (card,) = await town.rows(tables.cards)
        assert (card.suspended_at, card.suspended_until) == (NOW, None)
        assert await town.at(NOW + DAY).end_due() == 1
        assert (await town.at(NOW + DAY).card()).status is Status.SUSPENDED
        (card,) = await town.rows(tables.cards)
        assert card.suspended_at == NOW + HOUR
        await town.hear(word(OTHER_CODE, False, NOW + HOUR))
        (card,) = await town.rows(tables.cards)
        assert (card.status, card.suspended_at) == ("ACTIVE", None)

    async def test_the_later_of_two_ends_counts(self, town: Office) -> None:
        """Whichever began first."""
        await town.paired(AYSE, AYSE_ANSWERS)
        await town.hear(word(until=NOW + 2 * DAY))
        await town.paired(AYSE, RENEWED)
        await town.hear(word(OTHER_CODE, until=NOW + DAY))
        assert (await town.at(NOW + DAY).card()).status is Status.SUSPENDED
        assert (await town.at(NOW + 2 * DAY).card()).status is Status.ACTIVE

    async def test_a_code_given_back_that_became_risky_meanwhile(self, town: Office) -> None:
        """A failed renewal must not be a way round a suspension."""
        await town.verdict(await town.paired(AYSE, AYSE_ANSWERS), Verdict.VALID)
        tried = await town.paired(AYSE, RENEWED)
        await town.hear(word())
        assert (await town.card()).status is Status.ACTIVE
        await town.verdict(tried, Verdict.NOT_FOUND)
        record = await town.card()
        assert record.link is not None
        assert (record.link.hes_code, record.status) == (CODE, Status.SUSPENDED)


class TestEnding:
    """A word says so, or the time is over."""

    async def test_a_word_gives_the_card_back(self, town: Office, told: list[CardChange]) -> None:
        """And the holder hears of it."""
        await town.paired(AYSE, AYSE_ANSWERS)
        await town.hear(word())
        told.clear()
        outcome = await town.at(NOW + HOUR).hear(word(risky=False, at=NOW + HOUR))
        assert outcome.cards == 1
        assert [(each.before, each.after) for each in told] == [(SUSPENDED, ACTIVE)]
        (suspension,) = await town.rows(tables.suspensions)
        assert (suspension.ended_at, suspension.end_cause) == (NOW + HOUR, "riskless")
        last = (await town.card()).history[-1]
        assert (last.at, last.status, last.cause) == (NOW + HOUR, Status.ACTIVE, "paired")

    async def test_its_time_gives_it_back_at_once_for_who_reads(
        self, town: Office, told: list[CardChange]
    ) -> None:
        """Before anybody has settled it; settling writes history and tells the holder once."""
        until = NOW + DAY
        await town.paired(AYSE, AYSE_ANSWERS)
        await town.hear(word(until=until))
        told.clear()
        assert (await town.at(until - timedelta(microseconds=1)).card()).status is Status.SUSPENDED
        assert (await town.at(until).card()).status is Status.ACTIVE
        assert (await town.at(until).cards(AYSE))[0].status is Status.ACTIVE
        assert await town.at(until - timedelta(microseconds=1)).end_due() == 0
        assert [await town.at(until).end_due() for _ in range(2)] == [1, 0]
        assert [(each.before, each.after, each.at) for each in told] == [(SUSPENDED, ACTIVE, until)]
        (suspension,) = await town.rows(tables.suspensions)
        assert (suspension.ended_at, suspension.end_cause) == (until, "until")
        assert (await town.card()).history[-1].status is Status.ACTIVE

    async def test_ends_are_settled_some_at_a_time(self, town: Office) -> None:
        """The oldest first, until none is left."""
        await town.paired(AYSE, AYSE_ANSWERS)
        await town.paired(BORA, BORA_ANSWERS)
        await town.hear(word(until=NOW + DAY), word(OTHER_CODE, until=NOW + HOUR))
        late = town.at(NOW + DAY)
        assert await late.end_due(1) == 1
        assert [each.status for each in await town.rows(tables.cards)] == ["SUSPENDED", "ACTIVE"]
        assert [await late.end_due(1), await late.end_due(1)] == [1, 0]

    async def test_a_word_that_is_over_already_ends_it(self, town: Office) -> None:
        """The newest word holds, though it says risky."""
        await town.paired(AYSE, AYSE_ANSWERS)
        await town.hear(word())
        later = town.at(NOW + DAY)
        await later.hear(word(at=NOW + HOUR, until=NOW + 2 * HOUR))
        assert (await later.card()).status is Status.ACTIVE
        (suspension,) = await town.rows(tables.suspensions)
        assert (suspension.end_cause, suspension.ended_at) == ("until", NOW + DAY)

    async def test_after_the_deadline_without_a_good_code_it_is_passive(self, town: Office) -> None:
        """Given back to what its facts make of it."""
        saved = await town.paired(AYSE, AYSE_ANSWERS)
        await town.hear(word(until=AFTER))
        await town.verdict(saved, Verdict.EXPIRED)
        assert await town.at(AFTER).end_due() == 1
        (card,) = await town.rows(tables.cards)
        assert (card.status, card.cause) == ("PASSIVE", "code_expired")

    async def test_the_same_card_again(self, town: Office) -> None:
        """Held, given back, held: the past stays on record."""
        await town.paired(AYSE, AYSE_ANSWERS)
        for number in range(4):
            await town.hear(word(risky=number % 2 == 0, at=NOW + number * HOUR))
        await town.hear(word(at=NOW + DAY))
        rows = await town.rows(tables.suspensions)
        assert [row.end_cause for row in rows] == ["riskless", "riskless", None]
        assert (await town.card()).status is Status.SUSPENDED


class TestSideBySide:
    """Several processes, which on PostgreSQL really write at once."""

    async def test_overlapping_batches_in_any_order(self, offices: list[Office]) -> None:
        """Nobody waits for the other for ever, and every card follows its codes."""
        first, second = offices
        numbers = [f"73010000{number:08}" for number in range(12)]
        codes = [f"A1B2{number:06}" for number in range(12)]
        await first.paired(AYSE, {**AYSE_ANSWERS, "card_number": numbers[0], "hes_code": codes[0]})
        for number, code in zip(numbers[1:], codes[1:], strict=True):
            await first.paired(AYSE, {"card_number": number, "hes_code": code})

        async def feed(office: Office, name: str, order: Sequence[str], start: int) -> None:
            for number in range(start, start + 12, 2):
                at = NOW + number * HOUR
                words = (word(code, number % 4 < 2, at, id=f"{name}{code}{at}") for code in order)
                await office.hear(*words)

        await asyncio.gather(
            feed(first, "a", codes, 0), feed(second, "b", codes[::-1], 1), *_returning(offices)
        )
        async with first.database.read() as conn:
            known = await conn.execute(tables.risks.select())
            assert {each.risky for each in known} == {False}
        assert {each.status for each in await first.rows(tables.cards)} == {"ACTIVE"}
        assert all(each.ended_at for each in await first.rows(tables.suspensions))

    async def test_a_card_paired_during_a_batch_does_not_slip_through(
        self, offices: list[Office]
    ) -> None:
        """Whoever comes first, card and code meet."""
        first, second = offices
        await first.paired(AYSE, AYSE_ANSWERS)
        for round_ in range(8):
            codes = [f"{round_}1B2{number:06}" for number in range(6)]
            pairing = (
                first.paired(AYSE, {"card_number": f"7301{round_:04}{number:08}", "hes_code": code})
                for number, code in enumerate(codes)
            )
            await asyncio.gather(
                *pairing, second.hear(*map(word, codes[:3])), second.hear(*map(word, codes[3:]))
            )
        cards = await first.rows(tables.cards)
        assert {each.status for each in cards[1:]} == {"SUSPENDED"}
        assert len(cards) == 49


def _returning(offices: list[Office]) -> list[asyncio.Task[int]]:
    """Ends are looked for meanwhile."""
    return [asyncio.ensure_future(each.at(NOW + DAY).end_due()) for each in offices]
