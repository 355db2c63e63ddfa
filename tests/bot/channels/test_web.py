"""The browser: two tables, and a whole house over real HTTP."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiohttp import ClientResponse, ClientSession, CookieJar, hdrs
from starlette.applications import Starlette

from bot.app import channels_of, open_house, page_words, working
from bot.channels.base import MAX_BODY, Answer, Button, Message, Unavailable
from bot.channels.web import HEADERS, LONGEST_TEXT, Web, awaited, bubbles, decode
from bot.server import application
from bot.settings import Settings
from bot.wording import Wording
from conversations.events import Address, Command, Event, Picked, Said
from storage.database import Patience
from tests.bot.channels.recording import RecordingDesk, down
from tests.fakes.serving import serve

JSON = {"Accept": "application/json"}
BUSY = "yoğunluk"
FIRST_NAME = "1/8 · Ad"


# --- tables ---------------------------------------------------------------------------------


class In(NamedTuple):
    """Posted fields and what the visitor did by them."""

    name: str
    fields: dict[str, str]
    event: Event


class Out(NamedTuple):
    """A bubble's message and what the page needs to draw it."""

    name: str
    message: Message
    bubble: dict[str, Any]
    input: dict[str, str]


STALE = Picked("", "", -1)
INBOUND = (
    In("words", {"text": "Ayşe Nur"}, Said("Ayşe Nur")),
    In("words as they are", {"text": " <b>Ayşe</b> "}, Said(" <b>Ayşe</b> ")),
    In("a command", {"text": "/yardim kart"}, Command("yardim", "kart")),
    In("a button", {"pick": "3:email:none"}, Picked("none", "email", 3)),
    In("a button and words", {"pick": "3:email:none", "text": "x"}, Picked("none", "email", 3)),
    In("no form at all", {}, Said("")),
    In("a button that is none", {"pick": "uydurma"}, STALE),
    In("a button without a turn", {"pick": "x:email:none"}, STALE),
    In("an endless turn", {"pick": "9" * 5000 + ":email:none"}, STALE),
    In("a flood", {"text": "a" * 5000}, Said("a" * LONGEST_TEXT)),
)
PLAIN = {"mode": "text", "autocomplete": "off"}
OUTBOUND = (
    Out(
        "words",
        Message("Merhaba!\nİyi günler."),
        {"who": "bot", "text": "Merhaba!\nİyi günler.", "progress": None, "buttons": []},
        PLAIN,
    ),
    Out(
        "a question in a form",
        Message("5/8 · E-posta", step=5, of=8, keyboard="email", autofill="email"),
        {"who": "bot", "text": "5/8 · E-posta", "progress": {"step": 5, "of": 8}, "buttons": []},
        {"mode": "email", "autocomplete": "email"},
    ),
    Out(
        "buttons",
        Message("?", (Button("Evet", "1:review:confirm", "success"),)),
        {
            "who": "bot",
            "text": "?",
            "progress": None,
            "buttons": [{"label": "Evet", "data": "1:review:confirm", "style": "success"}],
        },
        PLAIN,
    ),
    Out(
        "digits",
        Message("6/8", step=6, of=8, keyboard="digits"),
        {"who": "bot", "text": "6/8", "progress": {"step": 6, "of": 8}, "buttons": []},
        {"mode": "numeric", "autocomplete": "off"},
    ),
    Out(
        "a phone",
        Message("7/8", keyboard="phone", autofill="tel"),
        {"who": "bot", "text": "7/8", "progress": None, "buttons": []},
        {"mode": "tel", "autocomplete": "tel"},
    ),
)


@pytest.mark.parametrize("case", INBOUND, ids=lambda case: case.name)
def test_a_form_is_what_the_visitor_did(case: In) -> None:
    """Each set of fields is one event, whatever was tampered with."""
    assert decode(case.fields) == case.event


@pytest.mark.parametrize("case", OUTBOUND, ids=lambda case: case.name)
def test_a_message_is_a_bubble(case: Out) -> None:
    """The bubble and the keyboard say what the message says."""
    answer = Answer((Message("before", keyboard="phone"), case.message))
    assert bubbles(answer)[1:] == [case.bubble]
    assert awaited(answer) == case.input


def test_no_answer_awaits_plain_text() -> None:
    """A silent answer has no bubble and the usual keyboard."""
    assert (bubbles(Answer()), awaited(Answer())) == ([], PLAIN)


