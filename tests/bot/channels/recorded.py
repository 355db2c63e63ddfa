"""A server that keeps everything posted to it and answers all with the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.fakes.serving import serve

Posted = dict[str, Any]


@asynccontextmanager
async def recorded(
    status: int = 201, body: str = '{"sid": "SM1"}', **headers: str
) -> AsyncIterator[tuple[str, list[Posted]]]:
    """Its address, and what was posted so far. Headers are named with ``_`` for ``-``."""
    posted: list[Posted] = []
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def answer(request: Request) -> Response:
        is_json = "json" in request.headers.get("content-type", "")
        posted.append(await request.json() if is_json else dict(await request.form()))
        return Response(body, status, named)

    everything = Route("/{path:path}", answer, methods=["GET", "POST"])
    async with serve(Starlette(routes=[everything])) as base:
        yield base, posted
