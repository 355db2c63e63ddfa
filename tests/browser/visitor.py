"""A person at the citizen's page: reads, types, presses, and hears the browser's complaints.

Finds everything as a screen reader does, by role and name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page

DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
PATIENCE = 20_000
"""Milliseconds until something that does not come counts as missing."""
LOUD = ("error", "warning")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a card. Their answers are in the form's order."""

    answers: tuple[str, ...]

    @property
    def card(self) -> str:
        return self.answers[5]

    @property
    def hes_code(self) -> str:
        return self.answers[7]


def person(number: int, identity: str) -> Person:
    """One of several people who share nothing."""
    return Person(
        (
            "Ayşe Nur",
            "Yılmaz",
            identity,
            "1 Şubat 1960",
            f"ayse{number}@example.com",
            f"730123456789{number:04}",
            f"0532 000 00 {number:02}",
            f"A1B2-3456-{number:02}",
        )
    )


@dataclass
class Visitor:
    """One browser tab, the base address it may talk to, and everything it complained of."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)
    touches: bool = False

    @property
    def context(self) -> BrowserContext:
        return self.page.context

    @property
    def field(self) -> Locator:
        """Where the answer is typed."""
        return self.page.get_by_role("textbox", name="Yanıtınız")

    @property
    def log(self) -> Locator:
        """The conversation."""
        return self.page.get_by_role("log")

    @property
    def last(self) -> Locator:
        """What was said last."""
        return self.log.locator(".bot").last

    def button(self, label: str) -> Locator:
        """The newest button of that name which can be pressed."""
        return self.page.get_by_role("button", name=label, exact=True, disabled=False).last

    def press(self, label: str) -> None:
        """Click, or tap where there is no mouse."""
        button = self.button(label)
        button.tap() if self.touches else button.click()

    def say(self, text: str) -> None:
        """Type an answer and send it."""
        self.field.fill(text)
        self.press("Gönder")

    def hear(self, text: str) -> None:
        """Wait until the last thing said holds this."""
        self.log.locator(".bot:last-child", has_text=text).wait_for()

    def accept(self) -> None:
        """Give consent; the first question follows."""
        self.press("Kabul ediyorum")
        self.hear("1/8")

    def answer(self, answers: Sequence[str], first: int = 1) -> None:
        """Answer one question after the other, each when it is asked."""
        for place, text in enumerate(answers, first):
            self.hear(f"{place}/8")
            self.say(text)

    def finish(self) -> None:
        """From the review to the saved page."""
        self.press("Evet, doğru")
        self.hear("Kullanım Koşulları ve Çerçeve Sözleşmesi")
        self.press("Onaylıyorum")
        self.hear("✓ Kaydedildi")

    def return_in_a_new_tab(self) -> None:
        """Close the tab; open the page again in the same browser."""
        context = self.context
        self.page.close()
        self.page = context.new_page()
        self.watch()
        self.page.goto(self.address)

    def watch(self) -> None:
        """Note every complaint of the page and every request that leaves the town."""
        self.page.on("console", self._hear_console)
        self.page.on("pageerror", lambda error: self.complaints.append(error.message))
        self.page.on("request", lambda request: self._look_at(request.url))

    def _hear_console(self, message: ConsoleMessage) -> None:
        if message.type in LOUD:
            self.complaints.append(message.text)

    def _look_at(self, url: str) -> None:
        if not url.startswith(f"{self.address}/"):
            self.complaints.append(f"asked {url}")


def screen(*, phone: bool = False) -> dict[str, Any]:
    """How a browser is set up for a screen of that kind."""
    small = {"viewport": PHONE, "has_touch": True, "is_mobile": True} if phone else {}
    return {"viewport": DESKTOP, "locale": "tr-TR", "reduced_motion": "reduce", **small}


@contextmanager
def visiting(
    browser: Browser, address: str, *, phone: bool = False, **options: Any
) -> Iterator[Visitor]:
    """A visitor with an empty profile before the opened page. A complaint fails at the end."""
    context = browser.new_context(**{**screen(phone=phone), **options})
    context.set_default_timeout(PATIENCE)
    try:
        visitor = Visitor(context.new_page(), address, touches=phone)
        visitor.watch()
        visitor.page.goto(address)
        yield visitor
        assert visitor.complaints == []
    finally:
        context.close()


@contextmanager
def at_a_tab(context: BrowserContext, address: str) -> Iterator[Visitor]:
    """A visitor before a new tab of a browser that others use too, and that has loaded already
    what every page loads. A complaint fails at the end."""
    visitor = Visitor(context.new_page(), address)
    visitor.watch()
    try:
        yield visitor
        assert visitor.complaints == []
    finally:
        for page in context.pages:
            page.close()
