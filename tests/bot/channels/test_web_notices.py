"""The browser: notices come to whoever is at the page, with the script and without."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.channels.base import Collected, Unavailable
from bot.channels.web import MOST_SHOWN, NOTICES, confirmed, shown_before
from bot.wording import Wording
from conversations.events import Address
from conversations.replies import Word
from storage.database import Patience
from tests.bot.channels.posting import REMINDER, Post, post_office
from tests.bot.channels.recording import RecordingDesk
from tests.bot.channels.visiting import Page, Visitor, facing, visiting

EMPTY = {"messages": [], "ids": []}


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"confirm": []}', ()),
        (b'{"confirm": [1, 9223372036854775807]}', (1, 2**63 - 1)),
        (b'{"confirm": [1], "more": 2}', (1,)),
        (b'{"confirm": [9223372036854775808]}', None),
        (b'{"confirm": [0]}', None),
        (b'{"confirm": [-1]}', None),
        (b'{"confirm": [true]}', None),
        (b'{"confirm": [1.5]}', None),
        (b'{"confirm": ["1"]}', None),
        (b'{"confirm": "1"}', None),
        (b'{"confirm": null}', None),
        (json.dumps({"confirm": [1] * MOST_SHOWN}).encode(), (1,) * MOST_SHOWN),
        (json.dumps({"confirm": [1] * (MOST_SHOWN + 1)}).encode(), None),
        (b"{}", None),
        (b"[]", None),
        (b"null", None),
        (b"", None),
        (b"\xff", None),
        (b"[" * 100_000, None),
        (b"1" * 5000, None),
    ],
)
def test_what_the_script_confirms(body: bytes, shown: tuple[int, ...] | None) -> None:
    """Numbers of rows, or nothing at all."""
    assert confirmed(body) == shown


@pytest.mark.parametrize(
    ("field", "shown"),
    [
        (None, ()),
        ("", ()),
        ("7", (7,)),
        (" 7  8 ", (7, 8)),
        ("7 x -1 9223372036854775808 ٣ 8", (7, 8)),
        ("1" * 30, ()),
        ("1 " * 200, (1,) * MOST_SHOWN),
    ],
)
def test_what_a_form_confirms(field: str | None, shown: tuple[int, ...]) -> None:
    """Whatever somebody wrote into the hidden field, the rest of the form counts."""
    assert shown_before({} if field is None else {"shown": field}) == shown


# --- with the script ------------------------------------------------------------------------


async def look(visitor: Visitor, *shown: int, **headers: str) -> Page:
    """What the page's script asks."""
    return await visitor.post(json.dumps({"confirm": shown}).encode(), NOTICES, **headers)


async def found(visitor: Visitor, *shown: int) -> dict[str, Any]:
    page = await look(visitor, *shown)
    assert (page.status, page.headers["Content-Type"]) == (200, "application/json")
    told: dict[str, Any] = json.loads(page.html)
    return told


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    """A page with a mailbox."""
    async with post_office(tmp_path) as post:
        yield post


@pytest.fixture
async def visitor(post: Post) -> AsyncIterator[Visitor]:
    """Somebody who has consented, so that there is somewhere to write to."""
    async with visiting(post.base) as visitor:
        await visitor.accept()
        yield visitor


async def test_a_notice_comes_once(post: Post, visitor: Visitor) -> None:
    """As a bubble without buttons; once it is confirmed it is delivered."""
    assert await found(visitor) == EMPTY
    await post.write(visitor.cookies["hesbot"])
    told = await found(visitor)
    (message,) = told["messages"]
    assert REMINDER in message["text"]
    assert (message["who"], message["buttons"]) == ("bot", [])
    assert await found(visitor) == EMPTY
    assert await post.states() == {"sending": 1}
    assert await found(visitor, *told["ids"]) == EMPTY
    assert await post.states() == {"delivered": 1}


async def test_a_notice_is_nobody_elses(post: Post, visitor: Visitor) -> None:
    """Neither seen nor confirmed by another visitor, or by somebody without a cookie."""
    await post.write(visitor.cookies["hesbot"])
    async with visiting(post.base) as stranger, visiting(post.base) as other:
        await other.accept()
        for each in (stranger, other):
            assert await found(each, 1) == EMPTY
            assert "Set-Cookie" not in (await look(each)).headers
    assert await post.states() == {"pending": 1}


async def test_another_site_gets_nothing(post: Post, visitor: Visitor) -> None:
    """A form on somebody else's page carries the cookie, perhaps, but not our name."""
    await post.write(visitor.cookies["hesbot"])
    page = await look(visitor, **{"Sec-Fetch-Site": "cross-site"})
    assert (page.status, page.html) == (403, "403")
    assert await post.states() == {"pending": 1}


