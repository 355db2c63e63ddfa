"""A visitor of the citizen's page without a browser, and a town for them to visit.

Reads the page as a person without JavaScript does; the browser's own tests are elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

from aiohttp import ClientResponse, ClientSession, CookieJar
from starlette.applications import Starlette

from bot.app import channels_of, open_house, working
from bot.channels.base import FrontDesk, Mailbox
from bot.channels.web import Web
from bot.page_words import page_words
from bot.server import application
from bot.wording import Wording
from tests import homes
from tests.fakes.serving import serve

JSON = {"Accept": "application/json"}
FIRST_QUESTION = "1/8 · Ad"
"""A line that only who has given consent is shown."""


@dataclass(frozen=True, slots=True)
class Page:
    """What came back."""

    status: int
    html: str
    headers: Mapping[str, str]
    set_cookie: str

    @property
    def token(self) -> str:
        """The page's own token of the next answer."""
        found: list[str] = re.findall(r'name="message" value="([^"]+)"', self.html)
        return found[-1]

    @property
    def typed(self) -> str:
        """What stands in the answer field."""
        found = re.search(r'id="text"[^>]* value="([^"]*)"', self.html)
        return unescape(found[1]) if found else ""

    @property
    def buttons(self) -> dict[str, str]:
        """Label → what comes back."""
        found = re.findall(r'name="pick" value="([^"]+)">([^<]*)<', self.html)
        return {unescape(label): unescape(data) for data, label in found}

    @property
    def lines(self) -> list[str]:
        """The lines of the conversation, as they are read."""
        log = self.html.partition('id="log"')[2].partition("</main>")[0]
        drawn = re.findall(r'<p class="line[^"]*">(.*?)</p>', log)
        return [unescape(re.sub(r"<[^>]*>", "", line)) for line in drawn]


class Visitor:
    """A browser without JavaScript, and one that asks for JSON."""

    def __init__(self, session: ClientSession, base: str) -> None:
        self._session, self.base = session, base

    async def get(self, path: str = "/", method: str = "GET", **headers: str) -> Page:
        async with self._session.request(
            method, self.base + path, headers=headers, allow_redirects=False
        ) as response:
            return await _page(response)

    async def post(self, fields: Any, path: str = "/", **headers: str) -> Page:
        async with self._session.post(
            self.base + path, data=fields, headers=headers, allow_redirects=False
        ) as response:
            return await _page(response)

    async def ask(self, fields: dict[str, str]) -> dict[str, Any]:
        """The same, as the page's script does it."""
        page = await self.post(fields, **JSON)
        assert page.headers["Content-Type"] == "application/json"
        answer: dict[str, Any] = json.loads(page.html)
        return answer

    async def accept(self) -> Page:
        """Give consent, which leads to the first question."""
        page = await self.get()
        fields = {"pick": page.buttons["Kabul ediyorum"], "message": page.token}
        return await self.post(fields)

    @property
    def cookies(self) -> dict[str, str]:
        return {cookie.key: cookie.value for cookie in self._session.cookie_jar}

    def carry(self, name: str, value: str) -> None:
        """Put a cookie into the browser's jar."""
        self._session.cookie_jar.update_cookies({name: value})


async def _page(response: ClientResponse) -> Page:
    cookie = response.headers.get("Set-Cookie", "")
    return Page(response.status, await response.text(), response.headers, cookie)


@asynccontextmanager
async def visiting(base: str) -> AsyncIterator[Visitor]:
    """A new visitor."""
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as session:
        yield Visitor(session, base)


@asynccontextmanager
async def town(home: Path, **settings: Any) -> AsyncIterator[str]:
    """Everything but the messengers, on records of its own; its address."""
    async with open_house(homes.settings_in(home, **settings)) as house:
        web = [channel for channel in channels_of(house) if channel.name == "web"]
        app = application(web, house.database)
        async with working(house, web), serve(app) as base:
            yield base


@asynccontextmanager
async def alone(home: Path, **settings: Any) -> AsyncIterator[Visitor]:
    """The only visitor of a town."""
    async with town(home, **settings) as base, visiting(base) as visitor:
        yield visitor


@asynccontextmanager
async def facing(desk: FrontDesk, mailbox: Mailbox | None = None) -> AsyncIterator[Visitor]:
    """A visitor of a page whose desk the test holds."""
    wording = Wording.load()
    web = Web(desk, lambda locale: page_words(wording, locale), mailbox=mailbox)
    async with serve(Starlette(routes=list(web.routes()))) as base, visiting(base) as visitor:
        yield visitor


def rows(home: Path) -> int:
    """How many rows the records have, all tables together but the migrations' own."""
    return sum(homes.rows(home).values())
