"""kill -9 of the sender at any moment, and a bad day at Telegram: nobody is left out, and whoever
may have been told twice is marked."""

from __future__ import annotations

import asyncio
import random
from asyncio.subprocess import DEVNULL, PIPE
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import pytest
from sqlalchemy import select

from storage import KeyRing, Vault, admit, tables
from tests import homes
from tests.bot.notices.town import Town, lateness, most_in_a_second, town
from tests.fakes.telegram import TOKEN, Answer, BotApi
from tests.faults.born import Child, Wish, start
from tests.faults.processes import surroundings

PEOPLE = 240
RATE = 60
KILLS = 6
SEED = 20210108
FIRST = 5000
DECEMBER = datetime(2020, 12, 20, tzinfo=UTC)
BAD_DAY: tuple[Answer | str, ...] = (
    *(Answer(500),) * 6,
    *("lost",) * 6,
    *(Answer(403),) * 6,
    Answer(429, retry_after=1),
    Answer(429, retry_after=1),
)


class Reached(Protocol):
    """Something that is reached where Telegram would be."""

    @property
    def base_url(self) -> str: ...


@asynccontextmanager
async def worker(home: Path, api: Reached, rate: float = RATE) -> AsyncIterator[Child]:
    """``hesbot worker``, at work; killed at the end unless it has ended."""
    settings = {
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "TELEGRAM_API_BASE": api.base_url,
        "TELEGRAM_RATE": str(rate),
        "HESBOT_NOW": "2021-01-08T12:00",
    }
    with (home.parent / "worker.err").open("ab") as log:
        process = await start(Wish(["worker"], surroundings(home, **settings)), DEVNULL, PIPE, log)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            assert await process.stdout.readline()
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def everybody(home: Path, api: BotApi) -> None:
    """People who talked to the bot in December and have no card: a week before the deadline."""
    ring = KeyRing.load_or_create(home / "keys.json")
    database = await homes.opened_in(home)
    await admit(database, Vault(ring))
    await database.close()
    async with town(home=home, ring=ring) as here:
        await here.people(PEOPLE, first=FIRST, since=DECEMBER)
    for number in range(PEOPLE):
        api.person(FIRST + number)


async def ledger_of(here: Town) -> dict[str, Any]:
    """The deliveries, by the id of the chat."""
    rows = {row.id: row for row in await here.rows()}
    async with here.database.read() as connection:
        addresses = tables.addresses.c
        found = await connection.execute(select(addresses.id, addresses.key))
        keys = {each.id: each.key for each in found}
    chats = {
        here.vault.index("address", f"telegram\0{FIRST + number}"): str(FIRST + number)
        for number in range(PEOPLE)
    }
    return {chats[keys[row.address_id]]: row for row in rows.values()}


async def until_done(here: Town) -> None:
    async with asyncio.timeout(60):
        while True:
            states = await here.states()
            if sum(states.values()) == PEOPLE and not states["pending"] + states["sending"]:
                return
            await asyncio.sleep(0.1)


@pytest.mark.timeout(240)
async def test_kills_and_a_bad_day_lose_nobody(tmp_path: Path) -> None:
    """The messenger's own log against the ledger."""
    chance = random.Random(SEED)
    home = tmp_path / "home"
    home.mkdir()
    answers = [*BAD_DAY, *[Answer()] * (PEOPLE - len(BAD_DAY))]
    chance.shuffle(answers)
    async with lateness() as late, BotApi() as api:
        await everybody(home, api)
        api.script("sendMessage", answers)  # type: ignore[arg-type]
        for _ in range(KILLS):
            async with worker(home, api) as process:
                await asyncio.sleep(chance.uniform(0.05, 0.9))
                process.kill()
        async with town(home=home, ring=KeyRing.load(home / "keys.json")) as here:
            async with worker(home, api) as process:
                await until_done(here)
                process.terminate()
                await process.wait()
                assert process.returncode == 0
            ledger = await ledger_of(here)

        told = Counter(
            str(chat.id)
            for chat in api.world.chats.values()
            for bubble in chat.bubbles.values()
            if bubble.sender == api.world.bot
        )
        calls = api.calls("sendMessage")

    assert set(ledger) == {str(FIRST + number) for number in range(PEOPLE)}
    lost = [chat for chat, row in ledger.items() if not told[chat] and row.state != "blocked"]
    assert lost == []
    unmarked = [chat for chat, times in told.items() if times - 1 > ledger[chat].repeats]
    assert unmarked == []
    assert {row.state for row in ledger.values()} <= {"sent", "blocked"}
    assert most_in_a_second(sorted(call.when for call in calls), late()) <= RATE
