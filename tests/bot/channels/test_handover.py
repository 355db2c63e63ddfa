"""A conversation of WhatsApp's goes on in the browser where an identity number is asked for."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar
from twilio.request_validator import RequestValidator

from bot.app import channels_of, open_house, working
from bot.channels.base import Unavailable
from bot.channels.telegram import Telegram
from bot.channels.web import Web
from bot.gates import carried
from bot.handover import GOOD_FOR, VISIT, Handover
from bot.server import application
from bot.settings import SettingsError, read_settings
from bot.wording import Wording
from conversations.events import Address
from conversations.replies import Reply
from storage.database import Database, Patience
from storage.vault import KeyRing, Vault
from tests import homes
from tests.bot.channels.recording import RecordingDesk
from tests.fakes.serving import serve

TOKEN = "0123456789abcdef0123456789abcdef"
CITY = "http://city.example"
AYSE = "+905320000021"
WORDING = Wording.load()
BEFORE = ("merhaba", "kabul ediyorum", "Ayşe", "Yılmaz")
"""Up to the identity number."""
LINK = re.compile(rf"{CITY}(/devam/[\w-]+)")
_messages = count(1)


@dataclass(frozen=True, slots=True)
class Phone:
    """Somebody on WhatsApp, with a browser on the same phone."""

    session: ClientSession
    base: str

    async def say(self, text: str) -> str:
        """Write a message; what is answered."""
        fields = {
            "From": f"whatsapp:{AYSE}",
            "To": "whatsapp:+14155238886",
            "MessageSid": f"SM{next(_messages):032}",
            "Body": text,
        }
        signature = RequestValidator(TOKEN).compute_signature(f"{CITY}/whatsapp", fields)
        signed = {"X-Twilio-Signature": signature}
        async with self.session.post(f"{self.base}/whatsapp", data=fields, headers=signed) as said:
            assert said.status == 200
            return await said.text()

    async def asked_elsewhere(self) -> str:
        """Answer up to the identity number; where it is asked for."""
        for text in BEFORE:
            answer = await self.say(text)
        found = LINK.search(answer)
        assert found is not None
        assert "11 hane" not in answer
        return found[1]

    async def look(self, path: str) -> tuple[int, str]:
        async with self.session.get(self.base + path) as page:
            return page.status, await page.text()

    async def send(self, path: str, **fields: str) -> tuple[int, str]:
        async with self.session.post(self.base + path, data=fields) as page:
            return page.status, await page.text()


@asynccontextmanager
async def phone(home: Path) -> AsyncIterator[Phone]:
    """A city that asks for numbers on its page, and somebody there."""
    settings = homes.settings_in(
        home, twilio_auth_token=TOKEN, public_url=CITY, whatsapp_sensitive="web"
    )
    async with open_house(settings) as house:
        channels = channels_of(house)
        app = application(channels, house.database)
        async with (
            working(house, channels),
            serve(app) as base,
            ClientSession(cookie_jar=CookieJar(unsafe=True)) as session,
        ):
            yield Phone(session, base)


async def test_the_talk_goes_on_in_the_browser_and_comes_back(tmp_path: Path) -> None:
    """Same question, same answers; what was given there is known here."""
    async with phone(tmp_path) as ayse:
        path = await ayse.asked_elsewhere()
        status, page = await ayse.look(path)
        assert (status, "Devam et" in page, "page.js" in page) == (200, True, False)
        status, page = await ayse.send(path, pick="")
        assert (status, "3/8" in page) == (200, True)
        _, page = await ayse.send("/", text="10000000146", message="a" * 20)
        assert "4/8" in page
        assert "5/8" in await ayse.say("1 Şubat 1960")


async def test_a_link_opens_once(tmp_path: Path) -> None:
    """Looking at it uses nothing up; a second visitor is told how to get another."""
    async with phone(tmp_path) as ayse:
        path = await ayse.asked_elsewhere()
        for _ in range(2):
            assert (await ayse.look(path))[0] == 200
        assert (await ayse.send(path, pick=""))[0] == 200
        status, page = await ayse.send(path, pick="")
        assert (status, "artık açılmıyor" in page) == (410, True)


@pytest.mark.parametrize("path", ["/devam/x", "/devam/" + "A" * 2000, "/devam/%00%ff"])
async def test_what_is_no_link_of_ours_opens_nothing(tmp_path: Path, path: str) -> None:
    """Whatever was made up."""
    async with phone(tmp_path) as ayse:
        assert (await ayse.send(path, pick=""))[0] == 410


async def test_links_and_visits_end(tmp_path: Path) -> None:
    """One at its quarter of an hour, the other half an hour after that at most; neither stands
    for the other."""
    vault, database = Vault(KeyRing.new()), await Database.open(None, home=tmp_path)
    now = datetime(2021, 1, 10, 9, tzinfo=UTC)
    later = Handover(database, vault, lambda: now + GOOD_FOR, CITY)
    handover = Handover(database, vault, lambda: now, CITY)
    token = handover.link(Address("whatsapp", AYSE)).rpartition("/")[2]
    assert await later.enter(token) is None
    assert handover.who(token) is None
    kept = await handover.enter(token)
    assert kept is not None
    assert handover.who(kept) == Address("whatsapp", AYSE)
    end = now + VISIT
    assert Handover(database, vault, lambda: end, CITY).who(kept) is None
    justly = end - timedelta(seconds=1)
    assert Handover(database, vault, lambda: justly, CITY).who(kept) is not None
    assert await handover.enter(kept) is None
    await database.close()


async def test_while_the_records_cannot_be_written_a_link_stays_good(tmp_path: Path) -> None:
    """Whoever follows it is asked to come again, and then it opens."""
    vault = Vault(KeyRing.new())
    database = await Database.open(None, home=tmp_path, patience=Patience(lock=0.05))
    handover = Handover(database, vault, lambda: datetime(2021, 1, 10, 9, tzinfo=UTC), CITY)
    token = handover.link(Address("whatsapp", AYSE)).rpartition("/")[2]
    with closing(sqlite3.connect(tmp_path / "hesbot.sqlite3")) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable):
            await handover.enter(token)
        other.rollback()
    assert await handover.enter(token) is not None
    await database.close()


def test_it_needs_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says which setting is missing."""
    monkeypatch.setenv("WHATSAPP_SENSITIVE", "web")
    monkeypatch.delenv("PUBLIC_URL", raising=False)
    with pytest.raises(SettingsError, match="PUBLIC_URL"):
        read_settings()


@pytest.mark.parametrize(("public_url", "page"), [(CITY, CITY), (None, "")])
def test_who_refuses_a_messenger_is_offered_the_page_where_there_is_one(
    public_url: str | None, page: str
) -> None:
    """The page itself has nothing else to offer."""
    desk = RecordingDesk()
    telegram = Telegram(desk, token="123456:" + "x" * 35, secret="x")
    found = carried([telegram, Web(desk, lambda _: {})], public_url)
    assert (found["telegram"].page, found["web"].page) == (page, "")
    refused = [Reply("consent.refused"), Reply("consent.elsewhere", page=True)]
    for limits in found.values():
        told = WORDING.answer(refused, "tr", limits).messages[0].text
        assert ("tarayıcıda" in told, told.endswith(CITY)) == (bool(limits.page),) * 2