# --- a visitor ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Page:
    """What came back."""

    status: int
    html: str
    headers: Mapping[str, str]
    set_cookie: str

    @property
    def token(self) -> str:
        """The page's own token of the next answer."""
        found: list[str] = re.findall(r'name="message" value="([^"]+)"', self.html)
        return found[-1]

    @property
    def typed(self) -> str:
        """What stands in the answer field."""
        found = re.search(r'id="text"[^>]* value="([^"]*)"', self.html)
        return unescape(found[1]) if found else ""

    @property
    def buttons(self) -> dict[str, str]:
        """Label → what comes back."""
        found = re.findall(r'name="pick" value="([^"]+)">([^<]*)<', self.html)
        return {unescape(label): unescape(data) for data, label in found}

    @property
    def lines(self) -> list[str]:
        """The lines of the conversation, as they are read."""
        log = self.html.partition('id="log"')[2].partition("</main>")[0]
        drawn = re.findall(r'<p class="line[^"]*">(.*?)</p>', log)
        return [unescape(re.sub(r"<[^>]*>", "", line)) for line in drawn]


class Visitor:
    """A browser without JavaScript, and one that asks for JSON."""

    def __init__(self, session: ClientSession, base: str) -> None:
        self._session, self._base = session, base

    async def get(self, path: str = "/", method: str = "GET", **headers: str) -> Page:
        async with self._session.request(
            method, self._base + path, headers=headers, allow_redirects=False
        ) as response:
            return await _page(response)

    async def post(self, fields: Any, path: str = "/", **headers: str) -> Page:
        async with self._session.post(
            self._base + path, data=fields, headers=headers, allow_redirects=False
        ) as response:
            return await _page(response)

    async def ask(self, fields: dict[str, str]) -> dict[str, Any]:
        """The same, as the page's script does it."""
        page = await self.post(fields, **JSON)
        assert page.headers["Content-Type"] == "application/json"
        answer: dict[str, Any] = json.loads(page.html)
        return answer

    async def accept(self) -> Page:
        """Give consent, which leads to the first question."""
        page = await self.get()
        fields = {"pick": page.buttons["Kabul ediyorum"], "message": page.token}
        return await self.post(fields)

    @property
    def cookies(self) -> dict[str, str]:
        return {cookie.key: cookie.value for cookie in self._session.cookie_jar}

    def carry(self, name: str, value: str) -> None:
        """Put a cookie into the browser's jar."""
        self._session.cookie_jar.update_cookies({name: value})


async def _page(response: ClientResponse) -> Page:
    cookie = response.headers.get("Set-Cookie", "")
    return Page(response.status, await response.text(), response.headers, cookie)


@asynccontextmanager
async def visiting(base: str) -> AsyncIterator[Visitor]:
    """A new visitor."""
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as session:
        yield Visitor(session, base)


@asynccontextmanager
async def town(home: Path, **settings: Any) -> AsyncIterator[str]:
    """Everything but the messengers, on records of its own; its address."""
    async with open_house(Settings(hesbot_home=home, **settings)) as house:
        web = [channel for channel in channels_of(house) if channel.name == "web"]
        app = application(web, house.database)
        async with working(house, web), serve(app) as base:
            yield base


@asynccontextmanager
async def alone(home: Path, **settings: Any) -> AsyncIterator[Visitor]:
    """The only visitor of a town."""
    async with town(home, **settings) as base, visiting(base) as visitor:
        yield visitor


@asynccontextmanager
async def facing(desk: RecordingDesk) -> AsyncIterator[Visitor]:
    """A visitor of a page whose desk the test holds."""
    wording = Wording.load()
    web = Web(desk, lambda locale: page_words(wording, locale))
    async with serve(Starlette(routes=list(web.routes()))) as base, visiting(base) as visitor:
        yield visitor


def rows(home: Path) -> int:
    """How many rows the records have, all tables together but the migrations' own."""
    with closing(sqlite3.connect(home / "hesbot.sqlite3")) as records:
        names = records.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        tables = [name for (name,) in names if not name.startswith(("sqlite", "alembic"))]
        count = "SELECT count(*) FROM "
        return sum(records.execute(f'{count}"{table}"').fetchone()[0] for table in tables)


# --- reading and answering ------------------------------------------------------------------


async def test_reading_the_page_leaves_no_trace(tmp_path: Path) -> None:
    """Neither a row nor a cookie before somebody answers."""
    async with alone(tmp_path) as visitor:
        before = rows(tmp_path)
        page = await visitor.get()
        assert (page.status, page.set_cookie) == (200, "")
        assert "Kabul ediyorum" in page.buttons
        assert rows(tmp_path) == before


