"""Who comes past the guard of the console, and what everybody is told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.console.visits import Badge, way_back
from bot.staff.doors import IDLE
from tests.bot.console.conftest import Town, opened
from tests.bot.staff.conftest import NAME, House

STRANGE = "f" * 64


async def test_a_page_is_shown_to_whom_it_belongs(town: Town) -> None:
    """The page knows who is signed in."""
    answer = await town.ask(token=await town.enter())
    assert (answer.status, answer.text) == (200, NAME)


@pytest.mark.parametrize("token", ["", STRANGE, "short", "../../etc"])
async def test_a_stranger_is_led_to_the_sign_in_page(town: Town, token: str) -> None:
    """And would come back from there to the page they wanted."""
    answer = await town.ask("/console/denetim?kim=a", token=token)
    assert answer.status == 303
    assert answer.headers["Location"] == "/console/giris?sonra=%2Fconsole%2Fdenetim%3Fkim%3Da"
    assert town.loaded == []


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_is_no_page_is_refused(town: Town, method: str) -> None:
    """A script or a form of somebody who is not signed in hears 401."""
    answer = await town.ask("/console/x", method, headers={"Accept": "*/*"})
    assert answer.status == 401
    assert town.loaded == []


async def test_nothing_heavy_is_loaded_before_somebody_is_signed_in(town: Town) -> None:
    """Neither the sign-in page nor a stranger costs anything; later pages load nothing again."""
    await town.ask("/console/giris")
    await town.ask("/console/stil/door.css")
    assert town.loaded == []
    token = await town.enter()
    assert town.loaded == []
    await town.ask(token=token)
    await town.ask(token=token)
    assert town.loaded == ["room", "opened"]


async def test_what_was_opened_is_closed(house: House) -> None:
    """The pages' own life ends with the server."""
    async with opened(house) as town:
        await town.ask(token=await town.enter())
    assert town.loaded == ["room", "opened", "closed"]


async def test_a_session_that_ended_opens_nothing(town: Town) -> None:
    """After a sign-out elsewhere, and after half an hour of doing nothing."""
    token = await town.enter()
    await town.house.doors.leave(token)
    assert (await town.ask(token=token)).status == 303
    town.house.clock.now += timedelta(minutes=5)
    token = await town.enter()
    town.house.clock.now += IDLE
    assert (await town.ask(token=token)).status == 303


async def test_an_open_page_keeps_no_session_alive(town: Town) -> None:
    """Only what somebody does counts as a sign of life."""
    token = await town.enter()
    town.house.clock.now += IDLE / 2
    assert await town.house.doors.who(token, seen=False) is not None
    town.house.clock.now += IDLE / 2
    assert await town.house.doors.who(token, seen=False) is None


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://hes.example"}, 200),
        ({}, 200),
    ],
)
async def test_another_site_changes_nothing(
    town: Town, headers: dict[str, str], status: int
) -> None:
    """A form sent from elsewhere is refused, whatever cookie comes with it."""
    answer = await town.ask(method="POST", token=await town.enter(), headers=headers)
    assert answer.status == status


async def test_every_answer_has_its_headers(town: Town) -> None:
    """Nothing may be framed, kept or sniffed, and nothing is loaded from elsewhere."""
    token = await town.enter()
    asked = [await town.ask(path, token=token) for path in ("/console/", "/console/giris")]
    for answer in (*asked, await town.ask("/console/x", headers={"Accept": "*/*"})):
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "base-uri 'none'" in policy
        assert "form-action 'self'" in policy
        assert "http" not in policy
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"


async def test_a_header_that_would_be_written_into_a_page_is_dropped(town: Town) -> None:
    """NiceGUI would take it for the beginning of every address."""
    headers = {"X-Forwarded-Prefix": "//elsewhere.example"}
    assert (await town.ask(token=await town.enter(), headers=headers)).text == NAME


@pytest.mark.parametrize(
    ("origin", "host", "ours"),
    [
        ("https://hes.example", "anything", True),
        ("http://127.0.0.1:8080", "127.0.0.1:8080", True),
        ("http://127.0.0.1:8081", "127.0.0.1:8080", False),
        ("https://evil.example", "hes.example", False),
        ("https://hes.example.evil.example", "hes.example", False),
        ("", "", False),
        ("null", "null", False),
        ("http://[", "hes.example", False),
    ],
)
def test_an_origin_is_ours_by_address_or_host(origin: str, host: str, ours: bool) -> None:
    """No other site can choose the host that is asked."""
    from starlette.datastructures import Headers

    assert Badge("https://hes.example").is_ours(origin, Headers({"host": host})) is ours


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ("/console/denetim?kim=a", "/console/denetim?kim=a"),
        ("/console/", "/console/"),
        ("", "/console/"),
        ("/", "/console/"),
        ("//evil.example", "/console/"),
        ("/console//evil.example", "/console/"),
        ("https://evil.example/console/", "/console/"),
        ("/console/\\evil.example", "/console/"),
        ("/console/a\r\nSet-Cookie: x=y", "/console/"),
        ("/consolevil/", "/console/"),
        ("/console/../cikis", "/console/"),
    ],
)
def test_the_way_back_stays_in_the_console(wanted: str, given: str) -> None:
    """Nobody is led elsewhere by a link to the sign-in page."""
    assert way_back(wanted) == given
