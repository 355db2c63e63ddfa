"""An ASGI application on a free loopback port, and two ways to treat a caller badly.

Knows HTTP and nothing of what is served.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp
from uvicorn import Config, Server
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

GRACE = 2
"""Seconds that requests in flight have when the server closes."""


class _Line(HttpToolsProtocol):
    """A connection that its own handlers can cut."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "cut": transport.abort}


class _Server(Server):
    """Stops on an event instead of polling, and leaves the process's signals alone."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.ready, self.closing = asyncio.Event(), asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.lifespan.state["closing"] = self.closing
        self.ready.set()

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self.closing.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn does it, but without its fixed tenth of a second."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await asyncio.sleep(0)
        try:
            await asyncio.wait_for(self._wait_tasks_to_complete(), GRACE)
        except TimeoutError:
            for task in self.server_state.tasks:
                task.cancel()
        await self.lifespan.shutdown()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serve(app: ASGIApp) -> AsyncIterator[str]:
    """Serve ``app`` inside the running event loop; give its base URL without a trailing slash."""
    listener = socket.create_server(("127.0.0.1", 0))
    # asyncio sets this only on sockets that name their protocol, and each answer would wait 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server = _Server(_config(app))
    running = asyncio.create_task(server.serve([listener]))
    ready = asyncio.create_task(server.ready.wait())
    try:
        await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        ready.cancel()
        server.closing.set()
        await running


def _config(app: ASGIApp) -> Config:
    return Config(
        app,
        http=_Line,
        ws="none",
        log_config=None,
        access_log=False,
        date_header=False,
        proxy_headers=False,
    )


async def hang(request: Request) -> Response:
    """Say nothing until the caller gives up or the server closes."""
    waits: set[asyncio.Task[Any]] = {
        asyncio.create_task(_disconnected(request)),
        asyncio.create_task(request.state.closing.wait()),
    }
    _, unfinished = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in unfinished:
        wait.cancel()
    return Response(status_code=503)


async def hang_up(request: Request) -> Response:
    """Cut the connection without a byte of an answer."""
    request.state.cut()
    await _disconnected(request)
    return Response()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        continue