async def test_the_head_of_the_page(tmp_path: Path) -> None:
    """A monitor that asks for the head alone gets it."""
    async with alone(tmp_path) as visitor:
        page = await visitor.get(method=hdrs.METH_HEAD)
        assert (page.status, page.html, page.set_cookie) == (200, "", "")


async def test_the_first_answer_makes_a_visitor(tmp_path: Path) -> None:
    """The cookie is for this site's server alone, and the conversation goes on under it."""
    async with alone(tmp_path) as visitor:
        page = await visitor.accept()
        name, *rest = page.set_cookie.split("; ")
        assert name.startswith("hesbot=")
        assert {part.lower() for part in rest} == {
            "httponly",
            "max-age=2592000",
            "path=/",
            "samesite=lax",
        }
        assert FIRST_NAME in page.lines
        page = await visitor.post({"text": "Ayşe", "message": page.token})
        assert "2/8 · Soyad" in page.lines


async def test_a_secure_address_has_a_secure_cookie(tmp_path: Path) -> None:
    """Behind https the cookie is bound to the host and never leaves TLS."""
    async with alone(tmp_path, public_url="https://hes.example.com") as visitor:
        page = await visitor.accept()
        assert page.set_cookie.startswith("__Host-hesbot=")
        assert {"secure", "httponly"} <= set(page.set_cookie.lower().split("; "))
        left = await visitor.post({}, "/cikis")
        assert left.set_cookie.startswith('__Host-hesbot=""')
        assert {"secure", "max-age=0", "path=/"} <= set(left.set_cookie.lower().split("; "))


async def test_the_same_token_gets_the_same_answer(tmp_path: Path) -> None:
    """A form sent twice changes nothing, also when another answer came between."""
    async with alone(tmp_path) as visitor:
        page = await visitor.accept()
        first = {"text": "Ayşe", "message": page.token}
        answer = await visitor.post(first)
        second = await visitor.post({"text": "Yılmaz", "message": answer.token})
        count = rows(tmp_path)
        again = await visitor.post(first)
        assert again.lines == answer.lines
        assert rows(tmp_path) == count
        assert (await visitor.get()).lines[-3:] == second.lines[-3:]


async def test_a_double_click_is_one_answer(tmp_path: Path) -> None:
    """Two of the same at once are answered alike."""
    async with alone(tmp_path) as visitor:
        page = await visitor.accept()
        fields = {"text": "Ayşe", "message": page.token}
        one, two = await asyncio.gather(visitor.post(fields), visitor.post(fields))
        assert one.lines == two.lines
        assert "2/8 · Soyad" in (await visitor.get()).lines


async def test_the_script_and_the_page_say_the_same(tmp_path: Path) -> None:
    """JSON carries the words, buttons, keyboard and language that the page shows."""
    async with town(tmp_path) as base, visiting(base) as plain, visiting(base) as scripted:
        page = await plain.accept()
        start = await scripted.get()
        answer = await scripted.ask({"pick": start.buttons["Kabul ediyorum"]})
        assert _lines(answer) == page.lines
        for text in ("Ayşe", "Yılmaz", "1", "10000000146", "12.03.1985"):
            page = await plain.post({"text": text, "message": page.token})
            answer = await scripted.ask({"text": text, "message": answer["token"]})
            assert [text, *_lines(answer)] == page.lines
            assert _picks(answer) == page.buttons
            assert f'inputmode="{answer["input"]["mode"]}"' in page.html
            assert f'<html lang="{answer["lang"]}">' in page.html


def _lines(answer: dict[str, Any]) -> list[str]:
    texts = "\n".join(message["text"] for message in answer["messages"])
    return [line for line in texts.split("\n") if line.strip()]


def _picks(answer: dict[str, Any]) -> dict[str, str]:
    return {
        button["label"]: button["data"]
        for message in answer["messages"]
        for button in message["buttons"]
    }


async def test_the_page_speaks_the_visitors_language(tmp_path: Path) -> None:
    """After "English" the page's own words are English too."""
    async with alone(tmp_path) as visitor:
        assert '<html lang="tr">' in (await visitor.get()).html
        page = await visitor.post({"text": "English"})
        for seen in (page, await visitor.get()):
            assert '<html lang="en">' in seen.html
            assert ">Gönder<" not in seen.html


