"""Lists of cards, and an operator who takes them in; all invented."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.__main__ import app
from bot.records import open_records
from bot.services.card_files import Taken
from bot.settings import Settings
from bot.tasks import import_cards
from conversations.actions import CodeChecked, KeepVerdict, LinkSaved, SaveLink, Verdict
from storage import Asked, CardRecord
from tests import homes
from tests.storage.conftest import postgresql, url
from tests.storage.people import AYSE, AYSE_ANSWERS, CARD, NOW, TEXTS

__all__ = ["postgresql", "url"]

SPOILT = "73010000111122"


@pytest.fixture
def settings(url: str, tmp_path: Path) -> Settings:
    """Records of both kinds in turn, on a day before the deadline."""
    return homes.settings_in(tmp_path / "home", database_url=url, hesbot_now=NOW)


def number(place: int) -> str:
    return f"7301{place:012d}"


def write_list(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


def silent(_done: int, _size: int) -> None:
    """Progress that nobody watches."""


async def take(settings: Settings, file: Path) -> Taken:
    """Import it; how long it took is of no interest."""
    return replace(await import_cards(settings, file, silent), seconds=0)


async def card(settings: Settings, wanted: str = CARD) -> CardRecord | None:
    async with open_records(settings) as records, records.database.read() as connection:
        return await records.registry.card(connection, wanted, NOW)


async def pair(settings: Settings, valid_until: datetime | None = None) -> None:
    """Ayşe pairs her card; the code holds until then."""
    async with open_records(settings) as records, records.database.begin() as connection:
        asked = Asked(AYSE, SaveLink(AYSE_ANSWERS), NOW, "tr", TEXTS)
        (saved,) = await records.registry.perform(connection, [asked])
        assert isinstance(saved, LinkSaved)
        links = tuple(each.link for each in saved.cards)
        told = KeepVerdict(CodeChecked(links, Verdict.VALID, valid_until))
        await records.registry.perform(connection, [replace(asked, action=told)])


def run(home: Path, *words: str) -> tuple[int, str, str]:
    """Run a command; its status and what it printed."""
    done = CliRunner().invoke(
        app, list(words), env={"HESBOT_HOME": str(home), "HESBOT_NOW": NOW.isoformat()}
    )
    return done.exit_code, done.stdout, done.stderr


def files(place: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in place.rglob("*") if file.is_file()}


class Interrupted(Exception):
    """The operator changed their mind."""
