"""The product as its operator starts it: ``hesbot`` in a process of its own, in a home of its own.

The processes are born loaded (see ``born``); HESBOT is for those few that start from nothing. Knows
the outside contract (settings, routes, commands) and nothing of what is inside.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from tests import homes
from tests.faults.born import ROOT, Child, Wish, start

__all__ = ["ROOT"]

PATIENCE = 30.0
"""Seconds to wait for a process to be ready."""
HESBOT = (sys.executable, "-m", "bot")


def surroundings(home: Path, **settings: str) -> dict[str, str]:
    """An environment in which nothing of ours is set but this."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HESBOT_HOME": str(home),
        **homes.given(home),
        **settings,
    }


async def hesbot(home: Path, *words: str, lines: str = "", **settings: str) -> tuple[str, str]:
    """Run a command to its end; what it printed on stdout and stderr."""
    process = await start(Wish(words, surroundings(home, **settings)), PIPE, PIPE, PIPE)
    out, err = await process.communicate(lines.encode())
    assert process.returncode == 0, err.decode()
    return out.decode(), err.decode()


async def listens(port: int) -> bool:
    """Whether somebody takes connections there."""
    with suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        return True
    return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Served:
    """``hesbot run`` on a port of its own, or ``web``; it can be killed and started again."""

    def __init__(
        self, home: Path, session: aiohttp.ClientSession, word: str = "run", **settings: str
    ) -> None:
        self.word = word
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.stdout = home.parent / f"{home.name}.out"
        self.stderr = home.parent / f"{home.name}.err"
        self._session = session
        self._settings = {"PORT": str(self.port), **settings}
        self.process: Child | None = None

    async def start(self) -> None:
        """Start it and return once it listens."""
        with self.stdout.open("ab") as out, self.stderr.open("ab") as err:
            wish = Wish([self.word], surroundings(self.home, **self._settings))
            self.process = await start(wish, DEVNULL, out, err)
        async with asyncio.timeout(PATIENCE):
            while not await listens(self.port):
                assert self.process.returncode is None, self.stderr.read_text()
                await asyncio.sleep(0.02)

    async def kill(self) -> None:
        """SIGKILL: no chance to finish anything."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()

    async def stop(self) -> None:
        """SIGTERM, and wait until it has gone."""
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            await self.process.wait()

    @property
    def status(self) -> int | None:
        """What it ended with; None while it runs."""
        return self.process.returncode if self.process else None

    async def say(self, visitor: str, message: str, text: str) -> list[str]:
        """One message on the page; what is said to it. Raise ClientError if it is not answered."""
        async with self._session.post(
            self.url,
            data={"text": text, "message": message},
            headers={"Accept": "application/json", "Cookie": f"hesbot={visitor}"},
        ) as response:
            response.raise_for_status()
            answer: dict[str, Any] = json.loads(await response.read())
        return [message["text"] for message in answer["messages"]]

    async def get(self, path: str) -> bytes:
        async with self._session.get(f"{self.url}{path}") as response:
            return await response.read()


@asynccontextmanager
async def served(home: Path, word: str = "run", **settings: str) -> AsyncIterator[Served]:
    """The server, started, and gone at the end."""
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    async with aiohttp.ClientSession(
        timeout=timeout, connector=aiohttp.TCPConnector(force_close=True)
    ) as session:
        server = Served(home, session, word, **settings)
        try:
            await server.start()
            yield server
            await server.stop()
        finally:
            await server.kill()


async def card_on_record(home: Path, number: str) -> Mapping[str, Any]:
    """What ``hesbot cards show`` says, without the moments."""
    out, _ = await hesbot(home, "cards", "show", number, "--json")
    return dict(_timeless(json.loads(out)))


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _timeless(each) for name, each in value.items() if not name.endswith("at")}
    return [_timeless(each) for each in value] if isinstance(value, list) else value
