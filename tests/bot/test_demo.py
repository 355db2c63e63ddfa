"""The demonstration: an invented Ministry, and a card that is suspended and given back."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bot.channels.web import NOTICES
from bot.clock import clock
from bot.demo import (
    GOOD_UNTIL,
    LOCK,
    OURS,
    START,
    VERDICTS,
    Pauses,
    demonstrate,
    demonstration,
    invented_ministry,
)
from bot.notices.announcing import announcing
from bot.notices.workers import locked
from bot.settings import Settings, SettingsError
from conversations.actions import (
    AskHesService,
    CodeChecked,
    Holder,
    KeepVerdict,
    LinkSaved,
    SaveLink,
    Verdict,
)
from storage import (
    Asked,
    Connection,
    Database,
    KeyRing,
    Ledger,
    Registry,
    Unavailable,
    Vault,
    tables,
)
from tests.bot.channels.posting import post_office
from tests.bot.channels.visiting import visiting
from tests.bot.commanding import refused
from tests.bot.notices.town import until
from tests.bot.office import CARD, SCRIPT
from tests.storage.people import AYSE, AYSE_ANSWERS, BORA, BORA_ANSWERS, DEADLINE, Office

QUICK = Pauses(look=0.01, paired=0.02, held=0.05)
CLOCK = clock(START)
HOLDER = Holder("10000000146", "Ayşe", "Yılmaz")


# --- the invented Ministry ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("A1B2345678", Verdict.VALID),
        ("A1B2345600", Verdict.NOT_FOUND),
        ("A1B2345611", Verdict.MISMATCH),
        ("A1B2345622", Verdict.EXPIRED),
        ("A1B2345633", Verdict.UNCHECKED),
    ],
)
async def test_the_last_digits_decide(code: str, verdict: Verdict) -> None:
    """Every verdict of the real one can be seen."""
    checked = await invented_ministry(lambda: START)(AskHesService(code, HOLDER, (7,)))
    assert (checked.links, checked.verdict) == ((7,), verdict)
    assert {*VERDICTS.values(), Verdict.VALID} == set(Verdict)


async def test_a_good_code_has_no_end() -> None:
    checked = await invented_ministry(lambda: START)(AskHesService("A1B2345678", HOLDER, (7,)))
    assert checked.valid_until == GOOD_UNTIL


# --- its settings ---------------------------------------------------------------------------


def test_its_records_are_its_own_and_begin_anew(tmp_path: Path) -> None:
    """Whatever is in the usual home is neither read nor written."""
    (tmp_path / "hesbot.sqlite3").write_text("earnest")
    earlier = demonstrated(tmp_path)
    with demonstration(Settings(hesbot_home=tmp_path, port=0)) as settings:
        assert settings.hesbot_home == earlier == tmp_path / "demo"
        assert settings.hesbot_now == START
        assert settings.fresh
        assert [each.name for each in earlier.iterdir()] == [LOCK]
    assert (tmp_path / "hesbot.sqlite3").read_text() == "earnest"


def demonstrated(home: Path) -> Path:
    """A folder as a demonstration leaves it."""
    folder = home / "demo"
    folder.mkdir()
    for name in (*OURS, "worker-0.id", "worker-1.id"):
        (folder / name).write_text("of the last demonstration")
    return folder


def test_what_is_not_its_own_stays(tmp_path: Path) -> None:
    """Somebody may call a folder of theirs demo, as well."""
    folder = demonstrated(tmp_path)
    others = ("thesis.txt", "data.sqlite3", "worker-x.id", "reports/boardings-00001.csv")
    (folder / "reports").mkdir()
    for name in others:
        (folder / name).write_text("mine")
    with demonstration(Settings(hesbot_home=tmp_path, port=0)) as settings:
        assert settings.fresh
    assert [(folder / name).read_text() for name in others] == ["mine"] * len(others)


def test_keys_without_records_are_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    keys = tmp_path / "demo" / "keys.json"
    keys.write_text("mine")
    with demonstration(Settings(hesbot_home=tmp_path, port=0)):
        assert keys.read_text() == "mine"


@pytest.mark.parametrize("name", ["worker-0.id", "worker-1.id"])
def test_one_that_runs_keeps_its_records(tmp_path: Path, name: str) -> None:
    """A demonstration, or a worker that somebody started beside it."""
    folder = demonstrated(tmp_path)
    handle = locked(folder / name)
    assert handle is not None
    line = "^HESBOT_HOME: a demonstration runs in "
    with (
        pytest.raises(SettingsError, match=line),
        demonstration(Settings(hesbot_home=tmp_path, port=0)),
    ):
        pass
    assert all((folder / name).exists() for name in OURS)
    os.close(handle)
    with demonstration(Settings(hesbot_home=tmp_path, port=0)) as settings:
        assert settings.fresh


def test_two_do_not_run_in_one_home(tmp_path: Path) -> None:
    """While the first has not even opened its records."""
    settings = Settings(hesbot_home=tmp_path, port=0)
    with demonstration(settings), pytest.raises(SettingsError), demonstration(settings):
        pass
    with demonstration(settings):
        pass


def test_an_address_that_is_taken_costs_no_records(tmp_path: Path) -> None:
    folder = demonstrated(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = Settings(hesbot_home=tmp_path, port=taken.getsockname()[1])
        with pytest.raises(SettingsError, match=r"^HOST, PORT: "), demonstration(settings):
            pass
    assert all((folder / name).exists() for name in OURS)


def test_a_file_in_its_place_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("mine")
    with (
        pytest.raises(SettingsError, match=r"^HESBOT_HOME: "),
        demonstration(Settings(hesbot_home=tmp_path, port=0)),
    ):
        pass
    assert (tmp_path / "demo").read_text() == "mine"


@pytest.mark.sqlite("a demonstration has a file of its own")
async def test_the_command_does_so(tmp_path: Path) -> None:
    """One line, and the records of the one that runs are there."""
    folder = demonstrated(tmp_path)
    handle = locked(folder / LOCK)
    assert handle is not None
    line = await refused(tmp_path, "run", "--demo", PORT="0")
    os.close(handle)
    assert "a demonstration runs in" in line
    assert all((folder / name).exists() for name in OURS)


def test_a_clock_that_is_set_stays_set(tmp_path: Path) -> None:
    moment = START + timedelta(days=6)
    given = Settings(hesbot_home=tmp_path, hesbot_now=moment, port=0)
    with demonstration(given) as settings:
        assert settings.hesbot_now == moment


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("telegram_bot_token", "123456789:" + "a" * 35),
        ("twilio_account_sid", "AC" + "0" * 32),
        ("twilio_auth_token", "secret"),
        ("database_url", "postgresql://127.0.0.1/records"),
        ("hes_service_url", "https://hes.example.com"),
    ],
)
def test_it_keeps_away_from_real_people(name: str, value: str) -> None:
    """One line that names the setting and does not quote it."""
    settings: dict[str, Any] = {name: value}
    with (
        pytest.raises(SettingsError, match=f"^{name.upper()}: ") as raised,
        demonstration(Settings(**settings)),
    ):
        pass
    assert value not in str(raised.value)


# --- what one sees --------------------------------------------------------------------------


class Shaky(Database):
    """A database that is out of reach for a few times."""

    silent_reads = 0
    silent_writes = 0

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        if self.silent_reads:
            self.silent_reads -= 1
            raise Unavailable("down")
        async with super().read() as connection:
            yield connection

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Connection]:
        if self.silent_writes:
            self.silent_writes -= 1
            raise Unavailable("down")
        async with super().begin() as connection:
            yield connection


class Stage(Office):
    """A register whose changes are told, with the demonstration running on it."""

    async def notices(self) -> list[str]:
        """What is on record to be told, by card."""
        row = tables.deliveries.c
        async with self.database.read() as connection:
            found = await connection.execute(select(row.kind).order_by(row.card_id, row.id))
            return list(found.scalars())

    async def told(self, *kinds: str) -> None:
        """Wait until just these notices are on record."""

        async def so() -> bool:
            return await self.notices() == list(kinds)

        await until(so)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """Nobody has paired anything yet."""
    vault = Vault(KeyRing.new())
    ledger = Ledger(vault)
    database = await Shaky.open(None, home=tmp_path)
    registry = Registry(vault, deadline=DEADLINE, announce=announcing(ledger))
    work = asyncio.create_task(demonstrate(database, registry, vault, CLOCK, QUICK))
    yield Stage(database, registry, CLOCK())
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    await database.close()


async def test_a_card_is_suspended_and_given_back(stage: Stage) -> None:
    """Each with its notice."""
    await stage.paired(AYSE, AYSE_ANSWERS)
    await stage.told("suspended", "returned")
    history = (await stage.card()).history
    assert [str(change.status) for change in history] == ["ACTIVE", "SUSPENDED", "ACTIVE"]


async def test_it_is_seen_in_the_browser(tmp_path: Path) -> None:
    """Pair a card on the page, and the page tells of its suspension, then of its return."""
    async with post_office(tmp_path, demo=True) as post, visiting(post.base) as visitor:
        house, vault = post.house, Vault(post.house.ring)
        work = asyncio.create_task(
            demonstrate(house.database, house.registry, vault, house.now, QUICK)
        )
        for text in SCRIPT:
            await visitor.post({"text": text})
        told: list[str] = []
        ids: list[int] = []

        async def heard() -> bool:
            page = await visitor.post(json.dumps({"confirm": ids}).encode(), NOTICES)
            found = json.loads(page.html)
            told.extend(each["text"] for each in found["messages"])
            ids[:] = found["ids"]
            return "yeniden" in told[-1] if told else False

        await until(heard)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
    assert all(CARD[-4:] in text for text in told)


async def test_every_card_gets_its_turn_once(stage: Stage) -> None:
    """The first does not come again with the second."""
    await stage.paired(AYSE, AYSE_ANSWERS)
    await stage.told("suspended", "returned")
    await stage.paired(BORA, BORA_ANSWERS)
    await stage.told("suspended", "returned", "suspended", "returned")


async def test_a_denied_code_is_not_suspended_as_well(stage: Stage) -> None:
    """One thing at a time: the person has a new code to get."""
    async with stage.database.begin() as connection:
        ask = Asked(AYSE, SaveLink(AYSE_ANSWERS), CLOCK(), "tr")
        (saved,) = await stage.registry.perform(connection, [ask])
        assert isinstance(saved, LinkSaved)
        denied = KeepVerdict(CodeChecked((saved.cards[0].link,), Verdict.NOT_FOUND))
        await stage.registry.perform(connection, [Asked(AYSE, denied, CLOCK(), "tr")])
    await stage.paired(BORA, BORA_ANSWERS)
    await stage.told("suspended", "returned")
    assert "SUSPENDED" not in [change.status for change in (await stage.card()).history]


async def test_records_out_of_reach_end_nothing(stage: Stage) -> None:
    """A look that fails is made up for; a word that cannot be taken costs one card its turn."""
    assert isinstance(stage.database, Shaky)
    stage.database.silent_reads = 3
    await stage.paired(AYSE, AYSE_ANSWERS)
    stage.database.silent_writes = 1
    await until(lambda: stage.database.silent_writes == 0)
    await stage.paired(BORA, BORA_ANSWERS)
    await stage.told("suspended", "returned")
    assert len((await stage.card()).history) == 1
