"""The proxy of ``deploy/`` lets through what people and messengers need, and nothing of the inside.

What the product answers to is asked of the product itself. Caddy reads the file and plays the
proxy; behind it stand servers that say what reached them.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from starlette.routing import BaseRoute, Mount, Route

from bot.app import channels_of, integration, open_house
from bot.console_parts import console_of
from tests.bot.doors.knocking import PUBLIC, Heard, Knocker
from tests.bot.notices.town import until
from tests.fakes.telegram import TOKEN
from tests.faults.processes import free_port, listens
from tests.homes import settings_in
from tests.programs import needed

FILE = Path(__file__).parent.parent / "deploy" / "Caddyfile"
INSIDE = {"/healthz", "/readyz", "/metrics"}
"""For whoever runs it."""
OF_SYSTEMS, OF_STAFF = "/api/", "/console"


def _path(route: BaseRoute) -> str:
    """A path that it answers to."""
    assert isinstance(route, Route | Mount)
    path = re.sub(r"\{[^}]*\}", "something", route.path)
    return path + "/something" if isinstance(route, Mount) else path


async def paths(home: Path) -> set[str]:
    """What the product answers to, with every channel at work, but for the inside."""
    settings = settings_in(
        home,
        public_url=PUBLIC,
        telegram_bot_token=TOKEN,
        twilio_auth_token="a token",
        whatsapp_sensitive="web",
    )
    async with open_house(settings) as house:
        console = console_of(house.records, house.wording, house.now, settings)
        channels = channels_of(house, polling=False)
        of_people = [route for channel in channels for route in channel.routes()]
        return {_path(route) for route in (*of_people, *integration(house), *console.routes())}


def let_through(path: str) -> bool:
    """Whether any line of the file names it."""
    named = re.findall(r"\bpath (.*)", FILE.read_text("utf-8"))
    return any(fnmatchcase(path, each) for line in named for each in line.split())


async def test_what_the_product_answers_to_is_let_through(empty_home: Path) -> None:
    known = await paths(empty_home)
    assert {path for path in known | INSIDE if not let_through(path)} == INSIDE


# --- played ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Proxy:
    """Caddy at work on ``port``. ``ports`` are those of the two processes behind it."""

    port: int
    ports: tuple[int, int]

    async def ask(self, path: str) -> Heard:
        """Byte for byte, from somebody who pretends to be a proxy."""
        return await Knocker(self.port).ask("GET", path, {"X-Forwarded-For": "203.0.113.9"})

    async def reached(self, path: str) -> bool:
        """Whether one of ours was asked."""
        heard = await self.ask(path)
        assert heard.status in (200, 404), path
        return heard.status == 200

    async def told(self, path: str) -> dict[str, Any]:
        """What reached the one that was asked."""
        told: dict[str, Any] = json.loads((await self.ask(path)).body)
        return told

    async def is_at_work(self) -> bool:
        """Whether it has found one of ours."""
        return await listens(self.port) and (await self.ask("/")).status == 200


@contextmanager
def proxy(tmp_path: Path, network: str) -> Iterator[Proxy]:
    """The file as it is, but for where the processes are; staff and systems call from there."""
    port, ports = free_port(), (free_port(), free_port())
    text = FILE.read_text("utf-8")
    for place, behind in enumerate(ports, 1):
        text = text.replace(f"web-{place}:8080", f"127.0.0.1:{behind}")
    file = tmp_path / "Caddyfile"
    file.write_text("{\n\tadmin off\n}\n" + text)
    environment = {
        **os.environ,
        "PUBLIC_HOST": f"http://:{port}",
        "STAFF_NETWORK": network,
        "SYSTEMS_NETWORK": network,
        "HOME": str(tmp_path),
        "XDG_DATA_HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path),
    }
    command = [needed("caddy"), "run", "--adapter", "caddyfile", "--config", str(file)]
    with (tmp_path / "caddy.log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            yield Proxy(port, ports)
        finally:
            process.terminate()
            process.wait()


@asynccontextmanager
async def standing(port: int) -> AsyncIterator[None]:
    """A process of ours that says what reached it."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            request, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines if line)
            told = json.dumps({"port": port, "path": request.split()[1], **headers})
            head = f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {len(told)}\r\n\r\n"
            writer.write(f"{head}{told}".encode())
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", port):
        yield


async def test_the_world_reaches_what_is_for_it(empty_home: Path, tmp_path: Path) -> None:
    """And neither the inside nor what is for others."""
    known = await paths(empty_home) | INSIDE
    outside = {path for path in known if path.startswith((OF_SYSTEMS, OF_STAFF))}
    with proxy(tmp_path, "192.0.2.0/24") as caddy:
        async with standing(caddy.ports[0]), standing(caddy.ports[1]):
            await until(caddy.is_at_work)
            closed = {path for path in known if not await caddy.reached(path)}
            assert closed == INSIDE | outside
            for path in ("/nothing", "/console/..%2fmetrics", "/page/../metrics", "//metrics"):
                assert not await caddy.reached(path), path


async def test_staff_and_systems_reach_what_is_theirs(empty_home: Path, tmp_path: Path) -> None:
    """The console always in the same process; ours are told by what name and for whom."""
    known = await paths(empty_home) | INSIDE
    with proxy(tmp_path, "127.0.0.1/32") as caddy:
        async with standing(caddy.ports[0]), standing(caddy.ports[1]):
            await until(caddy.is_at_work)
            assert {path for path in known if not await caddy.reached(path)} == INSIDE
            for _ in range(8):
                assert (await caddy.told("/console/"))["port"] == caddy.ports[0]
            told = await caddy.told("/")
            assert told["host"] == PUBLIC.removeprefix("https://")
            assert told["x-forwarded-for"].endswith("127.0.0.1")


async def test_a_process_that_is_gone_is_not_missed(tmp_path: Path) -> None:
    """People and messengers are answered by the other."""
    with proxy(tmp_path, "127.0.0.1/32") as caddy:
        async with standing(caddy.ports[1]):
            await until(caddy.is_at_work)
            for path in ("/", "/telegram", "/devam/something", "/api/boardings"):
                assert (await caddy.told(path))["port"] == caddy.ports[1]
