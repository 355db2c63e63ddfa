"""The inbox and the conversation states, a batch at a time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from conversations.events import Address
from storage import tables
from storage.conversations import Conversations, Kept, address_key
from storage.database import Database
from storage.vault import Tampered, Vault
from tests.storage.overhearing import overhearing

NOW = datetime(2021, 1, 10, 9, 30, tzinfo=UTC)
AYSE, BORA = Address("telegram", "1001"), Address("whatsapp", "+905320000021")


@pytest.fixture
def conversations(vault: Vault) -> Conversations:
    """The talk's memory."""
    return Conversations(vault)


async def test_states_and_answers_come_back_to_whom_they_belong(
    database: Database, conversations: Conversations
) -> None:
    """Only of those who were kept."""
    async with database.begin() as conn:
        await conversations.keep(
            conn, {AYSE: b"asking", BORA: b"menu"}, [Kept(AYSE, "7", b"hello")], NOW
        )
    async with database.begin() as conn:
        carol = Address("telegram", "1002")
        assert await conversations.states(conn, [AYSE, BORA, carol]) == {
            AYSE: b"asking",
            BORA: b"menu",
        }
        asked = [(AYSE, "7"), (AYSE, "8"), (BORA, "7")]
        assert (await conversations.recall(conn, asked, ()))[0] == {(AYSE, "7"): b"hello"}


async def test_nothing_asked_is_nothing_found(
    database: Database, conversations: Conversations
) -> None:
    """An empty batch is no error."""
    async with database.begin() as conn:
        await conversations.claim(conn, [])
        assert await conversations.states(conn, []) == {}
        assert (await conversations.recall(conn, [], ()))[0] == {}
        await conversations.keep(conn, {}, [], NOW)


async def test_a_new_state_replaces_the_old_and_none_removes_it(
    database: Database, conversations: Conversations
) -> None:
    """A blank conversation is not stored."""
    for state in (b"one", b"two", None, None):
        async with database.begin() as conn:
            await conversations.keep(conn, {AYSE: state, BORA: b"stays"}, [], NOW)
            found = await conversations.states(conn, [AYSE, BORA])
            assert found == ({BORA: b"stays"} | ({AYSE: state} if state else {}))


async def test_a_conversation_knows_when_it_was_last_heard(
    database: Database, conversations: Conversations
) -> None:
    """A change without a message of the person (an errand's finding) is not hearing them."""
    later = NOW + timedelta(hours=2)
    async with database.begin() as conn:
        await conversations.keep(conn, {AYSE: b"1"}, [Kept(AYSE, "1", b"a")], NOW)
        await conversations.keep(conn, {AYSE: b"2"}, [Kept(BORA, "1", b"a")], later)
        row = (await conn.execute(select(tables.conversations))).one()
    assert (row.heard_at, row.updated_at) == (NOW, later)


async def test_an_answer_can_be_amended(database: Database, conversations: Conversations) -> None:
    """Only that message's."""
    async with database.begin() as conn:
        inbox = [Kept(AYSE, "1", b"first"), Kept(AYSE, "2", b"second")]
        await conversations.keep(conn, {}, inbox, NOW)
        await conversations.amend(conn, AYSE, "1", b"first and more")
        assert (await conversations.recall(conn, [(AYSE, "1"), (AYSE, "2")], ()))[0] == {
            (AYSE, "1"): b"first and more",
            (AYSE, "2"): b"second",
        }


async def test_old_messages_are_forgotten(database: Database, conversations: Conversations) -> None:
    """Those from before the moment, and no others."""
    async with database.begin() as conn:
        await conversations.keep(conn, {}, [Kept(AYSE, "1", b"a"), Kept(BORA, "1", b"a")], NOW)
        await conversations.keep(conn, {}, [Kept(AYSE, "2", b"b")], NOW + timedelta(days=1))
        assert await conversations.forget_inbox(conn, NOW + timedelta(hours=1), 5) == 2
        found = (await conversations.recall(conn, [(AYSE, "1"), (AYSE, "2")], ()))[0]
    assert found == {(AYSE, "2"): b"b"}


