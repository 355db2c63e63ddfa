"""The console in a real browser: how it looks, by keyboard, and when a session ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.clerk import (
    Keys,
    Seat,
    fits,
    portrait,
    show,
    sign_in,
    signed_in,
    take_on,
)
from tests.browser.town import Town
from tests.browser.visitor import Visitor, visiting

pytestmark = pytest.mark.browser

PAGES = {"overview": "/console/", "audit": "/console/denetim", "account": "/console/hesabim"}
TITLES = {"overview": "Genel bakış", "audit": "Denetim", "account": "Hesabım"}
Sit = Callable[..., Visitor]


@pytest.fixture(scope="module")
def visit(browser: Browser, town: Town) -> Any:
    """An auditor's browser after the sign-in."""
    return signed_in(browser, town, take_on(town, "Derya Su", "auditor"))


@pytest.fixture(scope="module")
def seat(browser: Browser, town: Town, visit: Any) -> Iterator[Seat]:
    """Where that auditor sits."""
    seat = Seat(browser, town.address, visit)
    yield seat
    seat.leave()


@pytest.fixture
def sit(seat: Seat) -> Iterator[Sit]:
    """Opens the console as that auditor; whatever the browser complained of fails the test."""
    with ExitStack() as stack:

        def sit(path: str = "/console/", *, phone: bool = False) -> Visitor:
            return stack.enter_context(seat.at(path, phone=phone))

        yield sit


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
@pytest.mark.parametrize("name", PAGES)
def test_every_page_fits_its_screen(
    sit: Sit, pictures: Path | None, name: str, phone: bool
) -> None:
    """At both widths, light and dark, without a complaint or a call to anywhere else."""
    page = sit(PAGES[name], phone=phone).page
    expect(page).to_have_title(f"{TITLES[name]} · İstanbulkart–HES")
    assert fits(page)
    portrait(page, pictures, f"console-{name}", full_page=True)


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_the_sign_in_page_fits_its_screen(
    browser: Browser, town: Town, pictures: Path | None, phone: bool
) -> None:
    """At both widths, light and dark; a refusal is read out."""
    with visiting(browser, town.address, phone=phone) as visitor:
        page = visitor.page
        page.goto(f"{town.address}/console/denetim")
        expect(page).to_have_url(f"{town.address}/console/giris?sonra=%2Fconsole%2Fdenetim")
        page.get_by_label("Adınız").fill("Kimse")
        page.get_by_label("Parola").fill("parola")
        page.get_by_label("Tek kullanımlık kod").fill("123456")
        page.get_by_label("Tek kullanımlık kod").press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("birbiriyle eşleşmedi")
        visitor.complaints.clear()  # the browser's own words about the status 403
        assert fits(page)
        portrait(page, pictures, "console-door")


def test_the_menu_comes_over_a_narrow_page(sit: Sit, pictures: Path | None) -> None:
    """It opens by its button and goes by the Escape key or a link."""
    page = sit(phone=True).page
    account = page.get_by_role("link", name="Hesabım")
    expect(account).not_to_be_in_viewport()
    page.get_by_role("button", name="Menü").click()
    expect(account).to_be_in_viewport()
    portrait(page, pictures, "console-menu")
    account.press("Escape")
    expect(account).not_to_be_in_viewport()
    page.get_by_role("button", name="Menü").click()
    account.click()
    expect(page).to_have_title("Hesabım · İstanbulkart–HES")


def test_the_keyboard_is_enough(sit: Sit) -> None:
    """From the top to the content, and along the menu; where one is can be seen."""
    page = sit().page
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="İçeriğe geç")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    for name in ("İstanbulkart–HES", "Genel bakış", "Duyurular", "Denetim"):
        page.keyboard.press("Tab")
        link = page.get_by_role("link", name=name)
        expect(link).to_be_focused()
        expect(link).to_have_css("outline-style", "solid")
    page.keyboard.press("Enter")
    expect(page).to_have_title("Denetim · İstanbulkart–HES")
    expect(page.get_by_role("link", name="Denetim")).to_have_attribute("aria-current", "page")


def test_language_and_light_are_remembered(browser: Browser, town: Town, visit: Any) -> None:
    """Each is one press in the menu, and holds on the next page."""
    light = {"color_scheme": "light", "storage_state": visit}
    with visiting(browser, town.address, **light) as visitor:
        page = visitor.page
        show(page, f"{town.address}/console/hesabim")
        page.get_by_role("link", name="English").click()
        expect(page.get_by_role("heading", name="My account")).to_be_visible()
        expect(page.locator("html")).to_have_attribute("lang", "en-GB")
        page.get_by_role("link", name="Dark").click()
        expect(page.locator("html")).to_have_css("color-scheme", "dark")
        page.get_by_role("link", name="Overview").click()
        expect(page.get_by_role("heading", name="Registrations per hour")).to_be_visible()
        expect(page.locator("body")).to_have_css("background-color", "rgb(16, 24, 28)")


def test_the_chain_is_verified(sit: Sit) -> None:
    """By one press; a head that cannot be read is said to be none."""
    page = sit("/console/denetim").page
    page.get_by_label("Saklanan özet").fill("abc")
    page.get_by_role("button", name="Zinciri doğrula").click()
    expect(page.get_by_role("alert")).to_contain_text("Özet")
    page.get_by_label("Saklanan özet").fill("")
    page.get_by_role("button", name="Zinciri doğrula").click()
    expect(page.get_by_role("status").filter(has_text="Zincir sağlam")).to_be_visible()


def test_the_audit_is_filtered(sit: Sit) -> None:
    """By who it was."""
    page = sit("/console/denetim").page
    expect(page.get_by_role("cell", name="Görevli ekledi").first).to_be_visible()
    page.get_by_label("Kim").click()
    page.get_by_role("option", name="Derya Su").click()
    expect(page.get_by_role("cell", name="Giriş yaptı").first).to_be_visible()
    expect(page.get_by_role("cell", name="Görevli ekledi")).to_have_count(0)


def test_an_open_page_notices_that_its_session_has_ended(browser: Browser, town: Town) -> None:
    """Signed out in one tab, the other goes to the sign-in page when somebody looks at it."""
    keys: Keys = take_on(town, "Zeynep Ak", "author")
    with visiting(browser, town.address) as visitor:
        first = visitor.page
        sign_in(first, keys, town.address)
        first.wait_for_function("window.did_handshake === true")
        expect(first.get_by_role("link", name="Denetim")).to_have_count(0)
        second = visitor.context.new_page()
        show(second, f"{town.address}/console/hesabim")
        second.get_by_role("button", name="Çıkış yap").click()
        second.get_by_label("Parola").wait_for()
        first.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        first.get_by_label("Parola").wait_for()
        first.go_back()
        first.get_by_label("Parola").wait_for()
