"""Cards taken in by the thousand beside those that people pair, and the list of what changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from conversations.actions import Status
from storage import tables
from storage.card_files import CardFiles, Overtaken, Progress, seal_all
from storage.vault import Vault
from tests.storage.people import AFTER, AYSE, AYSE_ANSWERS, CARD, NOW, OTHER_CARD, Office

FILE = "a fingerprint"
Given = Sequence[tuple[str, bool | None]]


@pytest.fixture
def files(office: Office, vault: Vault) -> CardFiles:
    """What takes lists in, for the register."""
    return CardFiles(vault, office.registry.cards)


def numbers(count: int) -> list[str]:
    """So many card numbers."""
    return [f"7301{number:012d}" for number in range(count)]


async def take(
    office: Office, files: CardFiles, given: Given, before: Progress | None = None
) -> Progress:
    """Take a list in, in one part; it follows what the file came to before."""
    cards = seal_all(
        office.registry.cards, [number for number, _ in given], [flag for _, flag in given]
    )
    async with office.database.begin() as conn:
        found = await files.begin(conn, FILE, office.now)
        return await files.take(conn, FILE, before or found, cards, office.now)


async def personalised(office: Office, *numbers: str) -> list[bool | None]:
    """What is known of these cards, which are all there are."""
    known = {card.number_key: card.personalised for card in await office.rows(tables.cards)}
    assert len(known) == len(numbers)
    return [known[office.registry.cards.number_key(number)] for number in numbers]


async def test_a_listed_card_is_on_record_without_history(office: Office, files: CardFiles) -> None:
    """Nobody has paired it, so there is nothing to tell."""
    done = await take(office, files, [(CARD, True), (OTHER_CARD, None)])
    assert done == Progress(position=2, added=2)
    card = await office.card(CARD)
    assert (card.number, card.status, card.cause) == (CARD, Status.UNPAIRED, "never_paired")
    assert (card.changed_at, card.link, card.history) == (NOW, None, ())
    assert await personalised(office, CARD, OTHER_CARD) == [True, None]


async def test_a_card_listed_after_the_deadline_is_passive(
    office: Office, files: CardFiles
) -> None:
    late = office.at(AFTER)
    await take(late, files, [(CARD, None)])
    (card,) = await late.rows(tables.cards)
    assert (card.status, card.cause) == ("PASSIVE", "deadline_passed")


@pytest.mark.parametrize("count", [1, 99, 100, 101, 250])
async def test_every_card_of_a_part_is_taken(office: Office, files: CardFiles, count: int) -> None:
    """Whether or not they fill the statements they go in."""
    done = await take(office, files, [(number, None) for number in numbers(count)])
    assert (done.added, len(await office.rows(tables.cards))) == (count, count)
    assert (await office.card(numbers(count)[-1])).number == numbers(count)[-1]


async def test_a_known_card_changes_only_what_the_list_tells_anew(
    office: Office, files: CardFiles
) -> None:
    """Silence says nothing, and what is known already is not written again."""
    first = await take(office, files, list(zip(numbers(4), (None, True, True, False), strict=True)))
    before = await office.rows(tables.cards)
    later = office.at(NOW + timedelta(hours=1))
    again = list(zip(numbers(5), (True, True, None, True, None), strict=True))
    done = await take(later, files, again, first)
    assert done == Progress(position=9, added=5, changed=2, known=2)
    assert await personalised(office, *numbers(5)) == [True, True, True, True, None]
    after = await office.rows(tables.cards)
    assert [card.changed_at for card in after[:4]] == [card.changed_at for card in before]
    assert [card.number for card in after[:4]] == [card.number for card in before]


async def test_a_card_listed_twice_counts_once(office: Office, files: CardFiles) -> None:
    """Each line is compared with what the lines before it left."""
    flags = (None, None, True, True, None, False, True)
    done = await take(office, files, [(CARD, flag) for flag in flags])
    assert done == Progress(position=7, added=1, changed=3, known=3)
    assert await personalised(office, CARD) == [True]


async def test_an_imported_card_can_be_paired(office: Office, files: CardFiles) -> None:
    """It is the same card, and stays personalised."""
    await take(office, files, [(CARD, True)])
    saved = await office.paired(AYSE, AYSE_ANSWERS)
    assert [card.number for card in saved.cards] == [CARD]
    assert (await office.card()).status is Status.ACTIVE
    assert await personalised(office, CARD) == [True]


async def test_a_paired_card_stays_as_it_is_when_imported(office: Office, files: CardFiles) -> None:
    await office.paired(AYSE, AYSE_ANSWERS)
    before = await office.card()
    done = await take(office, files, [(CARD, None), (OTHER_CARD, None)])
    assert (done.added, done.known) == (1, 1)
    assert await office.card() == before


async def test_cards_that_are_known_use_up_no_numbers(office: Office, files: CardFiles) -> None:
    """There are two milliards of them, and lists of 34 million come again and again."""
    given: Given = [(number, None) for number in numbers(10)]
    for _ in range(3):
        done = await take(office, files, given)
    await take(office, files, [(CARD, None)], done)
    assert max(card.id for card in await office.rows(tables.cards)) == 11


async def test_only_one_takes_in_the_same_part(office: Office, files: CardFiles) -> None:
    """The other's whole transaction is undone."""
    await take(office, files, [(CARD, None)], Progress())
    before = await office.count()
    with pytest.raises(Overtaken):
        await take(office, files, [(OTHER_CARD, None)], Progress())
    assert await office.count() == before


