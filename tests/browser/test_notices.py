"""A notice comes to an open page by itself: once, whatever becomes of the page meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.bot.channels.posting import REMINDER, Post, post_office
from tests.browser.visitor import Visitor, visiting

pytestmark = pytest.mark.browser
PATH = "/bildirimler"
HURRIED = """
const slow = setTimeout, quick = {10000: 300, 30000: 600};
window.setTimeout = (what, pause) => slow(what, quick[pause] ?? pause);
"""
"""Ten seconds from one look to the next would be long for a test, and thirty after a failure."""


@dataclass
class Office:
    """A page with a mailbox, at work in a thread of its own."""

    loop: asyncio.AbstractEventLoop
    post: Post

    @property
    def address(self) -> str:
        return self.post.base

    def write(self, visitor: Visitor) -> None:
        """Put a notice into the ledger for somebody at the page."""
        (cookie,) = visitor.context.cookies()
        work = self.post.write(cookie["value"])
        asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    def states(self) -> dict[str, int]:
        return asyncio.run_coroutine_threadsafe(self.post.states(), self.loop).result(10)


@contextmanager
def open_office(home: Path) -> Iterator[Office]:
    """The browser's own event loop must not be shared, hence the thread."""
    ready = threading.Event()
    rooms: list[Office] = []
    closing = asyncio.Event()

    async def work() -> None:
        async with post_office(home) as post:
            rooms.append(Office(asyncio.get_running_loop(), post))
            ready.set()
            await closing.wait()

    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    try:
        assert ready.wait(30)
        yield rooms[0]
    finally:
        with suppress(IndexError):
            rooms[0].loop.call_soon_threadsafe(closing.set)
        thread.join(30)


@pytest.fixture(scope="module")
def office(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """The product's page, on records of its own."""
    with open_office(tmp_path_factory.mktemp("home")) as office:
        yield office


@pytest.fixture
def visitor(browser: Browser, office: Office) -> Iterator[Visitor]:
    """Somebody who has consented, at a page that looks more often than usual."""
    with visiting(browser, office.address) as visitor:
        visitor.context.add_init_script(HURRIED)
        visitor.page.reload()
        visitor.accept()
        yield visitor


def notices(visitor: Visitor) -> list[str]:
    return [each.inner_text() for each in visitor.log.locator(".notice").all()]


def test_a_notice_comes_by_itself(office: Office, visitor: Visitor) -> None:
    """Into the live region, beside the open question, without taking the caret away."""
    visitor.field.press_sequentially("Ay")
    office.write(visitor)
    bubble = visitor.log.locator(".notice")
    expect(bubble).to_contain_text(REMINDER)
    expect(bubble).to_contain_text("İstanbulkart:")
    expect(bubble).to_be_in_viewport()
    expect(visitor.field).to_be_focused()
    visitor.field.press_sequentially("şe\n")
    visitor.hear("2/8")
    assert len(notices(visitor)) == 1


def test_a_notice_comes_once(office: Office, visitor: Visitor) -> None:
    """Neither after a reload nor in a second tab, for it has been confirmed."""
    before = office.states().get("delivered", 0)
    office.write(visitor)
    expect(visitor.log.locator(".notice")).to_be_visible()
    visitor.page.wait_for_timeout(700)
    assert office.states() == {"delivered": before + 1}
    assert len(notices(visitor)) == 1
    with visitor.page.expect_response(f"**{PATH}"):
        visitor.page.reload()
    visitor.hear("1/8")
    assert notices(visitor) == []
    second = visitor.context.new_page()
    with second.expect_response(f"**{PATH}"):
        second.goto(office.address)
    expect(second.locator(".notice")).to_have_count(0)


def test_two_tabs_share_one_notice(office: Office, visitor: Visitor) -> None:
    """It stands in one of them."""
    second = visitor.context.new_page()
    second.goto(office.address)
    office.write(visitor)
    both = visitor.log.locator(".notice"), second.locator(".notice")
    for _ in range(100):
        if sum(each.count() for each in both) == 1:
            break
        visitor.page.wait_for_timeout(50)
    visitor.page.wait_for_timeout(700)
    assert sum(each.count() for each in both) == 1


def test_a_page_that_is_opened_has_it_at_once(office: Office, visitor: Visitor) -> None:
    """Who was away finds what came meanwhile."""
    address = visitor.page.url
    visitor.page.goto("about:blank")
    office.write(visitor)
    visitor.page.goto(address)
    expect(visitor.log.locator(".notice")).to_contain_text(REMINDER)


def test_a_lost_answer_costs_nothing(office: Office, visitor: Visitor) -> None:
    """A notice that was drawn is not drawn again when nobody heard that it was."""
    lost: list[str] = []

    def lose(route: Route) -> None:
        told = route.request.post_data or ""
        if told != '{"confirm":[]}' and not lost:
            lost.append(told)
            route.fulfill(status=503)
        else:
            route.continue_()

    visitor.page.route(f"**{PATH}", lose)
    office.write(visitor)
    expect(visitor.log.locator(".notice")).to_be_visible()
    with visitor.page.expect_request(lambda sent: bool(lost) and sent.post_data == lost[0]):
        """It is told again, after a longer pause."""
    visitor.page.wait_for_timeout(500)
    assert len(notices(visitor)) == 1
    assert visitor.complaints.pop().endswith("503 (Service Unavailable)")


def test_a_server_in_trouble_is_left_alone(office: Office, visitor: Visitor) -> None:
    """From look to look the pause grows."""
    looks: list[str] = []

    def refuse(route: Route) -> None:
        looks.append(route.request.url)
        route.fulfill(status=503, headers={"Retry-After": "5"})

    visitor.page.route(f"**{PATH}", refuse)
    visitor.page.wait_for_timeout(2500)
    visitor.page.evaluate("dispatchEvent(new Event('focus'))")
    visitor.page.wait_for_timeout(300)
    assert len(looks) == 2
    visitor.complaints.clear()


def test_a_stranger_is_not_looked_after(browser: Browser, office: Office) -> None:
    """No request before there is a cookie."""
    with visiting(browser, office.address) as visitor:
        asked: list[str] = []
        visitor.page.on("request", lambda request: asked.append(request.url))
        visitor.context.add_init_script(HURRIED)
        visitor.page.reload()
        visitor.page.wait_for_timeout(700)
        assert [url for url in asked if url.endswith(PATH)] == []
        visitor.accept()
        visitor.page.wait_for_timeout(100)
        assert [url for url in asked if url.endswith(PATH)] != []


def test_without_javascript_the_next_page_has_it(browser: Browser, office: Office) -> None:
    """At its top, and on no page after that."""
    with visiting(browser, office.address, java_script_enabled=False) as visitor:
        visitor.accept()
        office.write(visitor)
        visitor.say("Ayşe")
        visitor.hear("2/8")
        expect(visitor.log.locator(".bubble").first).to_contain_text(REMINDER)
        visitor.say("Yılmaz")
        visitor.hear("3/8")
        expect(visitor.log.locator(".notice")).to_have_count(0)
