"""To whom a broadcast went: pages that show nobody's address, on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import update

from storage import Broadcast, Database, Vault, tables
from storage.entries import Post
from storage.recipients import Addressed, addressed, bounds
from tests.storage.announcing import NOW, Newsroom
from tests.storage.overhearing import overhearing


@pytest.fixture
async def room(database: Database, vault: Vault) -> Newsroom:
    return await Newsroom.open(database, vault)


async def pages(room: Newsroom, broadcast: Broadcast, limit: int) -> list[list[Addressed]]:
    """All of them, page by page."""
    async with room.database.read() as conn:
        first, last = await bounds(conn, broadcast.id)
        found = []
        while page := await addressed(conn, room.vault, broadcast.id, first, last, limit):
            found.append(page)
            first = page[-1].id + 1
        return found


async def test_pages_hold_each_recipient_once(room: Newsroom) -> None:
    """In the order of their numbers, and none of another broadcast between them."""
    await room.people(5)
    first = await room.running()
    other = await room.running()
    await room.people(2, first=5000)
    found = await pages(room, first, 2)
    assert [len(page) for page in found] == [2, 2, 1]
    ids = [each.id for page in found for each in page]
    assert ids == sorted({row.id for row in await room.rows(first)})
    assert {each.id for page in await pages(room, other, 9) for each in page}.isdisjoint(ids)


async def test_no_address_is_shown(room: Newsroom) -> None:
    """Its end at most, of one that can be read."""
    long, _ = await room.people(2, first=4200001000)
    made = await room.running()
    await room.mark(long, locale="en")
    await room.put(made, "failed", 1, cause="403", attempts=2, repeats=1, sent_at=NOW)
    ((shown, other),) = await pages(room, made, 9)
    assert (shown.address, shown.locale, shown.channel) == ("••••••00", "en", "telegram")
    assert (shown.state, shown.cause, shown.attempts) == (Post.FAILED, "403", 2)
    assert (shown.repeats, shown.sent_at, shown.due_at) == (1, NOW, NOW)
    assert (other.address, other.state, other.sent_at) == ("••••••01", Post.PENDING, None)


async def test_an_address_that_does_not_open_is_hidden(room: Newsroom) -> None:
    """The list goes on behind it."""
    broken, _ = await room.people(2)
    made = await room.running()
    async with room.database.begin() as conn:
        row = tables.addresses.c
        await conn.execute(update(tables.addresses).where(row.id == broken).values(address=b"?"))
    ((first, second),) = await pages(room, made, 9)
    assert (first.address, second.address) == ("••••••", "••••••")


async def test_without_any_there_is_no_page(room: Newsroom) -> None:
    """Also of a broadcast that nobody has heard of."""
    made = await room.draft()
    assert await pages(room, made, 9) == []


async def test_a_page_is_not_put_in_order(tmp_path: Path, vault: Vault) -> None:
    """Else each of the thousand pages of a large broadcast would look at all of it."""
    database = await Database.open(f"sqlite:///{tmp_path / 'records.sqlite3'}")
    with overhearing(database) as heard:
        async with database.begin() as conn:
            await addressed(conn, vault, 1, 1, 9)
    await database.close()
    ((_, plan),) = heard.plans
    assert "SEARCH deliveries USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)" in plan
    assert "TEMP B-TREE" not in plan
