"""The HTTP face: the channels' routes, health and metrics, on one Starlette app under uvicorn."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable
from socket import socket
from types import FrameType

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.channels.base import Channel
from storage import Database, Unavailable

STOP_WITHIN = 5
"""Seconds that requests under way are given when the server is told to stop."""


def application(channels: Iterable[Channel], database: Database) -> Starlette:
    """Every channel's routes and the operator's."""

    async def alive(_request: Request) -> Response:
        return PlainTextResponse("ok")

    async def ready(_request: Request) -> Response:
        try:
            await database.ping()
        except Unavailable:
            return PlainTextResponse("database unavailable", 503, {"Retry-After": "5"})
        return PlainTextResponse("ok")

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    routes = [route for channel in channels for route in channel.routes()]
    routes += [
        Route("/healthz", alive),
        Route("/readyz", ready),
        Route("/metrics", metrics),
    ]
    return Starlette(routes=routes)


class Server(uvicorn.Server):
    """uvicorn that says when it is ready."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop gently; the second Ctrl-C does not wait for requests under way.

        uvicorn's own would raise the signal again once it has stopped, and end the process before
        the desk and the records are closed.
        """
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._announce()


def server(app: Starlette, host: str, port: int, announce: Callable[[], None]) -> Server:
    """A server for the app; ``announce`` is called once it listens."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_WITHIN,
    )
    return Server(config, announce)
