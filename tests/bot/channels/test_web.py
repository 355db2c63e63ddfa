"""The browser: two tables, and a whole house over real HTTP."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from aiohttp import hdrs

from bot.channels.base import Answer, Message, Unavailable
from bot.channels.web import decode
from bot.channels.web_wire import awaited, bubbles
from conversations.events import Address
from storage.database import Patience
from tests.bot.channels.cases_web import INBOUND, OUTBOUND, PLAIN, In, Out
from tests.bot.channels.recording import RecordingDesk, down
from tests.bot.channels.visiting import FIRST_QUESTION, JSON, alone, facing, rows, town, visiting


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
        assert FIRST_QUESTION in page.lines
        page = await visitor.post({"text": "Ayşe", "message": page.token})
        assert "2/8 · Soyad" in page.lines


async def test_the_first_answer_may_be_typed(tmp_path: Path) -> None:
    """Whoever has read the greeting need not be greeted before their "evet" counts."""
    async with alone(tmp_path) as visitor:
        page = await visitor.get()
        page = await visitor.post({"text": "evet", "message": page.token})
        assert FIRST_QUESTION in page.lines


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


# --- when the records are out of reach ------------------------------------------------------


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The records wait for no lock."""
    monkeypatch.setattr("storage.database.Patience", lambda: Patience(lock=0.02))


@pytest.mark.sqlite("another holds the file's lock")
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
            assert FIRST_QUESTION in (await visitor.get()).lines
        said["text"] = "Ayşe Nur"
        assert "2/8 · Soyad" in (await visitor.post(said)).lines
        assert "2/8 · Soyad" in (await visitor.post(said)).lines


@pytest.mark.sqlite("another holds the file's lock")
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
        assert FIRST_QUESTION in (await visitor.post(pressed)).lines


class ClosedDesk(RecordingDesk):
    """A desk that cannot even read."""

    async def look(self, address: Address, through: str = "") -> Answer:
        raise Unavailable


async def test_a_page_that_cannot_be_read_comes_again() -> None:
    """The kind word keeps its promise: the browser asks again by itself."""
    async with facing(ClosedDesk()) as visitor:
        page = await visitor.get()
        assert page.status == 503
        assert page.headers["Retry-After"] == page.headers["Refresh"] == "5"
        assert "yoğunluk" in " ".join(page.lines)


async def test_a_forged_busy_button_stays_text() -> None:
    """What comes back in the page for another try is escaped."""
    desk = RecordingDesk()
    desk.outages = down(2)
    async with facing(desk) as visitor:
        page = await visitor.post({"pick": '"><script>', "text": '"><script>'})
        assert page.status == 503
        assert '"><script>' not in page.html
        assert page.buttons["Yeniden gönder"] == page.typed == '"><script>'
