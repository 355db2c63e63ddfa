"""Staff before a running product: who they are, how they sign in, and their pages' sockets.

Knows the outside contract and what NiceGUI's browser side sends; nothing of what is inside.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any

import pyotp
from aiohttp import ClientResponse, ClientSession, ClientWebSocketResponse, DummyCookieJar

from tests.faults.processes import Served, hesbot

PAGE = {"Accept": "text/html"}
SOCKET = "/console/_nicegui_ws/socket.io/"


@dataclass(frozen=True, slots=True)
class Keys:
    """What somebody signs in with."""

    name: str
    password: str
    secret: str

    @property
    def form(self) -> dict[str, str]:
        code = pyotp.TOTP(self.secret).now()
        return {"ad": self.name, "parola": self.password, "kod": code}


async def take_on(home: Path, name: str, role: str) -> Keys:
    """A new member of the staff."""
    out, _ = await hesbot(home, "staff", "add", name, "--role", role, "--json")
    told = json.loads(out)
    return Keys(name, told["password"], told["totp_secret"])


@dataclass
class Open:
    """A page as a browser got it."""

    status: int
    html: str
    headers: Mapping[str, str]

    @property
    def client(self) -> str:
        """The name under which NiceGUI knows the page."""
        found = re.search(r"'client_id': '([0-9a-f-]{36})'", self.html)
        assert found, self.html[:2000]
        return found[1]

    def press(self, icon: str) -> dict[str, Any]:
        """What a browser sends when the button with that icon is pressed."""
        found = re.search(r"parseElements\(String\.raw`(.*?)`\)", self.html, re.S)
        assert found
        elements = json.loads(unescape(found[1]))
        number, button = next(
            (number, each)
            for number, each in elements.items()
            if each.get("props", {}).get("icon") == icon and each.get("events")
        )
        listener = next(each for each in button["events"] if each["type"] == "click")
        return {
            "id": int(number),
            "client_id": self.client,
            "listener_id": listener["listener_id"],
            "args": [],
        }


@dataclass
class Clerk:
    """Somebody signed in, in a browser of their own."""

    session: ClientSession
    base: str
    cookie: str = ""
    sockets: list[ClientWebSocketResponse] = field(default_factory=list)

    @property
    def headers(self) -> dict[str, str]:
        return {"Cookie": self.cookie} if self.cookie else {}

    async def enter(self, keys: Keys) -> None:
        """Sign in."""
        answer = await self.post("/console/giris", keys.form)
        assert answer.status == 303, await answer.text()
        self.cookie = answer.headers["Set-Cookie"].partition(";")[0]

    async def post(self, path: str, form: Mapping[str, str] | None = None) -> ClientResponse:
        async with self.session.post(
            self.base + path, data=form or {}, headers=self.headers, allow_redirects=False
        ) as answer:
            await answer.read()
            return answer

    async def open(self, path: str = "/console/") -> Open:
        headers = {**PAGE, **self.headers}
        async with self.session.get(
            self.base + path, headers=headers, allow_redirects=False
        ) as answer:
            return Open(answer.status, await answer.text(), answer.headers)

    async def connect(
        self, client: str, origin: str | None = None, *, implicit: str = "true"
    ) -> ClientWebSocketResponse:
        """A page's socket, up to Engine.IO's greeting."""
        query = {
            "EIO": "4",
            "transport": "websocket",
            "client_id": client,
            "implicit_handshake": implicit,
            "tab_id": "t",
            "document_id": "d",
            "next_message_id": "0",
        }
        headers = {"Origin": self.base if origin is None else origin, **self.headers}
        socket = await self.session.ws_connect(
            self.base + SOCKET, params=query, headers={k: v for k, v in headers.items() if v}
        )
        self.sockets.append(socket)
        assert (await socket.receive_str()).startswith("0{")
        return socket

    async def greet(self, socket: ClientWebSocketResponse) -> str:
        """Socket.IO's greeting; what is said to it."""
        await socket.send_str("40")
        return await self.hear(socket)

    async def hear(self, socket: ClientWebSocketResponse, beginning: str = "4") -> str:
        """The next packet that begins so; pings are answered."""
        while True:
            packet = await socket.receive_str(timeout=10)
            if packet == "2":
                await socket.send_str("3")
            elif packet.startswith(beginning):
                return packet


@asynccontextmanager
async def clerks(server: Served, count: int) -> AsyncIterator[list[Clerk]]:
    """So many browsers, closed at the end."""
    async with ClientSession(cookie_jar=DummyCookieJar()) as session:
        found = [Clerk(session, server.url) for _ in range(count)]
        yield found
        for clerk in found:
            for socket in clerk.sockets:
                await socket.close()
