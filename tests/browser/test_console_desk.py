"""The duty desk in a real browser: files that are handed in, and somebody who is looked up."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.clerk import Keys, Seat, fits, portrait, show, signed_in, take_on, told
from tests.browser.town import Town, open_town
from tests.browser.visitor import Visitor, person, visiting

pytestmark = pytest.mark.browser

FEEDS, CITIZEN = "/console/yuklemeler", "/console/yolcu"
AYSE = person(51, "10000000146")
REASON = "Kartı turnikeden geçmiyor, kendisi arıyor"
HASTY = """
from bot.console.pages import citizen
citizen.QUIET, citizen.CHECK = 1.0, 0.1
from bot.__main__ import main
main()
"""
"""The product, with a screen that is left alone after a second."""
Sit = Callable[..., Visitor]


@pytest.fixture(scope="module")
def operator(town: Town) -> Keys:
    return take_on(town, "Okan Er", "operator")


@pytest.fixture(scope="module")
def visit(browser: Browser, town: Town, operator: Keys) -> Any:
    """An operator's browser after the sign-in, in a town where Ayşe has paired her card."""
    with visiting(browser, town.address) as visitor:
        visitor.accept()
        visitor.answer(AYSE.answers)
        visitor.hear("Bilgileriniz doğru mu?")
        visitor.finish()
    return signed_in(browser, town, operator)


@pytest.fixture(scope="module")
def seat(browser: Browser, town: Town, visit: Any) -> Iterator[Seat]:
    """Where that operator sits."""
    seat = Seat(browser, town.address, visit)
    yield seat
    seat.leave()


@pytest.fixture
def sit(seat: Seat) -> Iterator[Sit]:
    """Opens a page as that operator; whatever the browser complained of fails the test."""
    with ExitStack() as stack:

        def sit(path: str, *, phone: bool = False) -> Visitor:
            return stack.enter_context(seat.at(path, phone=phone))

        yield sit


def record(number: int, code: str) -> str:
    moment = "2020-12-19T09:00:00+03:00"
    plain = {"id": f"r-{number}", "hes_code": code, "status": "RISKY", "changed_at": moment}
    return json.dumps(plain)


def section(page: Page, name: str) -> Locator:
    """A part of the page by its name."""
    return page.get_by_role("region", name=name, exact=True)


def hand_in(page: Page, name: str, file: Path) -> Locator:
    """Choose a file in that part of the page and wait until it is taken."""
    part = section(page, name)
    part.locator("input[type=file]").set_input_files(file)
    expect(part.get_by_role("heading", name="Son dosya")).to_be_visible()
    return part


def look(page: Page, key: str, reason: str = REASON) -> None:
    page.get_by_label("Kart, TC kimlik ya da telefon").fill(key)
    page.get_by_label("Neden bakıyorsunuz?").fill(reason)
    page.get_by_label("Neden bakıyorsunuz?").press("Enter")


def audit(town: Town) -> list[dict[str, Any]]:
    """What is on record, newest first."""
    found: list[dict[str, Any]] = told(town, "audit", "list", "--json")
    return found


# --- files ----------------------------------------------------------------------------------


def test_a_risk_list_is_handed_in(sit: Sit, town: Town, tmp_path: Path) -> None:
    """Its counts are shown and its bad line by number and reason, never by its words."""
    file = tmp_path / "riskler.jsonl"
    code = AYSE.hes_code.replace("-", "")
    file.write_text("\n".join([record(1, code), '{"gizli": "söz"}', record(2, "B1B2345678")]))
    page = sit(FEEDS).page
    part = hand_in(page, "Bakanlığın risk listesi", file)
    for name, count in (
        ("Satır", 3),
        ("İşlenen", 2),
        ("Durumu değişen kart", 1),
        ("Okunamayan", 1),
    ):
        figure = part.locator(".counts > div").filter(has=page.get_by_text(name, exact=True))
        expect(figure.locator("dd")).to_have_text(str(count))
    bad = part.get_by_role("region", name="Okunamayan satırlar")
    expect(bad.get_by_role("row").nth(1)).to_contain_text("2")
    expect(bad.get_by_role("row").nth(1)).to_contain_text("okunamıyor")
    expect(page.get_by_text("gizli")).to_have_count(0)
    with page.expect_download() as fetched:
        part.get_by_role("link", name="Satırları indir").click()
    assert "gizli" in Path(fetched.value.path()).read_text()
    expect(section(page, "Son yüklemeler").get_by_role("row").nth(1)).to_contain_text("Okan Er")
    card = town.card(AYSE.card)
    assert card is not None
    assert card["status"] == "SUSPENDED"
    acts = [row["act"] for row in audit(town)]
    assert acts[:3] == ["feed.bad_lines", "feed.risks", "feed.risks"]


def test_a_card_list_is_handed_in(sit: Sit, tmp_path: Path) -> None:
    """A file that is no list is told why; a right one is counted, and known again."""
    page = sit(FEEDS).page
    wrong = tmp_path / "fotograf.csv"
    wrong.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00" * 30)
    part = hand_in(page, "Kart sisteminin listesi", wrong)
    expect(part).to_contain_text("Dosya metin değil")
    file = tmp_path / "kartlar.csv"
    file.write_text("kart;kisisel\n" + "".join(f"73010000{n:08};evet\n" for n in range(40)))
    hand_in(page, "Kart sisteminin listesi", file)
    figure = part.locator(".counts > div").filter(has=page.get_by_text("Yeni kart", exact=True))
    expect(figure.locator("dd")).to_have_text("40")
    hand_in(page, "Kart sisteminin listesi", file)
    expect(part).to_contain_text("Bu liste daha önce alınmıştı")


