"""A real browser before the real product: Debian's chromium and a ``hesbot run`` of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.town import Town, open_town
from tests.browser.visitor import PATIENCE, Visitor, visiting
from tests.programs import needed

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
Come = Callable[..., Visitor]
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Debian's chromium is. Without it these tests are skipped, but not in CI."""
    return needed("chromium")


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One browser for the tests of a module; each visitor has a profile of their own in it.

    It is closed with the module, for its event loop may not run beside that of other tests.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def town(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The product at work, on records of its own."""
    with open_town(tmp_path_factory.mktemp("home")) as town:
        yield town


@pytest.fixture
def come(browser: Browser, town: Town) -> Iterator[Come]:
    """Lets a visitor open the page; whatever their browser complained of fails the test."""
    with ExitStack() as stack:

        def come(**options: Any) -> Visitor:
            return stack.enter_context(visiting(browser, town.address, **options))

        yield come


@pytest.fixture
def pictures() -> Path | None:
    """The folder that the environment variable PICTURES names; without one none are taken."""
    return Path(os.environ["PICTURES"]) if "PICTURES" in os.environ else None
