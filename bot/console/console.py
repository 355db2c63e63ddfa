"""The console as the server knows it: its routes, and NiceGUI behind them once it is wanted.

What a page shows is in ``pages``; how NiceGUI is set up is in ``loading``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from typing import TYPE_CHECKING

from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp

from bot.console.guard import Guard
from bot.console.office import Office
from bot.console.signing import Signing
from bot.console.visits import PATH, Badge, Who
from bot.memory import settle

if TYPE_CHECKING:
    from fastapi import FastAPI


def pages_of(office: Office) -> Callable[[], FastAPI]:
    """What builds the pages of this office when it is called, and imports NiceGUI for it."""

    def load() -> FastAPI:
        from bot.console import loading

        return loading.load(office)

    return load


class Console:
    """``load`` imports NiceGUI and builds the pages; it is called in a thread, at most once.

    ``behind`` is open as long as the console is, also while no page is.
    """

    def __init__(
        self,
        signing: Signing,
        who: Who,
        badge: Badge,
        load: Callable[[], FastAPI],
        behind: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
    ) -> None:
        self._behind = behind
        self._signing = signing
        self._guard = Guard(self._pages, who, badge)
        self._load = load
        self._app: ASGIApp | None = None
        self._loading = asyncio.Lock()
        self._open = AsyncExitStack()

    def routes(self) -> Sequence[BaseRoute]:
        return (*self._signing.routes(), Mount(PATH, self._guard))

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """The pages may be opened meanwhile; they are closed on the way out."""
        async with self._behind(), self._open:
            yield

    async def _pages(self) -> ASGIApp:
        async with self._loading:
            if self._app is None:
                app = await asyncio.to_thread(self._load)
                # What was loaded stays for ever, as what was loaded at start.
                settle()
                await self._open.enter_async_context(app.router.lifespan_context(app))
                self._app = app
            return self._app
