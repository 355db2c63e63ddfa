"""SIGTERM, whatever hangs: the process is gone in time, and nothing that was answered is lost.

The times asserted are for a busy machine; what was measured stands in the report of each test.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import monotonic

import pytest

from storage import Broadcast
from tests.benchmarks.broadcast_rows import INVENTED
from tests.bot.notices.town import until
from tests.fakes.telegram import TOKEN, BotApi
from tests.faults.born import Child
from tests.faults.processes import free_port, served
from tests.faults.test_broadcast_kill import FIRST, PEOPLE, begin, newsroom, told
from tests.faults.test_kill import SCRIPT, VISITOR, name_of
from tests.faults.test_sender_kill import worker
from tests.storage.announcing import Newsroom

IN_TIME = 10.0
"""Seconds; five are promised, and this machine may be busy."""


class Silent:
    """A messenger, or any other service, that takes every call and never answers."""

    def __init__(self, port: int) -> None:
        self.base_url = f"http://127.0.0.1:{port}"
        self.asked: Counter[bytes] = Counter()

    async def hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n")
            self.asked[head.split()[1].rpartition(b"/")[2]] += 1
            await reader.read(-1)
        writer.close()


@asynccontextmanager
async def silence() -> AsyncIterator[Silent]:
    silent = Silent(free_port())
    port = int(silent.base_url.rpartition(":")[2])
    async with await asyncio.start_server(silent.hear, "127.0.0.1", port):
        yield silent


async def stopped(process: Child) -> float:
    """Tell it to stop; how many seconds it took."""
    began = monotonic()
    process.terminate()
    async with asyncio.timeout(60):
        await process.wait()
    took = monotonic() - began
    print(f"gone after {took:.2f} s")
    return took


@pytest.mark.timeout(240)
async def test_a_worker_whose_messenger_hangs(tmp_path: Path) -> None:
    """What was under way is known to be; everything else waits as if it had never been taken."""
    home = tmp_path / "home"
    home.mkdir()
    async with BotApi() as api, newsroom(home, api) as room:
        made = await begin(room)
        async with silence() as silent, worker(home, silent) as process:
            await until(lambda: silent.asked[b"sendMessage"] >= 30)
            assert await stopped(process) < IN_TIME
            assert process.returncode == 0
        states = await room.states(made)
        assert states["sending"] <= silent.asked[b"sendMessage"]
        assert sum(states.values()) == PEOPLE == states["sending"] + states["pending"]
        async with worker(home, api):
            await until(lambda: settled(room, made))
        assert await room.states(made) == {
            "sent": states["pending"],
            "unknown": states["sending"],
        }


async def settled(room: Newsroom, made: Broadcast) -> bool:
    """Whether nothing of it is left to be sent."""
    states = await room.states(made)
    return not (states["pending"] or states["sending"])


@pytest.mark.timeout(240)
async def test_a_broadcast_under_way_is_given_back(tmp_path: Path) -> None:
    """Stopped again and again, it reaches everybody once, and nobody is ever in doubt."""
    home, chance = tmp_path / "home", random.Random(20210115)
    home.mkdir()
    async with BotApi() as api, newsroom(home, api) as room:
        made = await begin(room)
        for some in (20, 70, 120, 170):

            async def reached(some: int = some) -> bool:
                return len(told(api)) >= some

            async with worker(home, api) as process:
                await until(reached)
                await asyncio.sleep(chance.uniform(0, 0.4))
                assert await stopped(process) < IN_TIME
                assert process.returncode == 0
            states = await room.states(made)
            assert set(states) <= {"sent", "pending"}
            assert states["sent"] == len(told(api))
        async with worker(home, api):
            await until(lambda: settled(room, made))
        assert told(api) == Counter(str(FIRST + number) for number in range(PEOPLE))


@pytest.mark.timeout(240)
async def test_a_plan_under_way_goes_on(tmp_path: Path) -> None:
    """The timetable writes pages of deliveries; the next start writes the rest, and none twice."""
    home, many = tmp_path / "home", 20_000
    home.mkdir()
    async with BotApi() as api, newsroom(home, api) as room:
        async with room.database.begin() as conn:
            await conn.execute(INVENTED, {"people": many})
        made = await room.approved()

        async def reached() -> bool:
            return (await room.get(made)).planned >= 3_000

        async with worker(home, api) as process:
            await until(reached)
            assert await stopped(process) < IN_TIME
            assert process.returncode == 0

        async def written() -> bool:
            return (await room.get(made)).planned_at is not None

        async with worker(home, api):
            await until(written)
        rows = await room.rows(made)
        assert len(rows) == len({row.address_id for row in rows}) == many + PEOPLE


@pytest.mark.parametrize("word", ["run", "web"])
@pytest.mark.timeout(240)
async def test_a_server_around_which_everything_hangs(tmp_path: Path, word: str) -> None:
    """Telegram, the HES service, a slow visitor and an open request; what was said is on record."""
    home = tmp_path / "home"
    async with silence() as telegram, silence() as ministry:
        settings = {
            "TELEGRAM_BOT_TOKEN": TOKEN,
            "TELEGRAM_API_BASE": telegram.base_url,
            "HES_SERVICE_URL": ministry.base_url,
            "HES_SERVICE_USER": "u",
            "HES_SERVICE_PASSWORD": "p",
        }
        async with served(home, word, **settings) as server:
            for number, text in enumerate(SCRIPT[:13]):
                await server.say(VISITOR, name_of(number), text)
            _, slow = await asyncio.open_connection("127.0.0.1", server.port)
            slow.write(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\ntext=")
            last = asyncio.create_task(server.say(VISITOR, name_of(13), SCRIPT[13]))
            await until(lambda: ministry.asked[b"check-hes-code"])
            assert server.process is not None
            assert await stopped(server.process) < IN_TIME
            assert server.status == 0
            slow.close()
            await asyncio.gather(last, return_exceptions=True)
    async with served(home) as server:
        assert "Kaydedildi" in "".join(await server.say(VISITOR, name_of(13), SCRIPT[13]))
