"""Statements that the driver runs itself, on both databases."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import bindparam, select, update

from storage import tables
from storage.database import Database, Unavailable
from storage.prepared import Prepared, one, run
from storage.statements import among_keys, among_numbers
from tests.storage.people import NOW

_card = tables.cards.c
ADD = Prepared(tables.cards.insert().returning(_card.number_key, _card.id))
BY_KEY = Prepared(
    among_keys(select(_card.id, _card.number_key, _card.changed_at).where, _card.number_key)
)
BY_NUMBER = Prepared(
    among_numbers(
        lambda which: select(_card.id, _card.cause).where(which).order_by(_card.id), _card.id
    )
)
CALL = Prepared(
    among_keys(
        lambda which: update(tables.cards).where(which).values(cause=bindparam("why")),
        _card.number_key,
    )
)


def card(number: int) -> dict[str, Any]:
    """A row as it is written."""
    return {
        "number_key": key(number),
        "number": b"sealed",
        "status": "UNPAIRED",
        "cause": "never_paired",
        "changed_at": NOW,
        "created_at": NOW,
    }


def key(number: int) -> bytes:
    """A blind index."""
    return number.to_bytes(16, "big")


async def test_many_rows_are_written_and_told(database: Database) -> None:
    """What each row became comes back, by the names of its columns."""
    async with database.begin() as conn:
        added = await one(conn, ADD.each([card(number) for number in range(3)]))
    assert {each.number_key for each in added} == {key(0), key(1), key(2)}
    assert len({each.id for each in added}) == 3


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8, 9])
async def test_as_many_keys_as_are_given(database: Database, count: int) -> None:
    """Each is found once, and nothing beside them."""
    async with database.begin() as conn:
        await one(conn, ADD.each([card(number) for number in range(10)]))
        found = await one(conn, BY_KEY(keys=[key(number) for number in range(count)]))
    assert sorted(each.number_key for each in found) == [key(number) for number in range(count)]


async def test_moments_keep_their_zone(database: Database) -> None:
    """The columns' types hold for what the driver gives."""
    async with database.begin() as conn:
        await one(conn, ADD(**card(1)))
        (found,) = await one(conn, BY_KEY(keys=[key(1)]))
    assert found.changed_at == NOW
    assert found.changed_at.tzinfo is not None


async def test_several_run_in_order(database: Database) -> None:
    """What one writes the next one sees, whatever stands beside the list of keys."""
    async with database.begin() as conn:
        added = await one(conn, ADD.each([card(number) for number in range(4)]))
        numbers = sorted(each.id for each in added)
        _, found = await run(
            conn, CALL(why="lost", keys=[key(1), key(2), key(3)]), BY_NUMBER(numbers=numbers)
        )
    assert [each.cause for each in found].count("lost") == 3


async def test_who_asks_nothing_finds_nothing(database: Database) -> None:
    """An empty list goes nowhere, and keeps its place among the others."""
    async with database.begin() as conn:
        await one(conn, ADD(**card(1)))
        nothing, something, nobody, none = await run(
            conn,
            BY_KEY(keys=[]),
            BY_KEY(keys=[key(1)]),
            BY_NUMBER(numbers=[]),
            ADD.each([]),
        )
        assert await run(conn, BY_KEY(keys=[]), ADD.each([])) == [(), ()]
    assert (list(nothing), list(nobody), list(none)) == ([], [], [])
    assert len(something) == 1


async def test_a_fault_that_passes_is_known_as_one(database: Database) -> None:
    """Whoever may only read cannot write; the driver's own error is the cause."""
    with pytest.raises(Unavailable) as failed:
        async with database.read() as conn:
            await one(conn, ADD.each([card(1)]))
    assert failed.value.__cause__ is not None


async def test_what_failed_is_undone(database: Database) -> None:
    """The driver's statements are part of the transaction around them."""
    with pytest.raises(ZeroDivisionError):
        await _write_and_fail(database)
    async with database.read() as conn:
        assert not await one(conn, BY_KEY(keys=[key(1)]))


async def _write_and_fail(database: Database) -> None:
    async with database.begin() as conn:
        await one(conn, ADD.each([card(1)]))
        raise ZeroDivisionError
