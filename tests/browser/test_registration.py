"""A card is paired in a browser, by every way there is to use one."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Come
from tests.browser.town import Town
from tests.browser.visitor import Person, Visitor, person

pytestmark = pytest.mark.browser


def is_on_file(town: Town, someone: Person) -> None:
    """The record says what was typed."""
    card = town.card(someone.card)
    assert card is not None
    assert (card["status"], card["number"][-4:]) == ("ACTIVE", someone.card[-4:])
    assert card["link"]["hes_code"][-2:] == someone.hes_code[-2:]
    assert card["holder"]["identity_number"].endswith(someone.answers[2][-2:])


def test_by_mouse(come: Come, town: Town) -> None:
    """Eight answers, the review, the terms: the card is on file."""
    someone = person(1, "10000000146")
    visitor = come()
    visitor.accept()
    visitor.answer(someone.answers)
    for line in ("Ad: Ayşe Nur", "TC kimlik numarası: 100••••••46", "Kart numarası: 7301 ••••"):
        visitor.hear(line)
    visitor.finish()
    is_on_file(town, someone)


def test_by_touch(come: Come, town: Town) -> None:
    """On a phone, with the keyboard that fits each question."""
    someone = person(2, "17291716060")
    visitor = come(phone=True)
    visitor.accept()
    for place, (text, mode) in enumerate(zip(someone.answers, KEYBOARDS, strict=True), 1):
        visitor.hear(f"{place}/8")
        expect(visitor.field).to_have_attribute("inputmode", mode)
        visitor.say(text)
    visitor.finish()
    is_on_file(town, someone)


KEYBOARDS = ("text", "text", "numeric", "text", "email", "numeric", "tel", "text")


def test_by_keyboard_alone(come: Come, town: Town) -> None:
    """Tab and Enter reach everything, and the caret waits where the next answer goes."""
    someone = person(3, "64211142102")
    visitor = come()
    reach(visitor, "Kabul ediyorum", "Tab")
    for place, text in enumerate(someone.answers, 1):
        visitor.hear(f"{place}/8")
        expect(visitor.field).to_be_focused()
        visitor.page.keyboard.type(text)
        visitor.page.keyboard.press("Enter")
    visitor.hear("Bilgileriniz doğru mu?")
    reach(visitor, "Evet, doğru", "Shift+Tab")
    visitor.hear("Çerçeve Sözleşmesi")
    reach(visitor, "Onaylıyorum", "Shift+Tab")
    visitor.hear("✓ Kaydedildi")
    is_on_file(town, someone)


def reach(visitor: Visitor, label: str, key: str) -> None:
    """Go there key by key, and press."""
    for _ in range(20):
        visitor.page.keyboard.press(key)
        if visitor.page.evaluate("document.activeElement.textContent.trim()") == label:
            break
    expect(visitor.button(label)).to_be_focused()
    visitor.page.keyboard.press("Enter")


def test_without_javascript(come: Come, town: Town) -> None:
    """The same conversation as whole pages; what one said stands above the answer."""
    someone = person(4, "99000000110")
    visitor = come(java_script_enabled=False)
    visitor.accept()
    visitor.answer(someone.answers[:2])
    expect(visitor.log.locator(".you")).to_have_text("Siz: Yılmaz")
    visitor.answer(someone.answers[2:], first=3)
    visitor.finish()
    is_on_file(town, someone)


def test_enter_answers_without_javascript(come: Come) -> None:
    """Enter sends what was typed, although buttons stand before the field."""
    visitor = come(java_script_enabled=False)
    visitor.field.fill("evet")
    visitor.field.press("Enter")
    visitor.hear("1/8")
