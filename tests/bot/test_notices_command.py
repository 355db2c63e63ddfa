"""``hesbot notices`` as its operator meets it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.records import open_records
from conversations.actions import RecordConsent
from conversations.events import Address
from storage import Asked
from tests import homes
from tests.bot.test_command import command, files, refusal
from tests.fakes.telegram import BotApi
from tests.faults.processes import hesbot
from tests.storage.people import TERMS, TEXTS

DECEMBER = datetime(2020, 12, 20, 9, tzinfo=UTC)
AYSE = 4200
CLOCK = {"HESBOT_NOW": "2021-01-02T10:00+03:00"}
NOTHING = {"total": 0, "kinds": {}, "channels": {}, "notices": []}


@pytest.fixture
async def home(tmp_path: Path) -> Path:
    """A home where one person has talked to us on Telegram, and has paired nothing."""
    place = tmp_path / "home"
    async with open_records(homes.settings_in(place)) as records:
        asked = Asked(
            Address("telegram", str(AYSE)), RecordConsent((TERMS,)), DECEMBER, "tr", TEXTS
        )
        async with records.database.begin() as connection:
            await records.registry.perform(connection, [asked])
    return place


async def test_what_is_due_is_what_then_goes_out(home: Path) -> None:
    """Once, however often the day is run."""
    due, _ = await hesbot(home, "notices", "due", "--on", "2021-01-08", "--json", **CLOCK)
    found = json.loads(due)
    assert (found["on"], found["total"], found["kinds"]) == ("2021-01-08", 1, {"deadline": 1})
    assert found["channels"] == {"telegram": 1}
    (notice,) = found["notices"]
    assert notice["to"] == "••••••"
    assert notice["due_at"] == "2021-01-08T09:00:00+00:00"
    async with BotApi() as api:
        api.person(AYSE)
        telegram = {"TELEGRAM_BOT_TOKEN": api.token, "TELEGRAM_API_BASE": api.base_url}
        words = ("notices", "run", "--on", "2021-01-08", "--yes", "--json")
        first, _ = await hesbot(home, *words, **CLOCK, **telegram)
        second, _ = await hesbot(home, *words, **CLOCK, **telegram)
        said = [call for call in api.log if call.method.lower() == "sendmessage"]
    assert json.loads(first)["written"] == {"deadline": 1}
    assert json.loads(first)["outcomes"] == {"sent": 1}
    assert json.loads(second) == {"on": "2021-01-08", "written": {}, "outcomes": {}}
    assert len(said) == 1
    due, _ = await hesbot(home, "notices", "due", "--on", "2021-01-08", "--json", **CLOCK)
    assert json.loads(due) == {"on": "2021-01-08", **NOTHING}


async def test_people_are_shown_a_table(home: Path) -> None:
    """And without a day, today's."""
    lines, _ = await hesbot(home, "notices", "due", **CLOCK)
    assert lines.splitlines()[0] == "2021-01-02: 1 due"
    assert lines.splitlines()[1].split() == ["deadline", "1"]
    lines, _ = await hesbot(home, "notices", "run", **CLOCK)
    assert "1 written" in lines
    assert "nothing sent" in lines


@pytest.mark.parametrize("word", ["due", "run"])
@pytest.mark.parametrize("day", ["yesterday", "2021-02-30", "1999-01-01", "9999-12-31", ""])
async def test_a_day_that_is_none_changes_nothing(home: Path, word: str, day: str) -> None:
    before = files(home)
    assert "--on" in refusal(home, "notices", word, "--on", day)
    assert files(home) == before


@pytest.mark.parametrize("day", ["2021-01-01", "2021-01-08"])
async def test_another_day_is_not_run_unasked(home: Path, day: str) -> None:
    """Where nobody can be asked, it takes a word; today needs none."""
    before = files(home)
    line = refusal(home, "notices", "run", "--on", day, **CLOCK)
    assert "2021-01-02" in line
    assert day in line
    assert "--yes" in line
    assert files(home) == before
    today, _ = await hesbot(home, "notices", "run", "--on", "2021-01-02", **CLOCK)
    assert "1 written" in today


@pytest.mark.parametrize("word", ["due", "run"])
@pytest.mark.sqlite("a home without its file is a new one, and a server never is")
def test_where_nothing_is_on_record_nothing_is_made(tmp_path: Path, word: str) -> None:
    assert "nothing is on record" in refusal(tmp_path / "home", "notices", word)
    assert not (tmp_path / "home").exists()


async def test_an_outlook_leaves_the_records_as_they_were(home: Path) -> None:
    before = files(home)
    assert command(home, "notices", "due", "--on", "2021-01-15", **CLOCK).returncode == 0
    assert files(home) == before


@pytest.mark.sqlite("another holds the file's lock")
async def test_an_outlook_waits_for_nobody_who_writes(home: Path) -> None:
    """On SQLite, where one writer keeps out all others, it looks at a copy."""
    with closing(sqlite3.connect(home / "hesbot.sqlite3")) as other:
        other.execute("BEGIN IMMEDIATE")
        due, _ = await hesbot(home, "notices", "due", "--on", "2021-01-08", "--json", **CLOCK)
        other.rollback()
    assert json.loads(due)["total"] == 1
    assert not [name for name in files(home) if "outlook-" in name]
