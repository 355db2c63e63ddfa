"""Somebody of the staff at the console, in a real browser."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pyotp
from playwright.sync_api import Browser, Page

from tests.browser.town import Town
from tests.browser.visitor import visiting
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
    with visiting(browser, town.address) as visitor:
        sign_in(visitor.page, keys, town.address)
        return visitor.context.storage_state()
