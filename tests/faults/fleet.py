"""Several processes of the product on one PostgreSQL; each can be killed and started again.

Knows the outside contract (settings, commands, routes) and nothing of what is inside.
"""

from __future__ import annotations

import asyncio
import json
from asyncio.subprocess import DEVNULL
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests.benchmarks.botapi import TOKEN
from tests.benchmarks.messengers import SECRET
from tests.bot.doors.knocking import Knocker
from tests.faults.born import Child, Wish, start
from tests.faults.disk import Disk
from tests.faults.processes import free_port, listens, surroundings

_ALWAYS = ("timestamp", "logger", "level")
PATIENCE = 90.0
"""Seconds to wait for a process to be ready; a busy machine takes its time."""


class Kept:
    """``hesbot web`` or ``hesbot worker`` under a supervisor: ended, it is started again.

    ``life`` counts its starts; ``ended`` how often it ended though nobody killed it. ``disk``: what
    it lives on, if not on the machine's. ``anew`` gives what is set anew at every start.
    """

    def __init__(
        self, word: str, home: Path, settings: Mapping[str, str], disk: Disk | None = None
    ) -> None:
        self.word = word
        self.home = home
        self.disk = disk
        self.anew: Callable[[], Mapping[str, str]] = dict
        self.port = free_port()
        self.life = 0
        self.alive = False
        self.ended: list[str] = []
        self.log = home.parent / f"{home.name}.err"
        port = "WORKER_PORT" if word == "worker" else "PORT"
        self._environment = surroundings(home, **settings, **{port: str(self.port)})
        if disk is not None:
            self._environment |= disk.environment
        self._process: Child | None = None
        self._wanted = False

    def lives(self, life: int) -> bool:
        """Whether it is still in that life, and ready."""
        return self.alive and self.life == life

    async def start(self) -> None:
        """Return once it listens."""
        self._wanted = True
        async with asyncio.timeout(PATIENCE):
            while True:
                if await self._started():
                    return
                await asyncio.sleep(0.2)

    async def _started(self) -> bool:
        if self.disk is not None:
            await asyncio.to_thread(self.disk.settle)
        with self.log.open("ab") as err:
            environment = {**self._environment, **self.anew()}
            wish = Wish([self.word], environment, library=self.disk and self.disk.library)
            process = self._process = await start(wish, DEVNULL, DEVNULL, err)
        while not await listens(self.port):
            if process.returncode is not None:
                self._note("did not start")
                return False
            await asyncio.sleep(0.02)
        self.life += 1
        self.alive = True
        return True

    async def supervise(self) -> None:
        """Start it again whenever it ends by itself."""
        while True:
            await asyncio.sleep(0.1)
            if self.alive and self._process and self._process.returncode is not None:
                self.alive = False
                self._note(f"ended with {self._process.returncode}")
                await self.start()

    def _note(self, what: str) -> None:
        lines = self.log.read_text("utf-8").strip().splitlines() or ["nothing in its log"]
        self.ended.append(f"{self.word} {what}: {lines[-1]}")

    async def kill(self) -> None:
        """SIGKILL: no chance to finish anything."""
        self.alive = False
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    def signal(self, number: int) -> None:
        """Send it a signal, if it is there."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def stop(self) -> int:
        """SIGTERM, and what it ended with."""
        self.alive = False
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.terminate()
        async with asyncio.timeout(PATIENCE):
            return await self._process.wait()

    async def ask(self, path: str, within: float = 10.0) -> tuple[int, str]:
        """The status and the body of a page of the operator's; 0 if it was cut."""
        async with asyncio.timeout(within):
            heard = await Knocker(self.port).ask("GET", path)
        return heard.status, heard.body.decode()

    def complaints(self) -> Counter[str]:
        """What its log says that is not mere information, counted."""
        found: Counter[str] = Counter()
        for line in self.log.read_text("utf-8").splitlines():
            try:
                said = json.loads(line)
            except ValueError:
                found[f"{self.word}: {line}"] += 1
                continue
            if said.get("level") not in ("info", "debug"):
                rest = {name: value for name, value in said.items() if name not in _ALWAYS}
                found[f"{self.word}: {json.dumps(rest, ensure_ascii=False)}"] += 1
        return found


@asynccontextmanager
async def fleet(
    folder: Path, url: str, ring: str, api: str, *, webs: int = 3, workers: int = 2, rate: float
) -> AsyncIterator[tuple[list[Kept], list[Kept]]]:
    """The processes, all started at once, each with a home of its own; gone at the end."""
    keys = folder / "ring.json"
    keys.write_text(ring)
    keys.chmod(0o600)
    settings = {
        "DATABASE_URL": url,
        "HESBOT_KEYS": str(keys),
        "HESBOT_NOW": "2021-01-08T12:00",
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "TELEGRAM_WEBHOOK_SECRET": SECRET,
        "TELEGRAM_API_BASE": api,
        "TELEGRAM_RATE": str(rate),
        "PUBLIC_URL": "https://hes.example.org",
    }
    names = [("web", number) for number in range(webs)]
    names += [("worker", number) for number in range(workers)]
    kept = [Kept(word, folder / f"{word}-{number}", settings) for word, number in names]
    try:
        await asyncio.gather(*(each.start() for each in kept))
        yield kept[:webs], kept[webs:]
    finally:
        await asyncio.gather(*(each.kill() for each in kept))
