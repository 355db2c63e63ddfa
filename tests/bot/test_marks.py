"""The desk counts what happened in the talk: once, after the commit, apart from its own work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.app import open_house, working
from bot.channels.base import Inbound, written
from bot.marks import Marks
from conversations.events import Address
from conversations.registration import REGISTRATION
from storage import Database, Unavailable, marks
from tests import homes
from tests.bot.office import CARD, CHANNEL, LIMITS, NOW, SCRIPT, Office, office
from tests.fakes.waiting import Pulse

HOUR = datetime(2021, 1, 10, 9, tzinfo=UTC)
WHOLE = {
    "consented": 1,
    **{f"answered:{field.name}": 1 for field in REGISTRATION.fields},
    "reviewed": 1,
    "saved": 1,
}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Office]:
    """A desk without an outside service."""
    async with office(tmp_path) as opened:
        yield opened


async def written_down(database: Database) -> dict[str, int]:
    """What the records count of the first hour and later."""
    async with database.read() as connection:
        return await marks.since(connection, HOUR)


async def test_a_registration_is_counted_step_by_step(desk: Office) -> None:
    """From the first word to the last, in the hour by the product's clock."""
    await desk.talk(*SCRIPT)
    assert await written_down(desk.database) == {}
    await desk.marks.flush()
    assert await written_down(desk.database) == WHOLE
    async with desk.database.read() as connection:
        assert await marks.hourly(connection, "saved", HOUR) == {HOUR: 1}


async def test_a_refused_card_number_is_counted_by_its_code(desk: Office) -> None:
    """Nothing that was typed is in it."""
    await desk.talk(*SCRIPT[: SCRIPT.index(CARD)], "7301 0000 1111 222")
    await desk.marks.flush()
    counted = await written_down(desk.database)
    assert counted["refused:card_number:card.length"] == 1
    assert not any("7301" in name for name in counted)


async def test_a_repeated_message_counts_nothing(desk: Office) -> None:
    """Neither a twin in the same batch nor one that comes later."""
    await desk.say("merhaba")
    await asyncio.gather(*(desk.say("evet", message="m") for _ in range(3)))
    await desk.say("evet", message="m")
    await desk.marks.flush()
    assert await written_down(desk.database) == {"consented": 1}


async def test_what_is_rolled_back_is_not_counted(
    desk: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch fails at its end; the tries one by one count once."""
    await desk.talk("merhaba")
    await desk.talk("merhaba", who="2")
    keep, failures = desk.desk._keep, [RuntimeError("first"), Unavailable("second")]

    async def failing(*given: object) -> None:
        await keep(*given)  # type: ignore[arg-type]
        if failures:
            raise failures.pop(0)

    monkeypatch.setattr(desk.desk, "_keep", failing)
    said = await asyncio.gather(desk.say("evet"), desk.say("evet", "2"), return_exceptions=True)
    assert len([each for each in said if isinstance(each, Exception)]) == 1
    await desk.marks.flush()
    assert await written_down(desk.database) == {"consented": 1}


async def test_what_cannot_be_written_stays_counted(desk: Office, tmp_path: Path) -> None:
    """The next writing brings it, with what came meanwhile."""
    closed = await Database.open(f"sqlite:///{tmp_path / 'other.sqlite3'}")
    counted = Marks(closed)
    counted.count(["saved"], NOW)
    counted._database = Broken()  # type: ignore[assignment]
    await counted.flush()
    counted.count(["saved", "left"], NOW + timedelta(minutes=5))
    counted._database = closed
    await counted.flush()
    assert await written_down(closed) == {"saved": 2, "left": 1}
    await closed.close()


class Ringing(Marks):
    """Marks that tell when they were written."""

    pulse: Pulse

    async def flush(self) -> None:
        await super().flush()
        self.pulse.beat()


class Broken:
    """Records that cannot be written."""

    def begin(self, _within: float | None = None) -> None:
        raise Unavailable("away")


async def test_it_is_written_from_time_to_time(desk: Office) -> None:
    """Without anybody asking, and nothing is written when nothing was counted."""
    counted, pulse = Ringing(desk.database, every=0.01), Pulse()
    counted.pulse = pulse
    async with counted.kept():
        counted.count(["saved"], NOW)
        await pulse.until(lambda: desk.database.commits == 1)
    assert desk.database.commits == 1
    assert await written_down(desk.database) == {"saved": 1}


async def test_it_is_written_when_the_work_ends(tmp_path: Path) -> None:
    """The whole house stops, and the last words are counted."""
    settings = homes.settings_in(tmp_path, hesbot_now=NOW)
    async with open_house(settings) as house:
        async with working(house, ()):
            house.limits.update(LIMITS)
            for number, text in enumerate(("merhaba", "evet")):
                inbound = Inbound(Address(CHANNEL, "1"), f"m{number}", written(text))
                await house.desk.receive(inbound)
        assert await written_down(house.database) == {"consented": 1}
