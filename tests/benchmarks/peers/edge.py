"""The peers' common edge: the settings, the server, and Telegram's webhook.

The webhook is a bare ASGI application, the cheapest there is, so that no peer pays for a server:
the secret is compared, the body is bounded, and only the fields that the bot uses go on to the
framework's own types.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import uvicorn

from bot.channels.base import MAX_BODY

HOME = Path(os.environ.get("PEER_HOME", "."))
PORT = int(os.environ.get("PORT", "0"))
API = os.environ.get("TELEGRAM_API_BASE", "")
TOKEN = os.environ.get("TELEGRAM_BOT_TOKEN", "")
SECRET = os.environ.get("TELEGRAM_WEBHOOK_SECRET", "").encode()
AUTH_TOKEN = os.environ.get("TWILIO_AUTH_TOKEN", "")
PUBLIC_URL = os.environ.get("PUBLIC_URL", "")

USED = ("message_id", "date", "chat", "from", "text", "entities")
"""Fields of a message that the peers look at."""

Feed = Callable[[dict[str, Any]], Awaitable[bytes]]
"""Takes an update and gives the body of the answer."""


def serve(app: Any, lifespan: str = "off") -> None:
    """Serve until told to stop."""
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=PORT,
        lifespan=lifespan,  # type: ignore[arg-type]
        access_log=False,
        log_level="warning",
        server_header=False,
    )


class Webhook:
    """Telegram's webhook over ``feed``; ``start`` is awaited before the first update."""

    def __init__(self, feed: Feed, start: Callable[[], Awaitable[None]]) -> None:
        self._feed = feed
        self._start = start

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if not hmac.compare_digest(_secret(scope["headers"]), SECRET):
            await _answer(send, 403, b"")
            return
        body = await _body(receive)
        if body is None:
            await _answer(send, 413, b"")
            return
        await _answer(send, 200, await self._feed(used(msgspec.json.decode(body))))

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        await self._start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})


def used(update: Mapping[str, Any]) -> dict[str, Any]:
    """The update with no more in it than is used."""
    message = update["message"]
    kept = {name: message[name] for name in USED if name in message}
    return {"update_id": update["update_id"], "message": kept}


def _secret(headers: list[tuple[bytes, bytes]]) -> bytes:
    wanted = b"x-telegram-bot-api-secret-token"
    return next((value for name, value in headers if name == wanted), b"")


async def _body(receive: Any) -> bytes | None:
    body, more = b"", True
    while more:
        event = await receive()
        body += event.get("body", b"")
        more = event.get("more_body", False)
        if len(body) > MAX_BODY:
            return None
    return body


async def _answer(send: Any, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
