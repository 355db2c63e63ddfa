"""Notices out by ``hesbot worker``: as fast as it can, and under a limit; each is on record."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from storage import Database, KeyRing, Vault, admit
from tests.benchmarks.botapi import TOKEN, LeanBotApi, lean_bot_api
from tests.benchmarks.bots import HESBOT, PATIENCE, process
from tests.benchmarks.citizens import WrongAnswer
from tests.benchmarks.commands import environment
from tests.benchmarks.results import Row, verdict
from tests.bot.notices.town import most_in_a_second, town

RATE_GOAL, SHARE_GOAL = 3000, 0.98
UNLIMITED, LIMIT = 100_000, 400
"""Messages a second."""
DECEMBER = datetime(2020, 12, 20, tzinfo=UTC)
"""Whoever wrote then and has no card yet is reminded a week before the deadline."""
BATCH = 500


async def measure(home: Path, people: int, limited_people: int) -> list[Row]:
    """Remind the people as fast as it goes, then others under the limit."""
    times = await _remind(home / "fast", people, UNLIMITED)
    rate = (len(times) - 1) / (times[-1] - times[0])
    fast = Row(
        f"{people:,} notices out, each on record, limiter on and set high",
        f"{rate:,.0f}/s",
        f"≥ {RATE_GOAL:,}/s",
        verdict(rate, RATE_GOAL, least=True),
    )
    times = await _remind(home / "limited", limited_people, LIMIT)
    share = (len(times) - 1) / (times[-1] - times[0]) / LIMIT
    fullest = most_in_a_second(times)
    kept = "limit kept" if fullest <= LIMIT else f"limit broken by {fullest - LIMIT}"
    limited = Row(
        f"{limited_people:,} notices out under a limit of {LIMIT}/s",
        f"{share:.1%} of the limit used; fullest one-second window {fullest}",
        f"≥ {SHARE_GOAL:.0%}, never above {LIMIT}",
        f"{verdict(share, SHARE_GOAL, least=True)}, {kept}",
    )
    return [fast, limited]


async def _remind(home: Path, people: int, limit: int) -> list[float]:
    """When each of them was written to."""
    os.makedirs(home)
    ring = KeyRing.load_or_create(home / "keys.json")
    database = await Database.open(None, home=home)
    await admit(database, Vault(ring))
    await database.close()
    async with town(home=home, ring=ring) as here:
        for start in range(0, people, BATCH):
            await here.people(min(BATCH, people - start), first=1000 + start, since=DECEMBER)
    async with lean_bot_api() as api:
        messenger = {"TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_API_BASE": api.url}
        given = environment(home, TELEGRAM_RATE=str(limit), **messenger)
        async with process((*HESBOT, "worker"), given, home / "worker"):
            await _all_told(api, people, people / limit + PATIENCE)
            await _all_on_record(home, people)
        if len(api.said) != people or len(api.times) != people:
            raise WrongAnswer(f"{len(api.times)} notices to {len(api.said)} of {people} people")
        return api.times


async def _all_told(api: LeanBotApi, people: int, patience: float) -> None:
    latest = time.monotonic() + patience
    while len(api.times) < people:
        if time.monotonic() > latest:
            raise WrongAnswer(f"{len(api.times)} of {people} people were written to")
        await asyncio.sleep(0.05)


async def _all_on_record(home: Path, people: int) -> None:
    latest = time.monotonic() + PATIENCE
    with closing(sqlite3.connect(home / "hesbot.sqlite3")) as records:
        while True:
            sql = "SELECT count(*) FROM deliveries WHERE state = 'sent'"
            sent = records.execute(sql).fetchone()[0]
            if sent == people:
                return
            if time.monotonic() > latest:
                raise WrongAnswer(f"{sent} of {people} notices are on record as sent")
            await asyncio.sleep(0.05)