@pytest.mark.parametrize("body", [b"", b"confirm=1", b'{"confirm": ["x"]}', b"x" * 300_000])
async def test_what_cannot_be_read_is_refused(visitor: Visitor, body: bytes) -> None:
    page = await visitor.post(body, NOTICES)
    assert (page.status, page.headers["X-Content-Type-Options"]) == (400, "nosniff")


async def test_reading_it_is_no_way_in(visitor: Visitor) -> None:
    """A look changes what is on record, so it is a POST."""
    assert (await visitor.get(NOTICES)).status == 405


async def test_the_script_is_told_whether_we_have_met(post: Post) -> None:
    """Who was never here is not looked after every ten seconds."""
    async with visiting(post.base) as visitor:
        assert " data-known" not in (await visitor.get()).html
        assert " data-known" in (await visitor.accept()).html
        assert " data-known" in (await visitor.get()).html


# --- without it -----------------------------------------------------------------------------


async def test_the_next_page_has_it_at_its_top(post: Post, visitor: Visitor) -> None:
    """And the page after that confirms it."""
    await post.write(visitor.cookies["hesbot"])
    page = await visitor.post({"text": "Ayşe"})
    assert REMINDER in page.lines[0]
    assert page.lines.index("Ayşe") > 0
    assert "2/8 · Soyad" in page.lines
    assert await post.states() == {"sending": 1}
    assert shown(page) == "1"
    page = await visitor.post({"text": "Yılmaz", "shown": shown(page)})
    assert REMINDER not in " ".join(page.lines)
    assert shown(page) == ""
    assert await post.states() == {"delivered": 1}


def shown(page: Page) -> str:
    """The hidden field of the answer's form."""
    return page.html.rpartition('name="shown" value="')[2].partition('"')[0]


async def test_a_button_confirms_as_well(post: Post, visitor: Visitor) -> None:
    """Each form of the page carries the numbers: the buttons' and the field's."""
    await visitor.post({"text": "iptal"})
    await post.write(visitor.cookies["hesbot"])
    page = await visitor.post({"text": "menü"})
    assert "Kartımı eşleştir" in page.buttons
    assert page.html.partition("<template")[0].count('name="shown" value="1"') == 2


async def test_the_scripts_answers_leave_notices_to_its_looks(post: Post, visitor: Visitor) -> None:
    await post.write(visitor.cookies["hesbot"])
    answer = await visitor.ask({"text": "Ayşe"})
    assert REMINDER not in str(answer)
    assert await post.states() == {"pending": 1}


# --- when the records are out of reach ------------------------------------------------------


class ClosedMailbox:
    """A mailbox nobody can open."""

    async def collect(self, address: Address, shown: object = ()) -> Collected:
        raise Unavailable

    async def confirm(self, address: Address, shown: object) -> None:
        raise Unavailable


async def test_an_answer_does_not_wait_for_notices() -> None:
    """It is kept already; what was shown before is confirmed by the page after."""
    async with facing(RecordingDesk(), ClosedMailbox()) as visitor:
        page = await visitor.post({"text": "Ayşe", "shown": "7"})
        assert page.status == 200
        assert shown(page) == "7"
        page = await look(visitor, 7)
        assert (page.status, page.headers["Retry-After"]) == (503, "5")


@pytest.mark.sqlite("another holds the file's lock")
async def test_a_busy_page_keeps_what_was_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The same form sent again confirms it."""
    monkeypatch.setattr("storage.database.Patience", lambda: Patience(lock=0.02))
    async with post_office(tmp_path) as post, visiting(post.base) as visitor:
        await visitor.accept()
        await post.write(visitor.cookies["hesbot"])
        page = await visitor.post({"text": "Ayşe"})
        with closing(sqlite3.connect(tmp_path / "hesbot.sqlite3", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            busy = await visitor.post({"text": "Yılmaz", "shown": shown(page)})
            assert (busy.status, shown(busy)) == (503, "1")


async def test_a_page_without_a_mailbox_has_no_notices() -> None:
    async with facing(RecordingDesk()) as visitor:
        await visitor.post({"text": "Ayşe"})
        assert await found(visitor) == EMPTY


# --- a demonstration ------------------------------------------------------------------------


@pytest.mark.parametrize("demo", [True, False])
async def test_a_demonstration_says_what_it_is(tmp_path: Path, demo: bool) -> None:
    """Nobody should type their own number into an invented town."""
    banner = Wording.load().text(Word("page.demo"), "tr")
    async with post_office(tmp_path, demo=demo) as post, visiting(post.base) as visitor:
        assert (banner in (await visitor.get()).html) is demo