async def test_a_finished_file_is_remembered(office: Office, files: CardFiles) -> None:
    """With its counts; and nothing more is taken of it."""
    done = await take(office, files, [(CARD, None)])
    async with office.database.begin() as conn:
        end = await files.finish(conn, FILE, done, 3, 1, NOW)
    async with office.database.begin() as conn:
        assert await files.begin(conn, FILE, NOW) == end
    assert end == Progress(position=1, line=3, added=1, bad=1, finished=True)
    with pytest.raises(Overtaken):
        await take(office, files, [(OTHER_CARD, None)], end)


def test_a_fingerprint_does_not_give_the_list_away(files: CardFiles) -> None:
    """The hash of a list with one card could be found by trying all numbers."""
    sha256 = "0" * 64
    assert sha256 not in files.fingerprint(sha256)
    assert files.fingerprint(sha256) != files.fingerprint("1" + sha256[1:])


# --- what changed ---------------------------------------------------------------------------


async def listed(
    office: Office, files: CardFiles, after: tuple[datetime, int], limit: int = 10
) -> list[tuple[str, Status, str]]:
    async with office.database.read() as conn:
        found = await files.changed(conn, after, limit)
    return [(card.number, card.status, card.cause) for card in found]


async def test_what_changed_comes_by_moment_with_its_number(
    office: Office, files: CardFiles
) -> None:
    """The oldest first; a card that was paired is where it was paired."""
    later = NOW + timedelta(minutes=1)
    await take(office, files, [(CARD, None), (OTHER_CARD, None)])
    await office.at(later).paired(AYSE, AYSE_ANSWERS)
    unpaired = (OTHER_CARD, Status.UNPAIRED, "never_paired")
    active = (CARD, Status.ACTIVE, "paired")
    assert await listed(office, files, (NOW, 0)) == [unpaired, active]
    assert await listed(office, files, (later, 0)) == [active]
    assert await listed(office, files, (later + timedelta(microseconds=1), 0)) == []


async def test_pages_join_where_many_changed_at_one_moment(
    office: Office, files: CardFiles
) -> None:
    """A deadline changes millions at once."""
    await take(office, files, [(number, None) for number in numbers(7)])
    found, after = [], (NOW, 0)
    while True:
        async with office.database.read() as conn:
            page = await files.changed(conn, after, 3)
        if not page:
            break
        found += [card.number for card in page]
        after = (page[-1].changed_at, page[-1].id)
    assert sorted(found) == numbers(7)


def test_what_changed_is_read_by_an_index() -> None:
    """Its columns are those by which a page is ordered."""
    (index,) = (each for each in tables.cards.indexes if each.name == "ix_cards_changed_at")
    assert [column.name for column in index.columns] == ["changed_at", "id"]
