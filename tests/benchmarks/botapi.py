"""A Bot API that grants everything and remembers the last words said to each chat.

``tests.fakes.telegram`` knows the platform's rules; this one knows none of them and costs next to
nothing, so that the bots are what is measured.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl

import msgspec

from tests.benchmarks.wire import Listener

TOKEN = "123456789:AAF-not-a-real-token-of-any-bot-000"

_GRANTED = b'{"ok":true,"result":true}'
_ME = msgspec.json.encode(
    {
        "ok": True,
        "result": {"id": 123456789, "is_bot": True, "first_name": "HES", "username": "hes_bot"},
    }
)


class LeanBotApi:
    """``said`` are the last words by chat, ``calls`` how many calls there were, ``times`` when a
    message went out (monotonic seconds)."""

    def __init__(self) -> None:
        self.url = ""
        self.said: dict[int, bytes] = {}
        self.calls = 0
        self.times: list[float] = []

    def answer(self, path: str, body: bytes) -> bytes:
        self.calls += 1
        method = path.rpartition("/")[2].lower()
        if method == "getme":
            return _ME
        return self._sent(body) if method == "sendmessage" else _GRANTED

    def _sent(self, body: bytes) -> bytes:
        self.times.append(time.monotonic())
        said = fields(body)
        chat, text = int(said["chat_id"]), str(said["text"])
        self.said[chat] = text.encode()
        message = {
            "message_id": self.calls,
            "date": 1610096400,
            "chat": {"id": chat, "type": "private", "first_name": "Deniz"},
            "text": text,
        }
        return msgspec.json.encode({"ok": True, "result": message})


def fields(body: bytes) -> dict[str, object]:
    """The parameters of a call."""
    return msgspec.json.decode(body) if body[:1] == b"{" else dict(parse_qsl(body.decode()))


@asynccontextmanager
async def lean_bot_api(api: LeanBotApi | None = None) -> AsyncIterator[LeanBotApi]:
    """The API on a free port of its own, in this process."""
    api = api or LeanBotApi()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Listener(api.answer), "127.0.0.1", 0)
    api.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield api
    finally:
        server.close()