async def test_ids_that_could_run_together_are_kept_apart(
    database: Database, conversations: Conversations
) -> None:
    """Address "1" with message "23" is not address "12" with message "3"."""
    async with database.begin() as conn:
        await conversations.keep(conn, {}, [Kept(Address("web", "1"), "23", b"a")], NOW)
        assert (await conversations.recall(conn, [(Address("web", "12"), "3")], ()))[0] == {}


async def test_the_same_message_twice_cannot_be_kept(
    database: Database, conversations: Conversations
) -> None:
    """The second transaction fails as a whole, its states with it."""
    async with database.begin() as conn:
        await conversations.keep(conn, {AYSE: b"1"}, [Kept(AYSE, "1", b"a")], NOW)
    with pytest.raises(Exception, match=r"(?i)unique"):
        async with database.begin() as conn:
            await conversations.keep(conn, {AYSE: b"2"}, [Kept(AYSE, "1", b"b")], NOW)
    async with database.begin() as conn:
        assert await conversations.states(conn, [AYSE]) == {AYSE: b"1"}


async def test_the_number_of_statements_does_not_grow_with_the_batch(
    database: Database, conversations: Conversations
) -> None:
    """Law 5: one look at the inbox, one load of states, one bulk write each."""
    runs = []
    for size in (2, 50):
        everyone = [Address("web", f"{size}-{number}") for number in range(size)]
        states = {each: (b"s" if each.id[-1] != "1" else None) for each in everyone}
        async with database.begin() as conn:
            with overhearing(database, plans=False) as heard:
                await conversations.claim(conn, everyone)
                messages = [(each, "1") for each in everyone]
                await conversations.recall(conn, messages, everyone)
                await conversations.keep(
                    conn, states, [Kept(each, "1", b"a") for each in everyone], NOW
                )
        runs.append(len(heard.statements))
    assert runs[0] == runs[1] == (5 if database.dialect == "sqlite" else 6)


async def test_a_state_moved_to_another_address_is_refused(
    database: Database, conversations: Conversations, vault: Vault
) -> None:
    """Whoever can write to the database still cannot give one person another's answers."""
    async with database.begin() as conn:
        await conversations.keep(conn, {AYSE: b"hers", BORA: b"his"}, [], NOW)
        mine = tables.conversations.c
        stolen = select(mine.state).where(mine.address_key == address_key(vault, AYSE))
        await conn.execute(
            update(tables.conversations)
            .where(mine.address_key == address_key(vault, BORA))
            .values(state=(await conn.execute(stolen)).scalar_one())
        )
    async with database.begin() as conn:
        assert await conversations.states(conn, [AYSE]) == {AYSE: b"hers"}
        with pytest.raises(Tampered):
            await conversations.states(conn, [AYSE, BORA])


async def test_two_processes_step_one_conversation_in_turn(
    url: str, conversations: Conversations
) -> None:
    """Each reads a state and writes the next; with claims no step is lost, in whatever order."""
    first, second = await Database.open(url), await Database.open(url)

    async def count(database: Database, people: list[Address]) -> None:
        for _ in range(10):
            async with database.begin() as conn:
                await conversations.claim(conn, people)
                found = await conversations.states(conn, people)
                after = {each: b"x" + found.get(each, b"") for each in people}
                await conversations.keep(conn, after, [], NOW)

    await asyncio.gather(count(first, [AYSE, BORA]), count(second, [BORA, AYSE]))
    async with first.begin() as conn:
        found = await conversations.states(conn, [AYSE, BORA])
        assert (await conn.execute(select(func.count()).select_from(tables.conversations))).one()
    assert found == {AYSE: b"x" * 20, BORA: b"x" * 20}
    await first.close()
    await second.close()


async def test_large_batches_in_opposite_order_do_not_deadlock(
    url: str, conversations: Conversations
) -> None:
    """Claims are taken in one order by all, however the batch is sorted."""
    first, second = await Database.open(url), await Database.open(url)
    people = [Address("web", str(number)) for number in range(800)]

    async def claim(database: Database, order: list[Address]) -> None:
        for _ in range(10):
            async with database.begin() as conn:
                await conversations.claim(conn, order)

    await asyncio.gather(claim(first, people), claim(second, people[::-1]))
    await first.close()
    await second.close()
