"""Somebody of the staff at the console, in a real browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyotp
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.town import Town
from tests.browser.visitor import PATIENCE, Visitor, at_a_tab, screen
from tests.faults.born import Wish, run

FIRST = 30_000
"""Milliseconds for the first page of a product, which loads what all pages are made of."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What somebody signs in with."""

    name: str
    password: str
    secret: str


def told(town: Town, *words: str) -> Any:
    """What a command beside the running product prints as JSON."""
    done = run(Wish(words, town.environment))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def take_on(town: Town, name: str, role: str) -> Keys:
    """A new member of the staff, taken on beside the running product."""
    plain = told(town, "staff", "add", name, "--role", role, "--json")
    return Keys(name, plain["password"], plain["totp_secret"])


def sign_in(page: Page, keys: Keys, address: str) -> None:
    """Fill in the sign-in page, by its labels; the first page follows."""
    page.goto(f"{address}/console/giris")
    page.get_by_label("Adınız").fill(keys.name)
    page.get_by_label("Parola").fill(keys.password)
    page.get_by_label("Tek kullanımlık kod").fill(pyotp.TOTP(keys.secret).now())
    page.get_by_role("button", name="Giriş yap").click(timeout=FIRST)
    page.get_by_role("heading", name="Genel bakış").wait_for(timeout=FIRST)


def signed_in(browser: Browser, town: Town, keys: Keys) -> Any:
    """What a browser keeps of a sign-in, for others to begin with."""
    context = browser.new_context()
    form = {"ad": keys.name, "parola": keys.password, "kod": pyotp.TOTP(keys.secret).now()}
    answer = context.request.post(
        f"{town.address}/console/giris", form=form, max_redirects=0, timeout=FIRST
    )
    assert answer.status == 303, answer.text()
    state = context.storage_state()
    context.close()
    return state


@dataclass
class Seat:
    """Where somebody sits who is signed in: a browser with a big screen and one with a small."""

    browser: Browser
    address: str
    visit: Any
    contexts: dict[bool, BrowserContext] = field(default_factory=dict)

    @contextmanager
    def at(self, path: str, *, phone: bool = False) -> Iterator[Visitor]:
        """A page, ready to be used; whatever the browser complains of fails at the end."""
        if phone not in self.contexts:
            context = self.browser.new_context(**screen(phone=phone), storage_state=self.visit)
            context.set_default_timeout(PATIENCE)
            self.contexts[phone] = context
        with at_a_tab(self.contexts[phone], self.address) as visitor:
            show(visitor.page, self.address + path)
            yield visitor

    def leave(self) -> None:
        for context in self.contexts.values():
            context.close()


def show(page: Page, address: str) -> None:
    """Open a page and wait until its socket is there."""
    page.goto(address)
    page.wait_for_function("window.did_handshake === true")


def fits(page: Page) -> bool:
    """Nothing hangs over the side, whether it is light or dark."""
    found = True
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        wide = "document.documentElement.scrollWidth <= window.innerWidth"
        found = found and bool(page.evaluate(wide))
    return found


def portrait(page: Page, pictures: Path | None, name: str, **options: Any) -> None:
    """Light and dark, if somebody looks at pictures; the width is in the name."""
    if pictures is None:
        return
    size = page.viewport_size
    assert size is not None
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=pictures / f"{name}-{size['width']}-{scheme}.png", **options)
