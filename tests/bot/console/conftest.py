"""The console before its guard: real doors and real HTTP, with a bare room where the pages are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import ClientSession, DummyCookieJar
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from bot.callers import Callers
from bot.console.console import Console
from bot.console.signing import Signing
from bot.console.visits import SIGN_IN, Badge, signed_in
from bot.wording import Wording
from conversations.replies import Param, Word
from tests.bot.staff import conftest as staff
from tests.bot.staff.conftest import House
from tests.fakes.serving import serve

house = staff.house
WORDING = Wording.load()
NAMES = {"tr": "Türkçe", "en": "English"}
PAGE = {"Accept": "text/html"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; ``cookies`` are the lines that set them."""

    status: int
    text: str
    headers: Mapping[str, str]
    cookies: tuple[str, ...]

    @property
    def token(self) -> str:
        """What the console's cookie is set to."""
        line = next(line for line in self.cookies if "hesbot_staff=" in line)
        return line.partition("=")[2].partition(";")[0]


@dataclass
class Town:
    """The console on a port, and how often its pages were loaded."""

    house: House
    session: ClientSession
    base: str = ""
    secure: bool = False
    loaded: list[str] = field(default_factory=list)

    @property
    def cookie(self) -> str:
        return "__Secure-hesbot_staff" if self.secure else "hesbot_staff"

    async def ask(
        self, path: str = "/console/", method: str = "GET", token: str = "", **more: object
    ) -> Answer:
        headers = {**PAGE, **dict(more.pop("headers", {}))}  # type: ignore[call-overload]
        if token:
            headers["Cookie"] = f"{self.cookie}={token}"
        async with self.session.request(
            method, self.base + path, headers=headers, allow_redirects=False, **more
        ) as response:
            cookies = tuple(response.headers.getall("Set-Cookie", []))
            return Answer(response.status, await response.text(), response.headers, cookies)

    async def knock(self, token: str = "", **fields: str) -> Answer:
        """Fill in the sign-in page; what is not given is right."""
        headers = {"Sec-Fetch-Site": fields.pop("site", "same-origin")}
        form = {"ad": staff.NAME, "parola": staff.PASSWORD, "kod": self.house.code(), **fields}
        return await self.ask(SIGN_IN, "POST", token, data=form, headers=headers)

    async def enter(self) -> str:
        """Sign in; the token."""
        answer = await self.knock()
        assert answer.status == 303, answer.text
        return answer.token

    def room(self) -> FastAPI:
        """What stands behind the guard here: it says who came in."""
        self.loaded.append("room")
        app = FastAPI(lifespan=self._life)

        @app.api_route("/{path:path}", methods=["GET", "POST"])
        async def who(request: Request) -> Response:
            inside = signed_in(request.scope)
            name = inside.member.name if inside else "nobody"
            prefix = request.headers.get("x-forwarded-prefix", "")
            return PlainTextResponse(name + prefix)

        return app

    @asynccontextmanager
    async def _life(self, _app: FastAPI) -> AsyncIterator[None]:
        self.loaded.append("opened")
        yield
        self.loaded.append("closed")


@asynccontextmanager
async def opened(house: House, address: str = "http://hes.example") -> AsyncIterator[Town]:
    """The console at that address."""

    def say(name: str, locale: str, params: Mapping[str, Param]) -> str:
        return WORDING.text(Word(f"console.door.{name}", params), locale)

    async with ClientSession(cookie_jar=DummyCookieJar()) as session:
        badge = Badge(address)
        town = Town(house, session, secure=badge.secure)
        signing = Signing(house.doors, badge, say, NAMES, caller=Callers())
        console = Console(signing, house.doors.who, badge, town.room)
        app = Starlette(routes=list(console.routes()))
        async with console.working(), serve(app) as town.base:
            yield town


@pytest.fixture
async def town(house: House) -> AsyncIterator[Town]:
    """The console, with one member of the staff who may enter."""
    async with opened(house) as found:
        yield found
