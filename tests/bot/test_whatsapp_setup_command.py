"""``hesbot whatsapp setup`` as its operator meets it, and the talk with real buttons after it."""

from __future__ import annotations

import asyncio
import json
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot import contents
from bot.app import House, open_house, working
from bot.channels.whatsapp import STATUS_PATH, WhatsApp
from bot.channels.whatsapp_api import TwilioLine
from bot.channels.whatsapp_buttons import Buttons
from bot.contents import Shelf
from bot.server import application
from bot.wording import Wording
from storage.contents import Contents
from tests import homes
from tests.fakes.serving import serve
from tests.fakes.twilio import Person, TwilioApi
from tests.faults import born
from tests.faults.born import Child, Wish
from tests.faults.processes import PATIENCE, surroundings

PUBLIC_URL = "https://bot.example.com"
WANTED = contents.drafts(Wording.load())
NOTICES = [draft for draft in WANTED if draft.is_notice]


@pytest.fixture
async def twilio() -> AsyncIterator[TwilioApi]:
    async with TwilioApi(webhook=f"{PUBLIC_URL}/whatsapp#rc=5&rp=all&rt=4000") as api:
        yield api


def account(twilio: TwilioApi) -> dict[str, str]:
    return {
        "TWILIO_ACCOUNT_SID": twilio.account_sid,
        "TWILIO_AUTH_TOKEN": twilio.auth_token,
        "TWILIO_API_BASE": twilio.base_url,
    }


async def start(home: Path, *words: str, **settings: str) -> Child:
    wish = Wish(["whatsapp", "setup", *words], surroundings(home, **settings))
    return await born.start(wish, DEVNULL, PIPE, PIPE)


async def setup(home: Path, *words: str, **settings: str) -> tuple[int | None, str, str]:
    """Run it to its end: status, what it printed, what it complained of."""
    process = await start(home, *words, **settings)
    async with asyncio.timeout(PATIENCE):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


# --- the command ------------------------------------------------------------------------------


async def test_a_line_for_every_text(tmp_path: Path, twilio: TwilioApi) -> None:
    """Name, kind and state; once more, and everything is there already."""
    status, out, err = await setup(tmp_path / "home", **account(twilio))
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert len(lines) == len(twilio.content.kept) == len(WANTED)
    assert lines[0] == f"{WANTED[0].name}  template  made, received"
    assert lines[-1] == f"{WANTED[-1].name}  quick-reply  made"
    twilio.content.review("rejected", "TAG_CONTENT_MISMATCH")
    _, out, _ = await setup(tmp_path / "home", **account(twilio))
    lines = out.splitlines()
    assert lines[0] == (
        f"{WANTED[0].name}  template  there already, rejected, TAG_CONTENT_MISMATCH"
    )
    assert lines[-1] == f"{WANTED[-1].name}  quick-reply  there already"
    assert len(twilio.content.kept) == len(WANTED)


async def test_the_same_for_a_machine(tmp_path: Path, twilio: TwilioApi) -> None:
    status, out, _ = await setup(tmp_path / "home", "--json", **account(twilio))
    told = json.loads(out)
    assert status == 0
    assert [each["name"] for each in told] == [draft.name for draft in WANTED]
    assert told[0] == {
        "name": WANTED[0].name,
        "kind": "template",
        "locale": WANTED[0].locale,
        "sid": twilio.content.named(WANTED[0].name)[0].sid,
        "made": True,
        "approval": "received",
        "reason": None,
    }


@pytest.mark.parametrize("calls", [2, 30, 120])
async def test_killed_anywhere_it_goes_on(tmp_path: Path, twilio: TwilioApi, calls: int) -> None:
    """Nothing is made or submitted twice, and in the end all of it is known here."""
    home = tmp_path / "home"
    process = await start(home, **account(twilio))
    async with asyncio.timeout(PATIENCE):
        while len(twilio.content.calls) < calls:  # noqa: ASYNC110 - another process makes them
            await asyncio.sleep(0.001)
    process.kill()
    await process.communicate()
    assert (await setup(home, **account(twilio)))[0] == 0
    names = [content.friendly_name for content in twilio.content.kept.values()]
    assert sorted(names) == sorted(draft.name for draft in WANTED)
    submitted = [path for _, path in twilio.content.calls if path.endswith("/whatsapp")]
    assert len(submitted) == len(set(submitted)) == len(NOTICES)
    settings = homes.settings_in(home)
    async with open_house(settings) as house, house.database.read() as connection:
        kept = await Contents().all(connection)
    assert {name: content.sid for name, content in kept.items()} == {
        content.friendly_name: content.sid for content in twilio.content.kept.values()
    }


