"""The README's picture, taken of the running product: ``PICTURES=docs pytest tests/browser``."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import Come
from tests.browser.visitor import person

pytestmark = pytest.mark.browser
SOMEONE = person(40, "10000000146")
SHEET = """<body style="margin:0;padding:28px;display:flex;gap:28px;width:max-content;
align-items:center;background:#e4ded3">{}</body>"""
PICTURE = '<img style="border-radius:14px;height:{}px" src="data:image/png;base64,{}">'


def test_the_picture(come: Come, browser: Browser, pictures: Path | None, tmp_path: Path) -> None:
    """The review on a desktop and a question on a phone, side by side."""
    desktop = come()
    desktop.accept()
    desktop.answer(SOMEONE.answers)
    desktop.hear("Bilgileriniz doğru mu?")
    phone = come(phone=True, color_scheme="dark")
    phone.accept()
    phone.answer(SOMEONE.answers[:2])
    phone.hear("3/8")
    phone.say("1000000014")
    phone.hear("Bu numarada 10 hane var")
    shots = (desktop.page.screenshot(), phone.page.screenshot())
    page = browser.new_page(viewport={"width": 1400, "height": 656}, device_scale_factor=1.5)
    page.set_content(SHEET.format("".join(map(framed, shots))))
    picture = (pictures or tmp_path) / "citizen-page.png"
    page.locator("body").screenshot(path=picture)
    page.close()
    assert picture.stat().st_size > 50_000


def framed(shot: bytes) -> str:
    return PICTURE.format(600, b64encode(shot).decode())
