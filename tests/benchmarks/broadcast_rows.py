"""How long the deliveries of a broadcast take to be written and counted, and how much memory.

``python -m tests.benchmarks.broadcast_rows --people 8000000`` on a new SQLite file in a temporary
folder, which is removed afterwards.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import tempfile
import time
from pathlib import Path

from sqlalchemy import text

from bot.notices.planning import counted
from conversations.broadcasts import Audience
from storage import Database, KeyRing, Vault, admit, campaigns
from tests.storage.announcing import DAY, NOW, Newsroom, selection

INVENTED = text(
    """
    WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < :people)
    INSERT INTO addresses (key, channel, address, locale, created_at)
    SELECT randomblob(16), 'telegram', randomblob(40), 'tr', '2021-01-01 00:00:00.000000'
    FROM number
    """
)


async def measure(home: Path, people: int) -> None:
    """Invent the people, write, count."""
    ring = KeyRing.new()
    database = await Database.open(None, home=home)
    await admit(database, Vault(ring))
    room = await Newsroom.open(database, Vault(ring))
    async with database.begin() as connection:
        await connection.execute(INVENTED, {"people": people})
    told("before", 0, 0.0, home)
    wanted = selection()
    began = time.perf_counter()
    found = await counted(database, wanted)
    told("counted beforehand", found.total, time.perf_counter() - began, home)
    made = await room.approved(audience=Audience())
    began, after, slowest = time.perf_counter(), 0, 0.0
    while after is not None:
        page = time.perf_counter()
        async with database.begin() as connection:
            written = await campaigns.plan(connection, made.id, wanted, NOW + 9 * DAY, after, NOW)
        after, slowest = written.reached, max(slowest, time.perf_counter() - page)
    told("deliveries written", people, time.perf_counter() - began, home)
    print(f"  the slowest page took {slowest:.3f} s")
    began = time.perf_counter()
    async with database.read() as connection:
        outcomes = await campaigns.outcomes(connection, made.id)
    told("outcomes counted", sum(outcomes.values()), time.perf_counter() - began, home)
    await database.close()


def told(what: str, rows: int, seconds: float, home: Path) -> None:
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size = sum(file.stat().st_size for file in home.rglob("*")) / 1e9
    speed = f"{rows / seconds:,.0f} rows/s" if seconds else ""
    print(
        f"{what}: {rows:,} in {seconds:.1f} s {speed}; memory {memory:.0f} MB; disk {size:.2f} GB"
    )


if __name__ == "__main__":
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--people", type=int, default=1_000_000)
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder), words.parse_args().people))
