"""What the page is to those who see it small, large, dark, or not at all."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Come
from tests.browser.town import Town
from tests.browser.visitor import Visitor, person, visiting

pytestmark = pytest.mark.browser
SOMEONE = person(30, "17291716060")
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
BUBBLES = """log => [...log.children].map(bubble => bubble.outerHTML
    .replace(/ (name="message" )?value="[\\w-]{40,}"/g, "")
    .replace(/ disabled=""| past/g, "").replace(/>\\s+/g, ">").replace(/\\s+</g, "<")
    .replace(/class="button "/g, 'class="button"'))"""
CONTRAST = """nodes => nodes.map(node => {
  const parts = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = colour => parts(colour).slice(0, 3).map(part => part / 255)
    .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
  let ground = node;
  while (ground && parts(getComputedStyle(ground).backgroundColor)[3] === 0)
    ground = ground.parentElement;
  const pair = [getComputedStyle(node).color, getComputedStyle(ground ?? document.body)
    .backgroundColor].map(light).sort((one, two) => two - one);
  return [node.textContent, (pair[0] + 0.05) / (pair[1] + 0.05)];
})"""


def to_the_review(visitor: Visitor) -> None:
    """Everything but the last word."""
    visitor.accept()
    visitor.answer(SOMEONE.answers)
    visitor.hear("Bilgileriniz doğru mu?")


@pytest.fixture(scope="module")
def reviewing(browser: Browser, town: Town) -> dict[str, Any]:
    """The cookies of somebody who left at the review, and may come back on any screen."""
    with visiting(browser, town.address) as visitor:
        to_the_review(visitor)
        return dict(visitor.context.storage_state())


def test_a_screen_reader_finds_its_way(come: Come) -> None:
    """Landmarks, a live conversation, a named field and named buttons."""
    visitor = come()
    visitor.accept()
    visitor.say("Ayşe Nur")
    visitor.hear("2/8")
    expect(visitor.page.get_by_role("banner")).to_contain_text("HES")
    expect(visitor.page.get_by_role("contentinfo")).to_contain_text("Alo 153")
    expect(visitor.page.get_by_role("heading", level=1)).to_have_count(1)
    expect(visitor.page.get_by_role("main").get_by_role("log", name="Görüşme")).to_be_visible()
    expect(visitor.log).to_have_attribute("aria-live", "polite")
    expect(visitor.log.locator(".you").last).to_have_text("Siz: Ayşe Nur")
    expect(visitor.last).to_contain_text("İstanbulkart:")
    expect(visitor.field).to_be_editable()
    assert nameless(visitor.page) == []


def nameless(page: Page) -> list[str]:
    """Lines of the accessibility tree that can be used but have no name."""
    tree = page.locator("body").aria_snapshot()
    return re.findall(r"^\s*- (?:button|textbox|link)(?:\s*\[[^]]*\])*:?\s*$", tree, re.MULTILINE)


def test_the_skip_link_leads_to_the_answer(come: Come) -> None:
    """The first stop of the keyboard jumps over the conversation."""
    visitor = come()
    visitor.page.keyboard.press("Tab")
    expect(visitor.page.get_by_role("link", name="Yanıt alanına geç")).to_be_in_viewport()
    visitor.page.keyboard.press("Enter")
    visitor.page.keyboard.type("evet")
    visitor.page.keyboard.press("Enter")
    visitor.hear("1/8")


def test_nothing_lies_beyond_the_edge(come: Come, reviewing: dict[str, Any]) -> None:
    """No sideways scroll from 320 px on."""
    visitor = come(storage_state=reviewing)
    visitor.say("yardım")
    visitor.hear("Bilgileriniz doğru mu?")
    for width, height in ((320, 640), (390, 844), (768, 1024), (1280, 800), (1920, 1080)):
        visitor.page.set_viewport_size({"width": width, "height": height})
        assert visitor.page.evaluate(SIDEWAYS) == 0, width


@pytest.mark.parametrize("phone", [True, False], ids=["phone", "desktop"])
def test_the_question_is_in_view(come: Come, phone: bool) -> None:
    """Whoever has answered sees the next question, all its buttons and the field."""
    visitor = come(phone=phone)
    expect(visitor.button("Kabul ediyorum")).to_be_in_viewport(ratio=1)
    to_the_review(visitor)
    for label in ("Evet, doğru", "Düzelteceğim", "İptal"):
        expect(visitor.button(label)).to_be_in_viewport(ratio=1)
    expect(visitor.last.get_by_text("Ad:", exact=True)).to_be_in_viewport(ratio=1)
    expect(visitor.field).to_be_in_viewport(ratio=1)


def test_fingers_find_the_buttons(come: Come, reviewing: dict[str, Any]) -> None:
    """Everything that can be pressed is at least 44 px high and wide (WCAG 2.5.5)."""
    visitor = come(phone=True, storage_state=reviewing)
    visitor.hear("Bilgileriniz doğru mu?")
    for button in visitor.page.get_by_role("button", disabled=False).all():
        box = button.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out(come: Come, reviewing: dict[str, Any], scheme: str) -> None:
    """By day and by night every text has the contrast of WCAG's level AA."""
    visitor = come(phone=True, color_scheme=scheme, storage_state=reviewing)
    visitor.say("durum")
    visitor.hear("Bilgileriniz doğru mu?")
    words = visitor.page.locator(".line, .key, .value, .button:enabled, label, .tagline, h1")
    found = words.evaluate_all(CONTRAST)
    assert len(found) > 30
    assert [text for text, ratio in found if ratio < 4.5] == []


def test_day_and_night_differ(come: Come) -> None:
    """The page follows the person's own setting."""
    grounds = {
        come(color_scheme=scheme).page.evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    }
    assert len(grounds) == 2


def test_the_server_and_the_script_draw_alike(come: Come) -> None:
    """Bubble for bubble the page is the same with JavaScript and without."""
    scripted, plain = come(), come(java_script_enabled=False)
    for text in ("evet", *SOMEONE.answers, "evet", "yardım"):
        plain.say(text)
        plain.log.locator(".you", has_text=text).wait_for()
        scripted.say(text)
        scripted.hear(plain.last.locator(".line").last.inner_text())
        shown = plain.log.evaluate(BUBBLES)
        assert scripted.log.evaluate(BUBBLES)[-len(shown) :] == shown
