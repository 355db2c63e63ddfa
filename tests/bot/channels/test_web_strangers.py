"""What the page does with what it never sent, and what it gives away."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.channels.base import MAX_BODY
from bot.channels.web import HEADERS, LONGEST_TEXT
from tests.bot.channels.recording import RecordingDesk
from tests.bot.channels.visiting import FIRST_QUESTION, JSON, Page, alone, facing, rows

# --- what is not ours -----------------------------------------------------------------------


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("path", ["/", "/cikis"])
async def test_another_sites_form_is_refused(tmp_path: Path, site: str, path: str) -> None:
    """What the browser says another site sent neither answers nor logs out."""
    async with alone(tmp_path) as visitor:
        await visitor.accept()
        count, cookies = rows(tmp_path), visitor.cookies
        page = await visitor.post({"text": "Ayşe"}, path, **{"Sec-Fetch-Site": site})
        assert (page.status, rows(tmp_path), visitor.cookies) == (403, count, cookies)


@pytest.mark.parametrize(
    "body",
    [b"text=" + b"a" * MAX_BODY, b"&".join(b"a%d=1" % n for n in range(50))],
    ids=["long", "many"],
)
async def test_more_than_an_answer_is_refused(tmp_path: Path, body: bytes) -> None:
    """A body no page of ours would send is 413, before the desk hears of it."""
    async with alone(tmp_path) as visitor:
        before = rows(tmp_path)
        page = await visitor.post(body, **{"Content-Type": "application/x-www-form-urlencoded"})
        assert (page.status, page.set_cookie, rows(tmp_path)) == (413, "", before)


async def test_the_longest_body_is_read(tmp_path: Path) -> None:
    """At the limit it is still an answer, cut to what anybody would type."""
    async with alone(tmp_path) as visitor:
        await visitor.accept()
        page = await visitor.post(
            b"text=" + b"a" * (MAX_BODY - 5),
            **{"Content-Type": "application/x-www-form-urlencoded"},
        )
        assert (page.status, page.lines[0]) == (200, "a" * LONGEST_TEXT)


@pytest.mark.parametrize("cookie", ["", "kisa", "x" * 65, "../../etc/passwd-0000", "ş" * 20])
async def test_a_strange_cookie_is_a_new_visitor(tmp_path: Path, cookie: str) -> None:
    """It is neither read nor kept."""
    async with alone(tmp_path) as visitor:
        visitor.carry("hesbot", cookie)
        page = await visitor.accept()
        assert FIRST_QUESTION in page.lines
        assert visitor.cookies["hesbot"] != cookie


@pytest.mark.parametrize("token", [None, "", "1", "x" * 65, "ş" * 20, "' OR 1=1 --------"])
async def test_a_strange_token_is_a_new_message(tmp_path: Path, token: str | None) -> None:
    """The answer counts, once for each time it was sent."""
    async with alone(tmp_path) as visitor:
        await visitor.accept()
        fields = {"text": "Ayşe"} if token is None else {"text": "Ayşe", "message": token}
        assert "2/8 · Soyad" in (await visitor.post(fields)).lines
        assert any(line.startswith("3/8") for line in (await visitor.post(fields)).lines)


@pytest.mark.parametrize("pick", ["", "x", "999:first_name:none", "1:consent:accept", "1:a:b:c"])
async def test_a_strange_button_gets_the_present_question(tmp_path: Path, pick: str) -> None:
    """Stale or forged: nothing changes and the question stands."""
    async with alone(tmp_path) as visitor:
        await visitor.accept()
        page = await visitor.post({"pick": pick})
        assert page.status == 200
        assert FIRST_QUESTION in page.lines


async def test_html_is_text(tmp_path: Path) -> None:
    """What is typed is shown as it was typed, in the page as in the review."""
    typed = '"><script>alert(1)</script>'
    async with alone(tmp_path) as visitor:
        page = await visitor.accept()
        page = await visitor.post({"text": typed, "message": page.token})
        assert page.lines[0] == typed
        assert "<script>alert" not in page.html


async def test_a_body_that_is_no_text_is_taken_kindly(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 get the question again."""
    async with alone(tmp_path) as visitor:
        await visitor.accept()
        for body in (b"\xff\xfe\x00", b"text=%ff%fe%00", b"", b"text"):
            page = await visitor.post(body, **{"Content-Type": "application/octet-stream"})
            assert page.status == 200
            assert FIRST_QUESTION in page.lines


async def test_who_hangs_up_half_way_leaves_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """A connection cut within the body is no answer and no fault of ours."""
    desk = RecordingDesk()
    async with facing(desk) as visitor:
        host = visitor.base.removeprefix("http://")
        _, writer = await asyncio.open_connection(*host.split(":"))
        writer.write(f"POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 9\r\n\r\ntext".encode())
        await writer.drain()
        await visitor.get()
        writer.close()
        await writer.wait_closed()
        await visitor.get()
    assert (desk.received, caplog.records) == ([], [])


# --- the rest of the site -------------------------------------------------------------------


def guards(page: Page) -> dict[str, str]:
    """The headers that tell the browser what it may do."""
    return {name: page.headers.get(name, "") for name in HEADERS}


@pytest.mark.parametrize("path", ["/", "/page/page.css", "/page/page.js", "/page/icon.svg"])
async def test_every_part_is_guarded(tmp_path: Path, path: str) -> None:
    """The browser is told to load nothing of others' and to be framed by nobody."""
    async with alone(tmp_path) as visitor:
        page = await visitor.get(path)
        assert page.status == 200
        kept = "no-store" if path == "/" else "no-cache"
        assert guards(page) == {**HEADERS, "Cache-Control": kept}


async def test_refusals_are_guarded_too(tmp_path: Path) -> None:
    """Also what is not a page carries the headers."""
    async with alone(tmp_path) as visitor:
        pages = (
            await visitor.accept(),
            await visitor.post({"text": "x"}, **JSON),
            await visitor.post({}, **{"Sec-Fetch-Site": "cross-site"}),
            await visitor.post(b"a" * (MAX_BODY + 1)),
            await visitor.post({}, "/cikis"),
            await visitor.get("/page/page.html"),
        )
        for page in pages:
            assert guards(page) == HEADERS


@pytest.mark.parametrize(
    ("asset", "kind"),
    [("page.css", "text/css"), ("page.js", "javascript"), ("icon.svg", "image/svg+xml")],
)
async def test_the_pages_parts_have_their_kind(tmp_path: Path, asset: str, kind: str) -> None:
    """Under nosniff a module script without a JavaScript type would not run."""
    async with alone(tmp_path) as visitor:
        page = await visitor.get(f"/page/{asset}")
        assert kind in page.headers["Content-Type"]
        again = await visitor.get(f"/page/{asset}", **{"If-None-Match": page.headers["ETag"]})
        assert again.status == 304


@pytest.mark.parametrize(
    "path", ["/yok", "/page/", "/page/page.html", "/page/../web.py", "/page/%2e%2e/web.py", "/.env"]
)
async def test_there_is_nothing_else(tmp_path: Path, path: str) -> None:
    """Neither the template nor the source is served."""
    async with alone(tmp_path) as visitor:
        assert (await visitor.get(path)).status == 404
