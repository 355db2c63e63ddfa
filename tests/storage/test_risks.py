"""What the Ministry says of codes: the newest word holds, in whatever order the words come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from conversations.actions import CodeChecked, KeepVerdict, Status, Verdict
from storage import tables
from storage.risks import RiskChange, RiskOutcome
from storage.vault import Vault, row
from tests.storage.people import (
    AYSE,
    AYSE_ANSWERS,
    BORA,
    BORA_ANSWERS,
    CODE,
    NOW,
    OTHER_CODE,
    Office,
    word,
)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)

# --- in any order ---------------------------------------------------------------------------

WORDS = st.builds(
    word,
    st.sampled_from([CODE, OTHER_CODE, "E5F6789012"]),
    st.booleans(),
    st.integers(-3, 3).map(lambda hours: NOW + hours * HOUR),
    st.none() | st.integers(1, 9).map(lambda days: NOW + days * DAY),
)


@st.composite
def feeds(draw: st.DrawFn) -> tuple[list[RiskChange], list[list[RiskChange]]]:
    """Records, and the same in another order, some of them twice, cut into batches."""
    words = draw(st.lists(WORDS, max_size=12))
    again = draw(st.lists(st.sampled_from(words), max_size=6)) if words else []
    shuffled = draw(st.permutations(words + again))
    size = draw(st.integers(1, 5))
    return words, [list(shuffled[at : at + size]) for at in range(0, len(shuffled), size)]


async def outcome_of(office: Office, batches: Sequence[Sequence[RiskChange]]) -> list[object]:
    """What is suspended after these batches, and how the cards stand; nothing is kept."""
    held, card = tables.suspensions.c, tables.cards.c
    async with office.database.begin() as conn:
        for batch in batches:
            await office.registry.risks.take(conn, batch, NOW)
        found = [
            *await conn.execute(
                select(held.card_id, held.hes_key, held.until)
                .where(held.ended_at.is_(None))
                .order_by(held.card_id, held.hes_key)
            ),
            *await conn.execute(
                select(card.id, card.status, card.suspended_until).order_by(card.id)
            ),
        ]
        await conn.rollback()
        return found


@pytest.fixture
async def two(office: Office) -> Office:
    """A register with two cards."""
    await office.paired(AYSE, AYSE_ANSWERS)
    await office.paired(BORA, BORA_ANSWERS)
    return office


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(feed=feeds())
async def test_order_repetition_and_size_of_batches_do_not_matter(
    two: Office, feed: tuple[list[RiskChange], list[list[RiskChange]]]
) -> None:
    """The same records come to the same suspensions."""
    words, batches = feed
    assert await outcome_of(two, batches) == await outcome_of(two, [words])


# --- one by one -----------------------------------------------------------------------------


async def test_a_record_is_taken_once(two: Office) -> None:
    """The same id changes nothing, whatever it says the second time and in which batch."""
    first = word(id="7")
    assert await two.hear(first, first) == RiskOutcome(taken=1, repeated=1, cards=1)
    again = word(risky=False, at=NOW + HOUR, id="7")
    assert await two.hear(again) == RiskOutcome(repeated=1)
    assert (await two.card()).status is Status.SUSPENDED


async def test_an_older_word_that_comes_late_undoes_nothing(two: Office) -> None:
    """Neither in the same batch nor in a later one."""
    older, newer = word(), word(risky=False, at=NOW + HOUR)
    assert await two.hear(newer, older) == RiskOutcome(taken=1, older=1)
    assert (await two.card()).status is Status.ACTIVE
    await two.hear(word(at=NOW + DAY))
    assert await two.hear(word(risky=False, at=NOW + 2 * HOUR)) == RiskOutcome(older=1)
    assert (await two.card()).status is Status.SUSPENDED


@pytest.mark.parametrize("swapped", [False, True])
async def test_of_two_words_at_the_same_moment_the_one_that_protects_longer_wins(
    two: Office, swapped: bool
) -> None:
    """In whichever order they come."""
    words = [word(until=NOW + DAY), word(until=NOW + 2 * DAY), word(risky=False)]
    for each in reversed(words) if swapped else words:
        await two.hear(each)
    (held,) = [each for each in await two.rows(tables.suspensions) if each.ended_at is None]
    assert held.until == NOW + 2 * DAY


async def test_outcomes_add_up(two: Office) -> None:
    """A file is taken in many batches."""
    one = await two.hear(word(), word("E5F6789012"))
    other = await two.hear(word(OTHER_CODE), word(at=NOW - HOUR), word())
    assert one + other == RiskOutcome(taken=3, repeated=1, older=1, unknown=1, cards=2)


async def test_nothing_is_nothing(office: Office) -> None:
    """An empty batch."""
    assert await office.hear() == RiskOutcome()


async def test_a_code_is_sealed_and_only_kept_while_it_is_risky(
    office: Office, vault: Vault
) -> None:
    """Whose code is no longer risky has nothing to be remembered for."""
    await office.hear(word())
    (found,) = await known(office)
    assert vault.open(found.hes_code, row("risks", found.hes_key)).decode() == CODE
    await office.hear(word(risky=False, at=NOW + HOUR, until=NOW + DAY))
    (found,) = await known(office)
    assert (found.hes_code, found.risky, found.until) == (None, False, None)


async def test_large_batches_are_asked_in_parts(office: Office) -> None:
    """More codes than one statement names."""
    words = [word(f"A1B2{number:06}") for number in range(1200)]
    assert await office.hear(*words) == RiskOutcome(taken=1200, unknown=1200)
    assert await office.hear(*words) == RiskOutcome(repeated=1200)


# --- the HES service's word -----------------------------------------------------------------


async def say(office: Office, risky: bool | None, at: datetime) -> None:
    """The HES service answers about the first card's code."""
    link = (await office.rows(tables.links))[0].id
    checked = CodeChecked((link,), Verdict.VALID, None, risky)
    await office.at(at).ask(AYSE, KeepVerdict(checked))


