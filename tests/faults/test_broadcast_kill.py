"""A broadcast that is paused, whose worker is killed, and that goes on: the messenger's own log."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.clock import wall
from conversations.broadcasts import Stage
from storage import Broadcast, KeyRing, Vault, admit, campaigns
from storage.entries import Post
from tests import homes
from tests.benchmarks.broadcast_rows import INVENTED
from tests.bot.notices.town import lateness, most_in_a_second, until
from tests.fakes.telegram import BotApi
from tests.faults.test_sender_kill import RATE, worker
from tests.storage.announcing import NOW, Newsroom

PEOPLE = 240
FIRST = 5000


@asynccontextmanager
async def newsroom(home: Path, api: BotApi) -> AsyncIterator[Newsroom]:
    """Records in the home, and people on Telegram whom they know."""
    ring = KeyRing.load_or_create(home / "keys.json")
    vault = Vault(ring)
    database = await homes.opened_in(home)
    await admit(database, vault)
    room = await Newsroom.open(database, vault)
    # They came today, so that no reminder of the deadline comes between.
    await room.people(PEOPLE, first=FIRST, since=NOW)
    for number in range(PEOPLE):
        api.person(FIRST + number)
    try:
        yield room
    finally:
        await database.close()


def told(api: BotApi) -> Counter[str]:
    """How often each chat was written to."""
    return Counter(str(call.params["chat_id"]) for call in api.calls("sendMessage"))


async def begin(room: Newsroom, **facts: Any) -> Broadcast:
    made = await room.approved(**facts)
    async with room.database.begin() as conn:
        return await room.broadcasts.start(conn, room.operator, made.id, NOW, wall())


@pytest.mark.timeout(240)
async def test_a_pause_and_a_kill_lose_nobody_and_repeat_nobody(tmp_path: Path) -> None:
    """Paused at a third it stops within a second; killed and resumed it reaches everybody once."""
    home = tmp_path / "home"
    home.mkdir()
    async with lateness() as late, BotApi() as api, newsroom(home, api) as room:
        made = await begin(room)

        async def a_third() -> bool:
            return len(told(api)) >= PEOPLE / 3

        async with worker(home, api) as process:
            await until(a_third)
            async with room.database.begin() as conn:
                await room.broadcasts.pause(conn, room.operator, made.id, NOW)
            paused = asyncio.get_running_loop().time()
            await asyncio.sleep(2)
            after = [call.when for call in api.calls("sendMessage") if call.when > paused + 1]
            assert after == []
            process.kill()
        seen = told(api)
        async with worker(home, api):
            await asyncio.sleep(1)
            assert told(api) == seen
            async with room.database.begin() as conn:
                await room.broadcasts.resume(conn, room.operator, made.id, NOW, wall())

            async def finished() -> bool:
                return (await room.get(made)).stage is Stage.FINISHED

            await until(finished)
        everybody = {str(FIRST + number) for number in range(PEOPLE)}
        assert told(api) == Counter(everybody)
        moments = sorted(call.when for call in api.calls("sendMessage"))
        assert most_in_a_second(moments, late()) <= RATE
        assert await room.states(made) == {"sent": PEOPLE}


@pytest.mark.timeout(240)
@pytest.mark.parametrize("resend", [False, True])
async def test_a_kill_under_way_is_accounted_for(tmp_path: Path, resend: bool) -> None:
    """What may have gone out is unknown, or goes again and is marked: as the broadcast says."""
    home = tmp_path / "home"
    home.mkdir()
    async with BotApi() as api, newsroom(home, api) as room:
        made = await begin(room, resend_unknown=resend)
        for some in (40, 120):

            async def reached(some: int = some) -> bool:
                return len(told(api)) >= some

            async with worker(home, api) as process:
                await until(reached)
                process.kill()
        async with worker(home, api):

            async def done() -> bool:
                async with room.database.read() as conn:
                    return not await campaigns.is_open(conn, made.id)

            await until(done)
        states, seen = await room.states(made), told(api)
        everybody = {str(FIRST + number) for number in range(PEOPLE)}
        if resend:
            assert states == {"sent": PEOPLE}
            repeats = sum(row.repeats for row in await room.rows(made))
            assert set(seen) == everybody
            assert seen.total() - PEOPLE <= repeats
        else:
            assert states == {"sent": PEOPLE - states["unknown"], "unknown": states["unknown"]}
            assert max(seen.values()) == 1
            assert len(everybody) - len(seen) <= states[str(Post.UNKNOWN)]


@pytest.mark.timeout(240)
async def test_kills_while_it_is_written_leave_no_gap(tmp_path: Path) -> None:
    """Two workers that are killed again and again: a delivery for everybody, none twice."""
    home = tmp_path / "home"
    home.mkdir()
    many = 40_000
    async with BotApi() as api, newsroom(home, api) as room:
        async with room.database.begin() as conn:
            await conn.execute(INVENTED, {"people": many})
        made = await room.approved()

        async def reached(some: int) -> bool:
            return (await room.get(made)).planned >= some

        for some in (5_000, 15_000):
            async with worker(home, api) as process, worker(home, api):
                await until(partial(reached, some))
                process.kill()
        async with worker(home, api):

            async def written() -> bool:
                return (await room.get(made)).planned_at is not None

            await until(written)
        rows = await room.rows(made)
        assert len(rows) == len({row.address_id for row in rows}) == many + PEOPLE
        assert (await room.get(made)).planned == many + PEOPLE
