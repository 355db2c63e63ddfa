"""Somebody who knocks at every public door with bytes of their own making.

Raw sockets, because a decent client would not send most of it. Knows the outside contract only.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from twilio.request_validator import RequestValidator

PUBLIC = "https://hes.example.org"
SECRET = "webhook-secret-of-this-test"
TWILIO = "0123456789abcdef0123456789abcdef"
KEY = "the-ministry-and-its-long-key"
SETTINGS = {
    "PUBLIC_URL": PUBLIC,
    "TELEGRAM_BOT_TOKEN": "123456789:AAF-not-a-real-token-of-any-bot-000",
    "TELEGRAM_WEBHOOK_SECRET": SECRET,
    "TELEGRAM_API_BASE": "http://127.0.0.1:9",
    "TWILIO_AUTH_TOKEN": TWILIO,
    "INTEGRATION_KEYS": f"ministry:{hashlib.sha256(KEY.encode()).hexdigest()}",
}
FORM = "application/x-www-form-urlencoded"
LONGEST = 3.0
"""Seconds within which anything is answered, on a busy machine too."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What came back; status 0 if nothing did."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    took: float
    cookies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Door:
    """A way in, and what whoever may use it shows."""

    path: str
    kind: str = "application/json"
    shown: Mapping[str, str] = field(default_factory=dict)
    signed: bool = False

    def headers(self, body: bytes) -> dict[str, str]:
        """What the rightful caller would send along."""
        found = {"Content-Type": self.kind, **self.shown}
        if self.signed:
            fields = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
            signature = RequestValidator(TWILIO).compute_signature(PUBLIC + self.path, dict(fields))
            found["X-Twilio-Signature"] = signature
        return found


BEARER = {"Authorization": f"Bearer {KEY}"}
TELEGRAM = Door("/telegram", shown={"X-Telegram-Bot-Api-Secret-Token": SECRET})
DOORS = (
    TELEGRAM,
    Door("/whatsapp", FORM, signed=True),
    Door("/whatsapp/status", FORM, signed=True),
    Door("/", FORM),
    Door("/bildirimler"),
    Door("/cikis", FORM),
    Door("/console/giris", FORM),
    Door("/console/cikis", FORM),
    Door("/api/risk-changes", shown=BEARER),
    Door("/api/boardings", shown=BEARER),
)


class Knocker:
    """Sends requests byte by byte to a port."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def send(self, *pieces: bytes, pause: float = 0.0) -> Heard:
        """Send the pieces and read until the other side hangs up or the answer is whole."""
        began = time.monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writing = asyncio.create_task(_write(writer, pieces, pause))
            try:
                return await _heard(reader, began)
            finally:
                writing.cancel()
                await asyncio.gather(writing, return_exceptions=True)
        finally:
            writer.close()

    async def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        *,
        host: str = "hes.example.org",
    ) -> Heard:
        """A request with one body of announced length."""
        head = {"Host": host, "Connection": "close", **(headers or {})}
        if body is not None:
            head["Content-Length"] = str(len(body))
        return await self.send(request(method, path, head) + (body or b""))

    async def post(self, door: Door, body: bytes, **headers: str) -> Heard:
        """The same at a door, with what its rightful caller would show."""
        return await self.ask("POST", door.path, {**door.headers(body), **headers}, body)

    async def chunks(self, door: Door, *chunks: bytes) -> Heard:
        """The same in pieces of unannounced length."""
        head = {"Host": "hes.example.org", **door.headers(b""), "Transfer-Encoding": "chunked"}
        sent = [b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks]
        return await self.send(request("POST", door.path, head), *sent, b"0\r\n\r\n")


def request(method: str, path: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {each}" for name, each in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


async def _write(writer: asyncio.StreamWriter, pieces: tuple[bytes, ...], pause: float) -> None:
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(pause)


async def _heard(reader: asyncio.StreamReader, began: float) -> Heard:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = [line.split(": ", 1) for line in head[1:] if ": " in line]
        headers = {name.lower(): each for name, each in pairs}
        length = headers.get("content-length")
        body = await (reader.read() if length is None else reader.readexactly(int(length)))
    except (asyncio.IncompleteReadError, ConnectionError):
        return Heard(0, {}, b"", time.monotonic() - began)
    cookies = tuple(each for name, each in pairs if name.lower() == "set-cookie")
    return Heard(int(head[0].split()[1]), headers, body, time.monotonic() - began, cookies)
