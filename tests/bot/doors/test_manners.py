"""What a browser is told and asked: headers, cookies, who may post, and where nothing leads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests import homes
from tests.bot.doors.knocking import DOORS, FORM, PUBLIC, SETTINGS, Door, Knocker
from tests.faults.processes import Served, served

PAGE = Door("/", FORM)
FORMS = ("/", "/bildirimler", "/cikis", "/console/giris", "/console/cikis")
"""What a browser posts to."""
READ = (
    "/", "/page/page.css", "/page/page.js", "/console/giris", "/console/stil/door.css",
    "/nowhere", "/console/nowhere", "/page/page.html", "/metrics", "/healthz", "/telegram",
)  # fmt: skip
OUTSIDE = (
    "/page/../web.py", "/page/%2e%2e/web.py", "/page/..%2fweb.py", "/page/..%5cweb.py",
    "/page//etc/passwd", "/page/%00page.css", "/page/page.css%00", "/.hesbot/keys.json",
    "/console/stil/../guard.py", "/console/stil/%2e%2e/guard.py", "//etc/passwd", "/%2e%2e/%2e%2e",
    "/page/" + "a" * 8000, "/keys.json", "/hesbot.sqlite3",
)  # fmt: skip


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Served]:
    """The product, reached by HTTPS through a proxy."""
    async with served(tmp_path / "home", **SETTINGS) as server:
        yield server
    assert "Traceback" not in server.stderr.read_text()


@pytest.fixture
def knocker(house: Served) -> Knocker:
    return Knocker(house.port)


async def test_every_answer_tells_the_browser_its_bounds(knocker: Knocker) -> None:
    """Framed by nobody, guessed at by nobody, over HTTPS only, and nothing personal is kept."""
    heard = {path: await knocker.ask("GET", path) for path in READ}
    heard |= {f"post {path}": await knocker.post(Door(path, FORM), b"text=x") for path in FORMS}
    for where, each in heard.items():
        told = each.headers
        assert told["strict-transport-security"].startswith("max-age="), where
        assert told["x-content-type-options"] == "nosniff", where
        if each.headers.get("content-type", "").startswith("text/html"):
            policy = told["content-security-policy"]
            assert "frame-ancestors 'none'" in policy, where
            assert "unsafe" not in policy, where
            assert "permissions-policy" in told, where
            assert told["referrer-policy"] in ("same-origin", "no-referrer"), where
            assert told["cache-control"] == "no-store", where
        assert "server" not in told, where


async def test_cookies_are_locked_to_us(knocker: Knocker) -> None:
    """No script reads them, no plain line carries them, no other host sets them."""
    heard = await knocker.post(PAGE, b"text=merhaba")
    (cookie,) = heard.cookies
    assert cookie.startswith("__Host-hesbot=")
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "secure", "samesite=lax", "path=/"} <= attributes
    assert not any(each.startswith("domain") for each in attributes)


@pytest.mark.parametrize(
    "told",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": PUBLIC},
        {"Origin": "https://elsewhere.example"},
        {"Origin": f"{PUBLIC}.elsewhere.example"},
        {"Origin": "https://hes.example.org:444"},
        {"Origin": "null"},
        {"Origin": "http://["},
    ],
    ids=str,
)
async def test_another_site_posts_nothing(
    house: Served, knocker: Knocker, told: dict[str, str]
) -> None:
    """Whatever cookie comes along."""
    visitor = (await knocker.post(PAGE, b"text=merhaba")).cookies[0].partition(";")[0]
    before = homes.rows(house.home)
    for path in FORMS:
        heard = await knocker.post(Door(path, FORM), b"text=evet", Cookie=visitor, **told)
        assert (heard.status, heard.cookies) == (403, ()), path
    assert homes.rows(house.home) == before


@pytest.mark.parametrize(
    "told", [{}, {"Origin": PUBLIC}, {"Sec-Fetch-Site": "same-origin", "Origin": "null"}], ids=str
)
async def test_our_own_page_posts(knocker: Knocker, told: dict[str, str]) -> None:
    """In a new browser, in an old one, and without any."""
    assert (await knocker.post(PAGE, b"text=merhaba", **told)).status == 200


async def test_a_planted_cookie_is_not_taken_for_a_session(knocker: Knocker) -> None:
    """A visit of the staff begins with a token of ours; what was there opens nothing."""
    planted = "a" * 64
    heard = await knocker.ask(
        "GET", "/console/", {"Cookie": f"__Secure-hesbot_staff={planted}", "Accept": "text/html"}
    )
    assert (heard.status, heard.headers["location"].partition("?")[0]) == (303, "/console/giris")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
async def test_other_methods_are_refused(house: Served, knocker: Knocker, method: str) -> None:
    """Everywhere, and nothing is written."""
    before = homes.rows(house.home)
    for door in DOORS:
        heard = await knocker.ask(method, door.path, door.headers(b"x"), b"x")
        assert 400 <= heard.status < 500, door.path
        assert "access-control-allow-origin" not in heard.headers
    assert homes.rows(house.home) == before


async def test_no_path_leads_out(knocker: Knocker) -> None:
    """Neither in letters nor in signs for them."""
    found = {path: await knocker.ask("GET", path) for path in OUTSIDE}
    assert [path for path, each in found.items() if each.status not in (400, 404)] == []


@pytest.mark.parametrize("host", ["elsewhere.example", "", "a b", "hes.example.org@x", "[::1"])
async def test_what_host_was_asked_for_leads_nobody_away(knocker: Knocker, host: str) -> None:
    """It stands in no answer and no redirection."""
    told = {"Accept": "text/html", "X-Forwarded-Host": "elsewhere.example"}
    for path in (
        "/",
        "/console",
        "/console/",
        "/healthz/",
        "/page",
        "/nowhere/",
        "/console/giris/",
    ):
        heard = await knocker.ask("GET", path, told, host=host)
        assert heard.status < 500, path
        location = heard.headers.get("location", "/")
        assert location.startswith("/"), path
        assert not location.startswith("//"), path
        assert b"elsewhere" not in heard.body
