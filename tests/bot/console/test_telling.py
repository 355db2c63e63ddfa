"""A broadcast in the reader's words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from bot import wording_numbers
from bot.console import telling
from bot.wording import Wording
from conversations.broadcasts import Audience, Group, Stage
from conversations.replies import Word
from storage import Broadcast, KeyRing, Vault
from tests import homes
from tests.storage.announcing import Newsroom

WORDING = Wording.load()
NOON, EVENING = datetime(2021, 1, 8, 9, tzinfo=UTC), datetime(2021, 1, 8, 20, tzinfo=UTC)


@dataclass(frozen=True)
class Reader:
    """Reads Turkish."""

    def say(self, word: Word) -> str:
        return WORDING.text(word, "tr")

    def share(self, part: float, of: float) -> str:
        return wording_numbers.percent(part / of, "tr")


READER: Any = Reader()


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Broadcast]:
    """A broadcast under way."""
    database = await homes.opened_in(tmp_path)
    room = await Newsroom.open(database, Vault(KeyRing.new()))
    yield await room.running()
    await database.close()


async def test_a_pause_says_its_cause(running: Broadcast) -> None:
    """What failed with the messenger's own code; or that somebody paused it."""
    stopped = replace(running, stage=Stage.PAUSED, pause_cause="0.213 telegram 403_blocked")
    told = telling.pause(READER, stopped)
    assert "%21,3" in told
    assert "Telegram: Botu engellemiş (403_blocked)" in told
    assert "Görevli tarafından" in telling.pause(READER, replace(stopped, pause_cause=""))


async def test_a_code_without_words_is_told_as_it_is(running: Broadcast) -> None:
    """Rather the messenger's number than nothing."""
    told = telling.pause(READER, replace(running, pause_cause="0.5 whatsapp 63027"))
    assert told.endswith("WhatsApp: 63027")


async def test_the_night_is_told_to_who_watches(running: Broadcast) -> None:
    """What is urgent goes on, and at noon nothing waits."""
    assert "09:00 itibarıyla" in telling.night(READER, running, EVENING)
    assert telling.night(READER, running, NOON) == ""
    urgent = replace(running, draft=replace(running.draft, urgent=True))
    assert telling.night(READER, urgent, EVENING) == ""


def test_an_audience_is_one_line() -> None:
    """Each criterion that matters, and no other."""
    wanted = Audience(Group.ACTIVE, ("telegram",), (), date(2020, 12, 1), None, 3)
    assert telling.audience(READER, wanted) == (
        "Kartı aktif olanlar · Telegram · 1 Aralık 2020 gününden beri · 3 gün"
    )
