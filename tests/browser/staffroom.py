"""A product at work with its staff, people on Telegram, and browsers for whoever signs in.

Everybody is invented. Finds things on a page as a screen reader does.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyotp
from argon2 import PasswordHasher
from playwright.async_api import Browser, BrowserContext, Locator, Page, async_playwright, expect

from bot.staff.secrets import secret_text
from conversations.broadcasts import Role
from storage import Audit, KeyRing, Member, Staff, Vault, admit
from tests import homes
from tests.browser.conftest import ARGUMENTS
from tests.browser.visitor import DESKTOP, LOUD, PHONE
from tests.fakes.telegram import TOKEN, BotApi
from tests.faults.processes import Served, served
from tests.storage.announcing import NOW, Newsroom

PASSWORD = "kuzu-7nar-b3te-9yol"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PATIENCE = 30_000
"""Milliseconds: whoever comes first waits until the pages are loaded into the product."""
expect.set_options(timeout=PATIENCE)
FIRST = 5000
RATE = 30
"""Messages a second."""


@dataclass
class Desk:
    """Somebody of the staff at a browser of their own."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)

    async def sign_in(self, name: str, secret: bytes) -> None:
        """From the sign-in page to the broadcasts."""
        await self.page.goto(f"{self.address}/console/giris?sonra=/console/duyurular")
        await self.page.get_by_label("Adınız").fill(name)
        await self.page.get_by_label("Parola").fill(PASSWORD)
        code = pyotp.TOTP(secret_text(secret)).now()
        await self.page.get_by_label("Tek kullanımlık kod").fill(code)
        await self.page.get_by_role("button", name="Giriş yap").click()
        await self.page.wait_for_url("**/console/duyurular")

    async def open(self, path: str = "") -> None:
        """A page of the broadcasts, ready to be used."""
        await self.page.goto(f"{self.address}/console/duyurular{path}")
        await self.page.locator("div.page").wait_for()

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    async def press(self, name: str) -> None:
        await self.button(name).click()

    async def see(self, text: str) -> None:
        """Wait until the page says so."""
        await self.page.locator("div.page").get_by_text(text).first.wait_for()

    async def dialog(self, text: str) -> None:
        """Wait until a question says so."""
        await self.page.get_by_role("dialog").get_by_text(text).wait_for()

    async def stage(self, name: str) -> None:
        """Wait until the broadcast's way has come there."""
        await self.page.locator("[aria-current=step]", has_text=name).wait_for()

    async def told(self, text: str) -> None:
        """Wait for a word after an act."""
        await self.page.get_by_role("alert").filter(has_text=text).first.wait_for()

    def watch(self) -> None:
        """Note every complaint of the page, and every request that leaves the town."""
        self.page.on("console", lambda said: self._hear(said.type, said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(error.message))
        self.page.on("request", lambda request: self._look_at(request.url))

    def _hear(self, kind: str, text: str) -> None:
        if kind in LOUD:
            self.complaints.append(text)

    def _look_at(self, url: str) -> None:
        here = (f"{self.address}/", f"ws{self.address.removeprefix('http')}/", "data:", "blob:")
        if not url.startswith(here):
            self.complaints.append(f"asked {url}")

    async def picture(self, name: str) -> None:
        """At both widths, light and dark, into the folder that PICTURES names, if it names one."""
        if "PICTURES" not in os.environ:
            return
        for width, size in (("1280", DESKTOP), ("390", PHONE)):
            for light in ("light", "dark"):
                await self.page.emulate_media(color_scheme=light)  # type: ignore[arg-type]
                await self.page.set_viewport_size(
                    {"width": size["width"], "height": size["height"]}
                )
                await self.page.wait_for_timeout(350)
                # All of it is in sight at once, or what is fixed would stand in the middle.
                high = await self.page.evaluate("document.documentElement.scrollHeight")
                await self.page.set_viewport_size({"width": size["width"], "height": high})
                await self.page.wait_for_timeout(350)
                path = Path(os.environ["PICTURES"]) / f"{name}-{width}-{light}.png"
                await self.page.screenshot(path=path)
        await self.page.set_viewport_size({"width": DESKTOP["width"], "height": DESKTOP["height"]})
        await self.page.emulate_media(color_scheme="light")


@dataclass
class Staffroom:
    """The product, its records, the messenger's other end, and a browser."""

    room: Newsroom
    api: BotApi
    served: Served
    browser: Browser
    names: Mapping[Role, str]
    audit: Audit
    contexts: list[BrowserContext] = field(default_factory=list)
    desks: list[Desk] = field(default_factory=list)

    async def desk(self, role: Role) -> Desk:
        """Somebody of that role, signed in."""
        context = await self.browser.new_context(
            viewport={"width": DESKTOP["width"], "height": DESKTOP["height"]},
            locale="tr-TR",
            reduced_motion="reduce",
        )
        context.set_default_timeout(PATIENCE)
        self.contexts.append(context)
        desk = Desk(await context.new_page(), self.served.url)
        self.desks.append(desk)
        await desk.sign_in(self.names[role], secret_of(role))
        desk.watch()
        return desk


def secret_of(role: Role) -> bytes:
    return str(role).ljust(20, ".").encode()


@asynccontextmanager
async def staffroom(chromium: str, home: Path, people: int) -> AsyncIterator[Staffroom]:
    """Somebody of each role, and so many people on Telegram. A page's complaint fails at the
    end."""
    vault = Vault(KeyRing.load_or_create(home / "keys.json"))
    database = await homes.opened_in(home)
    try:
        await admit(database, vault)
        room = await Newsroom.open(database, vault)
        names = await _take_on(room, vault)
        await room.people(people, first=FIRST, since=NOW)
        async with BotApi() as api, async_playwright() as playwright:
            for number in range(people):
                api.person(FIRST + number)
            browser = await playwright.chromium.launch(
                executable_path=chromium, args=list(ARGUMENTS)
            )
            async with served(
                home,
                TELEGRAM_BOT_TOKEN=TOKEN,
                TELEGRAM_API_BASE=api.base_url,
                TELEGRAM_RATE=str(RATE),
                HESBOT_NOW="2021-01-08T12:00",
            ) as product:
                found = Staffroom(room, api, product, browser, names, Audit(vault))
                yield found
                assert [each.complaints for each in found.desks if each.complaints] == []
                for context in found.contexts:
                    await context.close()
            await browser.close()
    finally:
        await database.close()


NAMES = {
    Role.AUTHOR: "Zeynep Aydın",
    Role.APPROVER: "Murat Şahin",
    Role.OPERATOR: "Elif Çelik",
    Role.AUDITOR: "Can Öztürk",
}


async def _take_on(room: Newsroom, vault: Vault) -> Mapping[Role, str]:
    """Staff who can sign in."""
    async with room.database.begin() as conn:
        for role, name in NAMES.items():
            member: Member = await Staff(vault).add(
                conn, name, role, CHEAP.hash(PASSWORD), secret_of(role), NOW
            )
            room.members[role] = member
    return NAMES
