"""The floor: a bare ASGI application that answers everything alike and keeps nothing."""

from __future__ import annotations

from typing import Any

from tests.benchmarks.peers.edge import serve

_HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"2")]


async def app(scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        continue
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": b"{}"})


if __name__ == "__main__":
    serve(app)