async def test_who_comes_back_stands_where_they_left(tmp_path: Path) -> None:
    """The present question, without anything being written."""
    async with alone(tmp_path) as visitor:
        page = await visitor.accept()
        await visitor.post({"text": "Ayşe", "message": page.token})
        count = rows(tmp_path)
        page = await visitor.get()
        assert page.lines[0] == "Kaldığınız yerden devam edelim."
        assert "2/8 · Soyad" in page.lines
        assert rows(tmp_path) == count


async def test_leaving_forgets_the_visitor(tmp_path: Path) -> None:
    """After "Bitir ve çık" the page is a stranger's again."""
    async with alone(tmp_path) as visitor:
        await visitor.accept()
        left = await visitor.post({}, "/cikis")
        assert (left.status, left.headers["Location"], visitor.cookies) == (303, "/", {})
        assert "Kabul ediyorum" in (await visitor.get()).buttons


async def test_visitors_do_not_meet(tmp_path: Path) -> None:
    """The same token from another browser is another message."""
    async with town(tmp_path) as base, visiting(base) as one, visiting(base) as other:
        page = await one.accept()
        await other.accept()
        fields = {"text": "Ayşe", "message": page.token}
        await one.post(fields)
        await other.post({**fields, "text": "Zeynep"})
        await other.post({"text": "geri"})
        assert any("Zeynep" in line for line in (await other.get()).lines)


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
        assert FIRST_NAME in page.lines
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
        assert FIRST_NAME in page.lines


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
            assert FIRST_NAME in page.lines


async def test_who_hangs_up_half_way_leaves_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """A connection cut within the body is no answer and no fault of ours."""
    desk = RecordingDesk()
    async with facing(desk) as visitor:
        host = visitor._base.removeprefix("http://")
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


# --- when the records are out of reach ------------------------------------------------------


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The records wait for no lock."""
    monkeypatch.setattr("storage.database.Patience", lambda: Patience(lock=0.02))


@pytest.mark.usefixtures("hasty")
async def test_locked_records_cost_nobody_an_answer(tmp_path: Path) -> None:
    """The page holds what was said and its token, so that sending it again says it once."""
    async with alone(tmp_path) as visitor:
        page = await visitor.accept()
        said = {"text": 'Ayşe "Nur"', "message": page.token}
        with closing(sqlite3.connect(tmp_path / "hesbot.sqlite3", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            busy = await visitor.post(said)
            assert (busy.status, busy.headers["Retry-After"]) == (503, "5")
            assert (busy.typed, busy.token) == (said["text"], said["message"])
            assert (await visitor.post(said, **JSON)).status == 503
            assert FIRST_NAME in (await visitor.get()).lines
        said["text"] = "Ayşe Nur"
        assert "2/8 · Soyad" in (await visitor.post(said)).lines
        assert "2/8 · Soyad" in (await visitor.post(said)).lines


@pytest.mark.usefixtures("hasty")
async def test_locked_records_make_no_visitor(tmp_path: Path) -> None:
    """A first answer that could not be kept can be pressed again as it was."""
    async with alone(tmp_path) as visitor:
        page = await visitor.get()
        with closing(sqlite3.connect(tmp_path / "hesbot.sqlite3", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            busy = await visitor.post(
                {"pick": page.buttons["Kabul ediyorum"], "message": page.token}
            )
            assert (busy.status, busy.set_cookie) == (503, "")
            assert busy.buttons == {"Yeniden gönder": page.buttons["Kabul ediyorum"]}
        pressed = {"pick": busy.buttons["Yeniden gönder"], "message": busy.token}
        assert FIRST_NAME in (await visitor.post(pressed)).lines


class ClosedDesk(RecordingDesk):
    """A desk that cannot even read."""

    async def look(self, address: Address) -> Answer:
        raise Unavailable


async def test_a_page_that_cannot_be_read_comes_again() -> None:
    """The kind word keeps its promise: the browser asks again by itself."""
    async with facing(ClosedDesk()) as visitor:
        page = await visitor.get()
        assert page.status == 503
        assert page.headers["Retry-After"] == page.headers["Refresh"] == "5"
        assert BUSY in " ".join(page.lines)


async def test_a_forged_busy_button_stays_text() -> None:
    """What comes back in the page for another try is escaped."""
    desk = RecordingDesk()
    desk.outages = down(2)
    async with facing(desk) as visitor:
        page = await visitor.post({"pick": '"><script>', "text": '"><script>'})
        assert page.status == 503
        assert '"><script>' not in page.html
        assert page.buttons["Yeniden gönder"] == page.typed == '"><script>'
