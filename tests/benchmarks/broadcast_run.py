"""A broadcast from its text to its end, as a duty officer would send it, against a Bot API of ours.

``python -m tests.benchmarks.broadcast_run --people 50000 --rate 400``: written, submitted,
approved and started by the command; paused at a third, its worker killed (SIGKILL) and started
again; resumed until it is finished. Prints who was missing or written to twice, the fullest second,
the share of the limit that was used while it ran, and how far off its foretold end was.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from storage import Database, KeyRing, Vault, admit
from tests.bot.notices.town import most_in_a_second
from tests.fakes.telegram import TOKEN, BotApi
from tests.faults.processes import hesbot
from tests.faults.test_sender_kill import worker
from tests.storage.announcing import NOW, Newsroom

FIRST = 100_000
STAFF = {"yazar": "author", "onay": "approver", "nobet": "operator"}


class Office:
    """The command line, on one home."""

    def __init__(self, home: Path, rate: float, api: str) -> None:
        self.home = home
        self.settings = {
            "HESBOT_NOW": "2021-01-08T12:00",
            "TELEGRAM_BOT_TOKEN": TOKEN,
            "TELEGRAM_API_BASE": api,
            "TELEGRAM_RATE": str(rate),
        }

    async def do(self, *words: str, by: str = "") -> Any:
        """A command and what it says as JSON."""
        who = ("--by", by) if by else ()
        out, _ = await hesbot(self.home, *words, *who, "--json", **self.settings)
        return json.loads(out)

    async def show(self, id: str) -> Any:
        return await self.do("broadcast", "show", id)


async def people(home: Path, api: BotApi, count: int) -> None:
    ring = KeyRing.load_or_create(home / "keys.json")
    database = await Database.open(None, home=home)
    await admit(database, Vault(ring))
    room = Newsroom(database, Vault(ring), None)  # type: ignore[arg-type]
    for start in range(0, count, 500):
        await room.people(min(500, count - start), first=FIRST + start, since=NOW)
    await database.close()
    for number in range(count):
        api.person(FIRST + number)


async def until(so: Callable[[], bool]) -> None:
    """Look ten times a second until it is so."""
    while True:
        if so():
            return
        await asyncio.sleep(0.1)


async def run(folder: Path, count: int, rate: float) -> None:
    home = folder / "home"
    home.mkdir()
    async with BotApi() as api:
        await people(home, api, count)
        office = Office(home, rate, api.base_url)
        for name, role in STAFF.items():
            await office.do("staff", "add", name, "--role", role)
        (folder / "text").write_text("Merhaba {ad}, son gün {son_gun}.", "utf-8")
        words = ("new", "--text-file", str(folder / "text"), "--audience", "all")
        id = str((await office.do("broadcast", *words, by="yazar"))["id"])
        await office.do("broadcast", "submit", id, by="yazar")
        await office.do("broadcast", "approve", id, by="onay")
        clock = asyncio.get_running_loop().time
        async with worker(home, api, rate) as process:
            await office.do("broadcast", "start", id, by="nobet")
            await until(lambda: len(api.log) >= count / 3)
            await office.do("broadcast", "pause", id, by="nobet")
            paused = clock()
            await asyncio.sleep(3)
            process.kill()
        late = [call for call in api.calls("sendMessage") if call.when > paused + 1]
        print(f"paused at {len(api.calls('sendMessage')):,}; sent a second later: {len(late)}")
        async with worker(home, api, rate):
            await office.do("broadcast", "resume", id, by="nobet")
            resumed = clock()
            await asyncio.sleep(60)
            standing = (await office.show(id))["progress"]
            foretold = clock() + standing["eta_seconds"]
            await until(lambda: len(api.log) >= count)
            await asyncio.sleep(3)
            print(f"the ledger says: {(await office.show(id))['progress']['outcomes']}")
        calls = [call.when for call in api.calls("sendMessage")]
        report(api, count, rate, calls, resumed, foretold)


def report(
    api: BotApi, count: int, rate: float, calls: list[float], resumed: float, foretold: float
) -> None:
    told = Counter(str(call.params["chat_id"]) for call in api.calls("sendMessage"))
    missing = count - len(told)
    twice = sum(times > 1 for times in told.values())
    after = sorted(at for at in calls if at > resumed)
    used = (len(after) - 1) / (after[-1] - after[0]) / rate
    took, meant = after[-1] - resumed, foretold - resumed
    print(f"{datetime.now():%H:%M:%S} missing {missing}, twice {twice}")  # noqa: DTZ005
    print(f"fullest second {most_in_a_second(sorted(calls))} of {rate:g}; share used {used:.4f}")
    print(f"ended {took:.1f} s after it was resumed; foretold after a minute: {meant:.1f} s")


if __name__ == "__main__":
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--people", type=int, default=50_000)
    words.add_argument("--rate", type=float, default=400)
    given = words.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder), given.people, given.rate))