def test_a_long_file_shows_how_much_is_sent(
    sit: Sit, tmp_path: Path, pictures: Path | None
) -> None:
    """And can be given up before it is all there; nothing is taken then."""
    visitor = sit(FEEDS)
    page = visitor.page
    session = visitor.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 200_000}
    session.send("Network.emulateNetworkConditions", slow)
    file = tmp_path / "uzun.csv"
    file.write_bytes(b"7301000000000000\n" * 200_000)
    part = section(page, "Kart sisteminin listesi")
    part.locator("input[type=file]").set_input_files(file)
    expect(part.get_by_role("progressbar", name="Gönderiliyor")).to_be_visible()
    portrait(page, pictures, "console-feeds-sending", full_page=True)
    part.get_by_role("button", name="Vazgeç").click()
    expect(part.get_by_text("Gönderim yarıda kesildi")).to_be_visible()
    expect(part.get_by_text("Dosya seçin")).to_be_visible()


# --- somebody -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "kind"),
    [(AYSE.card, "card"), (AYSE.answers[2], "identity_number"), (AYSE.answers[6], "phone")],
)
def test_somebody_is_found(sit: Sit, town: Town, key: str, kind: str) -> None:
    """By card, identity number or phone; masked, on record, and not in the address."""
    page = sit(CITIZEN).page
    look(page, key)
    expect(page.get_by_role("heading", name="Ay•• Nu• Yı••••")).to_be_visible()
    expect(page.get_by_text("100••••••46")).to_be_visible()
    expect(page.get_by_text("7301 •••• •••• 0051")).to_be_visible()
    assert AYSE.card not in page.content()
    assert page.url == town.address + CITIZEN
    newest = audit(town)[0]
    assert (newest["who"], newest["act"]) == ("Okan Er", "look")
    assert newest["detail"] == {"by": kind, "reason": REASON}
    page.get_by_role("button", name="Sonucu kapat").click()
    expect(page.get_by_text("100••••••46")).to_have_count(0)


def test_what_is_missing_is_said(sit: Sit, town: Town) -> None:
    """A part of a number and a missing reason find nobody; nobody is said kindly."""
    page = sit(CITIZEN).page
    before = len(audit(town))
    look(page, "7301")
    expect(page.get_by_text("16 haneli kart, 11 haneli TC kimlik")).to_be_visible()
    look(page, AYSE.card, "x")
    expect(page.get_by_text("Nedeni 5–500 harfle yazın")).to_be_visible()
    assert len(audit(town)) == before
    look(page, "17291716060")
    expect(page.get_by_text("Bu numarayla kayıtlı kimse yok")).to_be_visible()
    assert len(audit(town)) == before + 1


def test_what_was_found_leaves_a_screen_that_nobody_uses(
    browser: Browser, tmp_path: Path, chromium: str
) -> None:
    """After a while without a sign of life."""
    with open_town(tmp_path, HASTY) as town:
        visit = signed_in(browser, town, take_on(town, "Okan Er", "operator"))
        with visiting(browser, town.address, storage_state=visit) as visitor:
            show(visitor.page, town.address + CITIZEN)
            look(visitor.page, "17291716060")
            expect(visitor.page.get_by_text("Bu numarayla kayıtlı kimse yok")).to_be_visible()
            expect(visitor.page.get_by_text("sonuç kapatıldı")).to_be_visible()
            expect(visitor.page.get_by_text("Bu numarayla kayıtlı kimse yok")).to_have_count(0)


# --- who may, and how it looks --------------------------------------------------------------


def test_an_author_is_at_no_desk(browser: Browser, town: Town) -> None:
    """Neither page is in the menu or opens, and nothing can be sent."""
    visit = signed_in(browser, town, take_on(town, "Zeynep Ak", "author"))
    with visiting(browser, town.address, storage_state=visit) as visitor:
        page = visitor.page
        show(page, f"{town.address}/console/")
        expect(page.get_by_role("link", name="Yüklemeler")).to_have_count(0)
        expect(page.get_by_role("link", name="Yolcu ara")).to_have_count(0)
        for path in (FEEDS, CITIZEN):
            page.goto(town.address + path)
            expect(page.get_by_role("heading", name="Bu sayfa size açık değil")).to_be_visible()
        sent = page.request.put(
            f"{town.address}{FEEDS}/risks", data="x", headers={"X-Hesbot-Upload": "1"}
        )
        assert (sent.status, sent.json()) == (403, {"error": "not_allowed"})
        visitor.complaints.clear()  # the browser's own words about the status 403


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_every_page_of_the_desk_fits_its_screen(
    sit: Sit, tmp_path: Path, pictures: Path | None, phone: bool
) -> None:
    """At both widths, light and dark, with something to show."""
    file = tmp_path / "riskler.jsonl"
    file.write_text("\n".join([record(3, "C1B2345678"), "okunmaz", "[1, 2]"]))
    page = sit(FEEDS, phone=phone).page
    hand_in(page, "Bakanlığın risk listesi", file)
    expect(page).to_have_title("Yüklemeler · İstanbulkart–HES")
    assert fits(page)
    portrait(page, pictures, "console-feeds", full_page=True)
    show(page, page.url.replace(FEEDS, CITIZEN))
    expect(page).to_have_title("Yolcu ara · İstanbulkart–HES")
    portrait(page, pictures, "console-citizen-empty", full_page=True)
    look(page, AYSE.card)
    expect(page.get_by_role("heading", name="Ay•• Nu• Yı••••")).to_be_visible()
    assert fits(page)
    portrait(page, pictures, "console-citizen", full_page=True)
