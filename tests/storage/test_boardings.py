"""How cards stand at the gate, which attempts are kept, and that each is in one report."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import datetime, timedelta

import pytest

from conversations.actions import Verdict
from conversations.calendar import ISTANBUL
from storage import tables
from storage.boardings import Attempt, Draft, Passage, Summary
from storage.database import Database
from storage.registry import Registry
from storage.risks import RiskChange
from storage.vault import KeyRing, Unreadable, Vault
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
)

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
UNKNOWN_CARD = "7301000099998888"


async def risky(office: Office, code: str = CODE, until: datetime | None = None) -> None:
    """The Ministry says so."""
    change = RiskChange(f"{code}-{until}", code, True, office.now - HOUR, until)
    async with office.database.begin() as conn:
        await office.registry.risks.take(conn, [change], office.now)


async def looked(office: Office, *numbers: str) -> dict[str, tuple[bool, str]]:
    """Whether the cards may pass, and why."""
    async with office.database.read() as conn:
        found = await office.registry.boardings.look(conn, numbers, office.now)
    return {number: (each.allowed, each.standing.cause) for number, each in found.items()}


async def passage(office: Office, number: str = CARD) -> Passage:
    async with office.database.read() as conn:
        return (await office.registry.boardings.look(conn, [number], office.now))[number]


async def attempt(
    office: Office, at: datetime = NOW, validator: str = "V-1", number: str = CARD
) -> None:
    """Somebody holds a suspended card to a validator."""
    found = await passage(office, number)
    assert found.recorded
    assert found.card is not None
    async with office.database.begin() as conn:
        tried = {Attempt(number, validator, at): found.card}
        await office.registry.boardings.keep(conn, tried, office.now)


async def drafted(office: Office, first: datetime, last: datetime) -> Draft:
    async with office.database.read() as conn:
        return await office.registry.boardings.draft(conn, first, last)


async def filed(
    office: Office, draft: Draft, first: datetime, last: datetime, content: bytes = b"content"
) -> bool:
    sha256 = hashlib.sha256(content).hexdigest()
    summary = Summary(draft.number, first, last, office.now, len(draft.attempts), sha256)
    async with office.database.begin() as conn:
        return await office.registry.boardings.file(conn, draft, summary, content)


async def reported(office: Office, first: datetime, last: datetime) -> Draft:
    """Make a report."""
    draft = await drafted(office, first, last)
    assert await filed(office, draft, first, last)
    return draft


# --- at the gate ----------------------------------------------------------------------------


async def test_several_cards_are_looked_up_at_once(office: Office) -> None:
    """Each gets its own answer, those nobody knows too."""
    await office.paired(AYSE, AYSE_ANSWERS)
    await office.paired(BORA, BORA_ANSWERS)
    await risky(office, OTHER_CODE)
    assert await looked(office, CARD, OTHER_CARD, UNKNOWN_CARD) == {
        CARD: (True, "paired"),
        OTHER_CARD: (False, "suspended"),
        UNKNOWN_CARD: (True, "never_paired"),
    }


async def test_the_deadline_counts_at_once(office: Office) -> None:
    """No pass needs to have settled anything."""
    await office.paired(AYSE, AYSE_ANSWERS)
    assert await looked(office.at(DEADLINE), CARD, UNKNOWN_CARD) == {
        CARD: (True, "paired"),
        UNKNOWN_CARD: (False, "deadline_passed"),
    }
    before = office.at(DEADLINE - timedelta(microseconds=1))
    assert (await looked(before, UNKNOWN_CARD))[UNKNOWN_CARD][0]


@pytest.mark.parametrize("verdict", [Verdict.NOT_FOUND, Verdict.MISMATCH, Verdict.EXPIRED])
async def test_a_denied_code_lets_pass_until_the_deadline(office: Office, verdict: Verdict) -> None:
    """As if there were none."""
    await office.verdict(await office.paired(AYSE, AYSE_ANSWERS), verdict)
    assert await looked(office, CARD) == {CARD: (True, f"code_{verdict}")}
    assert await looked(office.at(AFTER), CARD) == {CARD: (False, f"code_{verdict}")}


async def test_the_end_of_a_code_counts_at_once(office: Office) -> None:
    """At its very moment."""
    saved = await office.paired(AYSE, AYSE_ANSWERS)
    await office.verdict(saved, Verdict.VALID, AFTER)
    assert await looked(office.at(AFTER), CARD) == {CARD: (False, "code_expired")}


async def test_a_suspension_that_is_over_lets_pass_at_once(office: Office) -> None:
    """Before anything was settled."""
    await office.paired(AYSE, AYSE_ANSWERS)
    await risky(office, until=NOW + HOUR)
    assert await looked(office, CARD) == {CARD: (False, "suspended")}
    assert await looked(office.at(NOW + HOUR), CARD) == {CARD: (True, "paired")}


async def test_looking_at_no_card_finds_none(office: Office) -> None:
    assert await looked(office) == {}


async def test_the_same_attempt_is_kept_once(office: Office) -> None:
    """By card, validator and moment, in whatever zone it is told."""
    await office.paired(AYSE, AYSE_ANSWERS)
    await risky(office)
    await attempt(office)
    await attempt(office.at(NOW + HOUR), NOW.astimezone(ISTANBUL))
    await attempt(office, validator="V-2")
    await attempt(office, NOW + HOUR)
    kept = [
        (row.validator_id, row.at, row.received_at) for row in await office.rows(tables.boardings)
    ]
    assert kept == [("V-1", NOW, NOW), ("V-2", NOW, NOW), ("V-1", NOW + HOUR, NOW)]


# --- reports --------------------------------------------------------------------------------


async def test_a_report_holds_what_the_authorities_ask_for(office: Office) -> None:
    """The card, its holder, where and when."""
    await office.paired(AYSE, AYSE_ANSWERS)
    await risky(office)
    await attempt(office.at(NOW + HOUR))
    (found,) = (await reported(office, NOW, NOW + DAY)).attempts
    assert (found.card_number, found.validator_id, found.late) == (CARD, "V-1", False)
    assert (found.at, found.received_at) == (NOW, NOW + HOUR)
    names = ("identity_number", "first_name", "last_name")
    assert [found.holder[name] for name in names] == ["10000000146", "Ayşe", "Yıldızoğlu"]


async def test_the_holder_is_whoever_held_the_card_then(office: Office) -> None:
    """Not whoever has it by the time of the report."""
    await office.paired(AYSE, AYSE_ANSWERS)
    await risky(office)
    await attempt(office)
    later = office.at(NOW + HOUR)
    card_of_bora = {**BORA_ANSWERS, "card_number": CARD}
    async with office.database.begin() as conn:
        await conn.execute(tables.links.update().values(ended_at=NOW + HOUR))
    await later.paired(BORA, card_of_bora)
    await attempt(later, NOW + HOUR)
    first, second = (await reported(later, NOW, NOW + DAY)).attempts
    assert (first.holder["first_name"], second.holder["first_name"]) == ("Ayşe", "Bora")


async def test_a_card_without_a_link_was_its_last_holders(office: Office) -> None:
    """A suspension outlives the link that it came by."""
    await office.paired(AYSE, AYSE_ANSWERS)
    await risky(office)
    async with office.database.begin() as conn:
        await conn.execute(tables.links.update().values(ended_at=NOW))
    await attempt(office.at(NOW + HOUR), NOW + HOUR)
    (found,) = (await reported(office, NOW, NOW + DAY)).attempts
    assert found.holder["first_name"] == "Ayşe"


async def test_a_clock_that_is_behind_hides_no_holder(office: Office) -> None:
    """Another machine paired the card, a second later by its own clock."""
    await office.at(NOW + HOUR).paired(AYSE, AYSE_ANSWERS)
    await risky(office)
    await attempt(office)
    (found,) = (await reported(office, NOW, NOW + DAY)).attempts
    assert found.holder["first_name"] == "Ayşe"


async def test_the_first_moment_belongs_to_a_report_and_the_last_does_not(office: Office) -> None:
    """So that reports of neighbouring times neither share nor lose one."""
    await office.paired(AYSE, AYSE_ANSWERS)
    await risky(office)
    for hours in (0, 1, 2):
        await attempt(office, NOW + hours * HOUR)
    draft = await reported(office, NOW, NOW + HOUR)
    assert ([each.at for each in draft.attempts], draft.left) == ([NOW], 2)
    draft = await reported(office, NOW + HOUR, NOW + DAY)
    assert [each.at for each in draft.attempts] == [NOW + HOUR, NOW + 2 * HOUR]


async def test_an_attempt_is_in_one_report(office: Office) -> None:
    """The same time again holds nothing, and that is a report too."""
    await office.paired(AYSE, AYSE_ANSWERS)
    await risky(office)
    await attempt(office)
    assert len((await reported(office, NOW, NOW + DAY)).attempts) == 1
    again = await reported(office, NOW, NOW + DAY)
    assert (again.number, again.attempts) == (2, ())
    async with office.database.read() as conn:
        made = await office.registry.boardings.reports(conn)
    assert [(each.number, each.attempts) for each in made] == [(1, 1), (2, 0)]


async def test_what_comes_late_is_in_the_next_report(office: Office) -> None:
    """Of whatever time that is; it says that it is late."""
    await office.paired(AYSE, AYSE_ANSWERS)
    await risky(office)
    await attempt(office)
    await reported(office, NOW, NOW + DAY)
    await attempt(office, NOW + HOUR)
    await attempt(office, NOW + DAY)
    await attempt(office, NOW - DAY)
    draft = await reported(office, NOW + DAY, NOW + 2 * DAY)
    assert [(each.at, each.late) for each in draft.attempts] == [
        (NOW + HOUR, True),
        (NOW + DAY, False),
    ]
    assert draft.left == 1


async def test_of_two_reports_at_once_one_is_drafted_anew(office: Office) -> None:
    """The second changes nothing and says so."""
    await office.paired(AYSE, AYSE_ANSWERS)
    await risky(office)
    await attempt(office)
    mine, other = [await drafted(office, NOW, NOW + DAY) for _ in range(2)]
    assert await filed(office, mine, NOW, NOW + DAY)
    before = await office.count()
    assert not await filed(office, other, NOW, NOW + DAY)
    assert await office.count() == before
    assert [row.report_id for row in await office.rows(tables.boardings)] == [1]


async def test_reports_at_the_same_moment_share_nothing(office: Office) -> None:
    """Neither a number nor an attempt."""
    await office.paired(AYSE, AYSE_ANSWERS)
    await risky(office)
    await attempt(office)
    drafts = [await drafted(office, NOW, NOW + DAY) for _ in range(4)]
    made = await asyncio.gather(*(filed(office, draft, NOW, NOW + DAY) for draft in drafts))
    assert sorted(made) == [False, False, False, True]


async def test_the_content_comes_back_and_lies_sealed(office: Office) -> None:
    """It names people."""
    content = "Ayşe Yıldızoğlu 10000000146".encode() * 3
    draft = await drafted(office, NOW, NOW + DAY)
    assert await filed(office, draft, NOW, NOW + DAY, content)
    async with office.database.read() as conn:
        found = await office.registry.boardings.report(conn, 1)
        assert await office.registry.boardings.report(conn, 2) is None
    assert found is not None
    summary, kept = found
    assert kept == content
    assert (summary.first, summary.last, summary.made_at) == (NOW, NOW + DAY, NOW)
    (row,) = await office.rows(tables.reports)
    assert b"10000000146" not in row.content


async def test_another_vault_cannot_read_it(database: Database, office: Office) -> None:
    """The number of a report opens nothing."""
    await reported(office, NOW, NOW + DAY)
    stranger = Registry(Vault(KeyRing.new()), deadline=DEADLINE).boardings
    async with database.read() as conn:
        with pytest.raises(Unreadable):
            await stranger.report(conn, 1)
