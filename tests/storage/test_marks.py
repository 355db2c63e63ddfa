"""What is counted of the talk, hour by hour, on both databases."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from storage import marks
from storage.database import Database

HOUR = datetime(2021, 1, 10, 9, tzinfo=UTC)
NEXT = HOUR + timedelta(hours=1)


async def add(database: Database, counts: dict[tuple[datetime, str], int]) -> None:
    """One process writes what it counted."""
    async with database.begin() as conn:
        await marks.add(conn, counts)


async def test_counts_add_up(database: Database) -> None:
    """An hour and a name are one row, whoever adds to it."""
    await add(database, {(HOUR, "saved"): 2, (NEXT, "saved"): 1, (HOUR, "left"): 5})
    await add(database, {(HOUR, "saved"): 3})
    await add(database, {})
    async with database.read() as conn:
        assert await marks.since(conn, HOUR) == {"saved": 6, "left": 5}
        assert await marks.since(conn, NEXT) == {"saved": 1}
        assert await marks.hourly(conn, "saved", HOUR) == {HOUR: 5, NEXT: 1}
        assert await marks.hourly(conn, "saved", NEXT + timedelta(hours=1)) == {}


async def test_many_add_at_once(database: Database) -> None:
    """Processes that count the same in any order never wait for each other in a circle."""
    names = [f"answered:{number}" for number in range(20)]
    counts = [{(HOUR, name): 1 for name in names}, {(HOUR, name): 1 for name in reversed(names)}]
    await asyncio.gather(*(add(database, counts[turn % 2]) for turn in range(8)))
    async with database.read() as conn:
        assert await marks.since(conn, HOUR) == dict.fromkeys(names, 8)