async def test_the_service_suspends_and_gives_back(two: Office) -> None:
    """Its word counts like the feed's."""
    await say(two, True, NOW)
    assert (await two.card()).status is Status.SUSPENDED
    await say(two, None, NOW + HOUR)
    assert (await two.card()).status is Status.SUSPENDED
    await say(two, False, NOW + 2 * HOUR)
    assert (await two.card()).status is Status.ACTIVE


async def test_the_service_takes_no_end_from_a_risk_that_is_known(two: Office) -> None:
    """It tells none, which does not mean that there is none."""
    await two.hear(word(until=NOW + DAY))
    await say(two, True, NOW + HOUR)
    (held,) = await two.rows(tables.suspensions)
    assert held.until == NOW + DAY


async def test_the_service_says_nothing_new_of_a_code_that_is_not_risky(two: Office) -> None:
    """No row for every code that is asked about."""
    await say(two, False, NOW)
    assert await known(two) == []


async def test_an_older_record_does_not_undo_the_services_word(two: Office) -> None:
    """It speaks of the moment it is asked."""
    await say(two, True, NOW + HOUR)
    assert (await two.hear(word(risky=False))).older == 1
    assert (await two.card()).status is Status.SUSPENDED


# --- forgetting -----------------------------------------------------------------------------


async def test_what_holds_nobody_back_is_forgotten_in_time(two: Office) -> None:
    """A risk that lasts stays; the ids go."""
    await two.hear(
        word(),
        word(OTHER_CODE, until=NOW + DAY),
        word("E5F6789012", False),
    )
    assert await forget(two, NOW) == 0
    assert await forget(two, NOW + HOUR) == 1 + 3
    assert await forget(two, NOW + 2 * DAY) == 1
    (left,) = await known(two)
    assert (left.risky, left.until) == (True, None)
    assert (await two.card()).status is Status.SUSPENDED


async def test_what_is_forgotten_goes_a_page_at_a_time(two: Office) -> None:
    """Words and ids together are never more than a page."""
    await two.hear(*(word(f"A1B2{number:06}", False) for number in range(3)))
    counts = [await forget(two, NOW + HOUR, 2) for _ in range(4)]
    assert counts == [2, 2, 2, 0]


async def forget(office: Office, before: datetime, limit: int = 100) -> int:
    async with office.database.begin() as conn:
        return await office.registry.risks.forget(conn, before, limit)


async def known(office: Office) -> list[Any]:
    """What is known of codes."""
    async with office.database.read() as conn:
        return list(await conn.execute(tables.risks.select()))
