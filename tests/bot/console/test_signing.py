"""The way in and out of the console, over real HTTP."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from bot.staff.brake import NAMES
from tests.bot.console.conftest import Town, opened
from tests.bot.staff.conftest import NAME, House

_STEP = timedelta(seconds=30)
"""A code opens once; the next comes half a minute later."""


async def test_who_shows_all_three_comes_in(town: Town) -> None:
    """The cookie cannot be read by a script and never comes along from another site."""
    answer = await town.knock(sonra="/console/denetim")
    assert (answer.status, answer.headers["Location"]) == (303, "/console/denetim")
    (cookie,) = answer.cookies
    assert re.fullmatch(
        r"hesbot_staff=[0-9a-f]{64}; HttpOnly; Path=/console; SameSite=strict", cookie
    )
    assert (await town.ask(token=answer.token)).text == NAME


async def test_over_https_the_cookie_stays_there(house: House) -> None:
    """It is called so that no plain page of the same host can set it."""
    async with opened(house, "https://hes.example") as town:
        (cookie,) = (await town.knock()).cookies
    assert cookie.startswith("__Secure-hesbot_staff=")
    assert "; Secure" in cookie


@pytest.mark.parametrize(
    "wrong", [{"ad": "Kimse"}, {"parola": "başka"}, {"kod": "000000"}, {"kod": ""}]
)
async def test_it_is_not_said_what_was_wrong(town: Town, wrong: dict[str, str]) -> None:
    """Name, password and code are refused with the same sentence and without a cookie."""
    answer = await town.knock(**wrong)
    assert answer.status == 403
    assert "Ad, parola ve kod birbiriyle eşleşmedi" in answer.text
    assert answer.cookies == ()
    assert "başka" not in answer.text


async def test_who_failed_too_often_is_told_until_when(town: Town) -> None:
    """The sign-in page names the time; the right answers do not help before it."""
    for _ in range(NAMES.failures - 1):
        await town.knock(parola="başka")
    answer = await town.knock(parola="başka")
    assert answer.status == 429
    assert "1 Ara 2020 12:15" in answer.text
    assert (await town.knock()).status == 429


async def test_every_sign_in_has_a_token_of_its_own(town: Town) -> None:
    """What a browser held before, planted or not, is neither kept nor good any longer."""
    planted = "a" * 64
    first = (await town.knock(token=planted)).token
    assert first != planted
    assert (await town.ask(token=planted)).status == 303
    town.house.clock.now += _STEP
    second = (await town.knock(token=first)).token
    assert second != first
    assert (await town.ask(token=first)).status == 303
    assert (await town.ask(token=second)).status == 200


async def test_who_leaves_is_out_everywhere(town: Town) -> None:
    """The cookie goes, and its token opens nothing more."""
    token = await town.enter()
    answer = await town.ask("/console/cikis", "POST", token)
    assert (answer.status, answer.headers["Location"]) == (303, "/console/giris")
    assert 'hesbot_staff=""' in answer.cookies[0]
    assert "Path=/console" in answer.cookies[0]
    assert (await town.ask(token=token)).status == 303


async def test_another_site_signs_nobody_in_or_out(town: Town) -> None:
    """A form sent from elsewhere is refused before anything is looked at."""
    assert (await town.knock(site="cross-site")).status == 403
    token = await town.enter()
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert (await town.ask("/console/cikis", "POST", token, headers=headers)).status == 403
    assert (await town.ask(token=token)).status == 200


async def test_a_form_has_bounds(town: Town) -> None:
    """Neither a large body nor a thousand fields are read."""
    assert (await town.ask("/console/giris", "POST", data=b"a" * 300_000)).status == 413
    many = "&".join(f"a{number}=1" for number in range(1000))
    assert (await town.ask("/console/giris", "POST", data=many)).status == 413


async def test_the_page_speaks_both_languages(town: Town) -> None:
    """By its link, which is remembered."""
    answer = await town.ask("/console/giris?dil=en")
    assert '<html lang="en"' in answer.text
    assert "One-time code" in answer.text
    assert answer.cookies[0].startswith("hesbot_dil=en;")
    again = await town.ask("/console/giris", headers={"Cookie": "hesbot_dil=en"})
    assert "One-time code" in again.text
    assert "Tek kullanımlık kod" in (await town.ask("/console/giris?dil=xx")).text


async def test_the_look_is_kept_in_a_cookie(town: Town) -> None:
    """Language and theme, if they are ours; then the page where they were chosen."""
    answer = await town.ask("/console/gorunum?dil=en&renk=koyu&sonra=/console/denetim")
    assert (answer.status, answer.headers["Location"]) == (303, "/console/denetim")
    assert [line.partition(";")[0] for line in answer.cookies] == [
        "hesbot_dil=en",
        "hesbot_renk=koyu",
    ]
    odd = await town.ask("/console/gorunum?dil=xx&renk=pembe&sonra=https://evil.example")
    assert odd.headers["Location"] == "/console/"
    assert [line.partition(";")[0] for line in odd.cookies] == ["hesbot_renk=sistem"]


async def test_what_is_typed_into_the_address_stays_text(town: Town) -> None:
    """The page to go on to is written into the form as text, if at all."""
    answer = await town.ask('/console/giris?sonra=/console/"><script>')
    assert "<script" not in answer.text


async def test_only_the_styles_are_served(town: Town) -> None:
    """The folder's other files are not to be had."""
    assert (await town.ask("/console/stil/palette.css")).status == 200
    for path in ("/console/stil/door.html", "/console/stil/../signing.py"):
        assert (await town.ask(path)).status in (303, 404)