@pytest.mark.parametrize("missing", ["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"])
async def test_without_an_account_nothing_happens(
    tmp_path: Path, twilio: TwilioApi, missing: str
) -> None:
    settings = {name: value for name, value in account(twilio).items() if name != missing}
    status, out, err = await setup(tmp_path / "home", **settings)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert missing in err
    assert not (tmp_path / "home").exists()
    assert twilio.content.calls == []


async def test_a_wrong_account_changes_nothing(tmp_path: Path, twilio: TwilioApi) -> None:
    settings = account(twilio) | {"TWILIO_AUTH_TOKEN": "wrong-and-secret"}
    status, out, err = await setup(tmp_path / "home", **settings)
    assert (status, out) == (2, "")
    assert err == "hesbot: TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN: Twilio refuses them\n"
    assert not (tmp_path / "home").exists()
    assert twilio.content.kept == {}


# --- and then ---------------------------------------------------------------------------------


@asynccontextmanager
async def town(home: Path, twilio: TwilioApi) -> AsyncIterator[House]:
    """The house with WhatsApp and its buttons at work."""
    token = SecretStr(twilio.auth_token)
    settings = homes.settings_in(home, public_url=PUBLIC_URL, twilio_auth_token=token)
    async with open_house(settings) as house:
        shelf = Shelf(house.database, house.wording, {})
        await shelf.refresh()
        line = TwilioLine(twilio.account_sid, twilio.auth_token, twilio.base_url)
        openers = contents.openers(house.wording)
        buttons = Buttons(line, shelf.sid, openers, PUBLIC_URL + STATUS_PATH)
        channel = WhatsApp(
            house.desk, auth_token=twilio.auth_token, public_url=PUBLIC_URL, buttons=buttons
        )
        app = application([channel], house.database)
        async with serve(app) as url, working(house, [channel]):
            twilio.reroute(PUBLIC_URL, url)
            yield house


async def do(twilio: TwilioApi, deniz: Person, *acts: str) -> None:
    """Type, or press what stands in brackets."""
    for act in acts:
        if act.startswith("["):
            await deniz.pick(act[1:-1])
        else:
            await deniz.say(act)
        await twilio.idle()


async def test_a_registration_by_buttons(tmp_path: Path, twilio: TwilioApi) -> None:
    """From the first word to the menu everything that can be pressed is pressed."""
    assert (await setup(tmp_path / "home", **account(twilio)))[0] == 0
    async with town(tmp_path / "home", twilio):
        deniz = twilio.person()
        await do(twilio, deniz, "merhaba")
        assert deniz.last.labels == ["Kabul ediyorum", "Kabul etmiyorum", "Metnin tamamı"]
        consent = deniz.last.sid
        await do(twilio, deniz, "[Kabul ediyorum]", "Ayşe", "Yılmaz", "10000000146", "1/2/60")
        assert deniz.last.labels == ["Evet, doğru", "Hayır, düzelteyim"]
        await do(twilio, deniz, "[Evet, doğru]")
        assert deniz.last.labels == ["Yok"]
        await do(twilio, deniz, "[Yok]", "7301 2345 6789 0123")
        await deniz.pick("Kabul etmiyorum", on=consent)
        await twilio.idle()
        assert "Bu düğme önceki bir soruya ait" in deniz.last.text
        await do(twilio, deniz, "0532 000 00 21", "A1B2-3456-78")
        assert deniz.last.labels == ["Evet, doğru", "Düzelteceğim", "İptal"]
        assert "HES kodu: A1B2-••••-78" in deniz.last.text
        await do(twilio, deniz, "[Düzelteceğim]")
        assert deniz.last.kind == "twilio/list-picker"
        await do(twilio, deniz, "[Soyad]")
        assert deniz.last.labels == ["Aynı kalsın"]
        await do(twilio, deniz, "[Aynı kalsın]", "[Evet, doğru]", "[Onaylıyorum]")
        assert "✓ Kaydedildi" in deniz.last.text
        await do(twilio, deniz, "menü")
        assert deniz.last.kind == "twilio/list-picker"
        await do(twilio, deniz, "[Durum]")
        assert "0123" in deniz.last.text


async def test_without_setup_the_talk_is_written(tmp_path: Path, twilio: TwilioApi) -> None:
    """Numbered, in one bubble, as it is without an account for REST."""
    async with town(tmp_path / "home", twilio):
        deniz = twilio.person()
        await do(twilio, deniz, "merhaba")
        assert deniz.last.text.endswith(
            "\n\n1. Kabul ediyorum\n2. Kabul etmiyorum\n3. Metnin tamamı"
        )
        await do(twilio, deniz, "1")
        assert "1/8 · Ad" in deniz.last.text
