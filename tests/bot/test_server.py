"""What the server does with requests before a channel has them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.channels.base import Limits
from bot.server import application


class Echo:
    """A messenger that says what was posted, and stumbles over one word."""

    name = "echo"
    limits = Limits(text=100)

    def routes(self) -> Sequence[Route]:
        return [
            Route("/echo", self._take, methods=["POST"]),
            Route("/page", self._show, methods=["GET"]),
            Route("/page", self._take, methods=["POST"]),
        ]

    async def run(self) -> None:
        """Everything happens in the routes."""

    async def _take(self, request: Request) -> Response:
        said = (await request.body()).decode()
        if said == "Ayşe":
            raise RuntimeError(said)
        return PlainTextResponse(f"{said} {request.query_params.get('d', '')}".strip())

    async def _show(self, _request: Request) -> Response:
        return PlainTextResponse("page")


@pytest.fixture
async def caller() -> AsyncIterator[httpx.AsyncClient]:
    """Who asks; what breaks inside is not raised here."""
    database: Any = None
    app = application([Echo()], database)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        yield client


async def test_what_is_posted_reaches_its_channel(caller: httpx.AsyncClient) -> None:
    """With its body and its query, also where a page can be read at the same address."""
    assert (await caller.post("/echo?d=7", content="merhaba")).text == "merhaba 7"
    assert (await caller.post("/page", content="merhaba")).text == "merhaba"
    assert (await caller.get("/page")).text == "page"


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/echo", 405), ("POST", "/x", 404)])
async def test_what_leads_nowhere_is_refused(
    caller: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    """In the server's own words and with its headers."""
    refused = await caller.request(method, path)
    assert refused.status_code == status
    assert refused.headers["x-content-type-options"] == "nosniff"


async def test_a_channel_that_breaks_says_nothing_of_it(caller: httpx.AsyncClient) -> None:
    """The words of an exception may be a person's."""
    broken = await caller.post("/echo", content="Ayşe")
    assert (broken.status_code, broken.text) == (500, "Internal Server Error")
    assert (await caller.post("/echo", content="merhaba")).status_code == 200
