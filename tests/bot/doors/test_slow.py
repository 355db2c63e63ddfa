"""Who sends slowly, or never ends, is let go; who is merely far away is not."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot import server_line
from bot.channels.http import read_body
from bot.server import server
from tests.bot.doors.knocking import Knocker

WITHIN = 0.5
"""Seconds in which a head must have come here, and a short body."""
BOUND = 6.0
"""Seconds after which somebody who is too slow must have been let go, on a busy machine too."""
HEAD = b"POST / HTTP/1.1\r\nHost: h\r\n"


async def take(request: Request) -> Response:
    body = await read_body(request)
    return PlainTextResponse("too large" if body is None else str(len(body)))


@asynccontextmanager
async def listening() -> AsyncIterator[Knocker]:
    """The product's own server before something that counts bytes."""
    ready = asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        app = Starlette(routes=[Route("/", take, methods=["POST"])])
        http = server(app, ready.set)
        running = asyncio.create_task(http.serve([listener]))
        await ready.wait()
        try:
            yield Knocker(listener.getsockname()[1])
        finally:
            http.should_exit = True
            await running


@pytest.fixture
async def knocker(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Knocker]:
    for name in ("HEAD_WITHIN", "BODY_WITHIN", "LINGER"):
        monkeypatch.setattr(server_line, name, WITHIN)
    async with listening() as found:
        yield found


@pytest.mark.parametrize(
    "pieces",
    [
        [b""],
        [b"P", b"O", b"S"] + [b""] * 100,
        [bytes([each]) for each in b"POST / HTTP/1.1\r\nHost: " + b"h" * 100],
        [b"\r\n"] * 100,
        [HEAD] + [b"X: y\r\n"] * 100,
        [HEAD + b"Content-Length: 100\r\n\r\n"] + [b"a"] * 100,
        [HEAD + b"Transfer-Encoding: chunked\r\n\r\n"] + [b"1\r\na\r\n"] * 100,
        [HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"] + [b"X: y\r\n"] * 100,
    ],
    ids=["silent", "stops", "head", "lines", "headers", "body", "chunks", "trailers"],
)
async def test_who_trickles_is_let_go(knocker: Knocker, pieces: list[bytes]) -> None:
    """Wherever in the request it is."""
    heard = await knocker.send(*pieces, pause=0.1)
    assert heard.status == 408
    assert heard.took < BOUND


async def test_a_body_that_nobody_wanted_is_not_waited_for(knocker: Knocker) -> None:
    """The answer was given without it, and then the line is closed."""
    head = b"PUT /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", knocker._port)
    writer.write(head)
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 404")
    with suppress(ConnectionError):
        async with asyncio.timeout(BOUND):
            while not reader.at_eof():
                writer.write(b"a")
                await writer.drain()
                with suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(100), 0.1)
    writer.close()


@pytest.mark.parametrize(
    "pieces",
    [
        [HEAD + b"X: " + b"a" * 200_000],
        [HEAD] + [b"X: " + b"a" * 1000 + b"\r\n"] * 100,
        [HEAD + b"Transfer-Encoding: chunked\r\n\r\n"]
        + [b"1;x=" + b"y" * 1000 + b"\r\na\r\n"] * 90,
    ],
    ids=["one", "many", "extensions"],
)
async def test_a_head_without_an_end_is_refused(knocker: Knocker, pieces: list[bytes]) -> None:
    """Before it fills the memory."""
    assert (await knocker.send(*pieces)).status == 431


async def test_a_large_body_has_its_time(knocker: Knocker) -> None:
    """It counts how fast it comes, however it is cut."""
    head = HEAD + b"Content-Length: 120000\r\nConnection: close\r\n\r\n"
    heard = await knocker.send(head, *[b"a" * 10_000] * 12, pause=0.2)
    assert (heard.status, heard.body) == (200, b"120000")
    small = [b"8\r\naaaaaaaa\r\n"] * 9000
    chunked = HEAD + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    heard = await knocker.send(chunked, b"".join(small), b"0\r\n\r\n")
    assert (heard.status, heard.body) == (200, b"72000")


async def test_one_line_carries_many_requests(knocker: Knocker) -> None:
    """One after another and all at once; each head counts for itself."""
    one = HEAD + b"X: " + b"a" * 8000 + b"\r\nContent-Length: 2\r\n\r\nab"
    reader, writer = await asyncio.open_connection("127.0.0.1", knocker._port)
    for _ in range(30):
        writer.write(one)
        assert b"200" in await reader.readuntil(b"\r\n\r\n2")
    writer.write(one * 30)
    for _ in range(30):
        assert b"200" in await reader.readuntil(b"\r\n\r\n2")
    writer.close()
