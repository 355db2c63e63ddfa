"""``hesbot risk import`` as its operator meets it."""

from __future__ import annotations

import gzip
import json
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from bot.records import open_records
from bot.services.packed_lines import FREE
from bot.services.risk_file import BATCH
from storage import tables
from tests import homes
from tests.bot.calling import lines, record
from tests.bot.commanding import commanded, files, refused, told
from tests.faults.born import Wish, start
from tests.faults.processes import surroundings
from tests.storage.conftest import new_postgresql, postgresql
from tests.storage.people import AYSE, AYSE_ANSWERS, CARD, NOW, OTHER_CODE, Office

__all__ = ["postgresql"]

AT_NOON = {"HESBOT_NOW": "2021-01-10T12:30"}


@pytest.fixture
def home(empty_home: Path, tmp_path: Path) -> Path:
    """A home of one's own."""
    return homes.copied(empty_home, tmp_path / "home")


async def paired(home: Path) -> None:
    """Ayşe has a card there."""
    async with open_records(homes.settings_in(home)) as records:
        await Office(records.database, records.registry).paired(AYSE, AYSE_ANSWERS)


async def status(home: Path) -> str:
    async with open_records(homes.settings_in(home)) as records:
        return (await Office(records.database, records.registry, NOW).card()).status


async def imported(home: Path, feed: Path, **settings: str) -> Any:
    """What an import says of itself."""
    return await told(home, "risk", "import", str(feed), **AT_NOON, **settings)


def bad_lines(feed: Path) -> list[Any]:
    text = feed.with_name(f"{feed.name}.bad.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
async def test_a_file_is_taken(home: Path, tmp_path: Path, pack: type) -> None:
    """Cards follow, and the same file again changes nothing."""
    await paired(home)
    feed = tmp_path / "feed"
    feed.write_bytes(pack(lines(record(), record("r-2", OTHER_CODE))))
    counts = {"lines": 2, "taken": 2, "repeated": 0, "older": 0, "unknown": 1, "cards": 1}
    assert await imported(home, feed) == {**counts, "bad": 0, "bad_file": None}
    assert await status(home) == "SUSPENDED"
    again = await imported(home, feed)
    assert (again["taken"], again["repeated"], again["cards"]) == (0, 2, 0)


async def test_more_than_a_batch_is_taken(home: Path, tmp_path: Path) -> None:
    """Nothing is lost between two."""
    feed = tmp_path / "feed"
    feed.write_bytes(lines(*(record(f"r-{n}", f"A1B2{n:06}") for n in range(4001))))
    assert (await imported(home, feed))["taken"] == 4001


async def test_bad_lines_are_kept_beside_the_file(home: Path, tmp_path: Path) -> None:
    """As they were, for nobody else to read; a good file takes an old list away."""
    await paired(home)
    feed = tmp_path / "feed.jsonl"
    feed.write_bytes(lines(b"\xff", record(), record("r-2", status="WELL")))
    found = await imported(home, feed)
    place = tmp_path / "feed.jsonl.bad.jsonl"
    assert (found["bad"], found["bad_file"], found["cards"]) == (2, str(place), 1)
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    first, second = bad_lines(feed)
    assert first == {"line": 1, "why": "json", "text": "\\xff"}
    assert (second["line"], second["why"]) == (3, "status")
    assert json.loads(second["text"]) == record("r-2", status="WELL")
    feed.write_bytes(lines(record()))
    assert (await imported(home, feed))["bad_file"] is None
    assert [name for name in files(tmp_path) if "feed.jsonl" in name] == [str(feed)]


async def test_a_file_cut_in_the_middle_is_completed_by_the_whole(
    home: Path, tmp_path: Path
) -> None:
    """The last line is a bad one until then."""
    await paired(home)
    feed, whole = tmp_path / "feed", lines(record("r-0", OTHER_CODE), record())
    feed.write_bytes(whole[:-10])
    found = await imported(home, feed)
    assert (found["taken"], found["bad"], bad_lines(feed)[0]["line"]) == (1, 1, 2)
    feed.write_bytes(whole)
    found = await imported(home, feed)
    assert (found["taken"], found["repeated"], found["bad"], found["cards"]) == (1, 1, 0, 1)


async def test_killed_at_any_moment_it_is_just_run_again(home: Path, tmp_path: Path) -> None:
    """What was taken is taken once; the counts of all runs add up."""
    count = 6000
    feed = tmp_path / "feed"
    feed.write_bytes(lines(*(record(f"r-{n}", f"A1B2{n:06}") for n in range(count))))
    while await risks(home) == 0:
        await kill_an_import(home, feed)
    found = await imported(home, feed)
    assert found["taken"] + found["repeated"] == count
    assert found["repeated"] > 0
    assert await risks(home) == count


async def kill_an_import(home: Path, feed: Path) -> None:
    """Start one, and kill it when it has taken its first batch."""
    process = await start(Wish(["risk", "import", str(feed)], surroundings(home, **AT_NOON)))
    while process.returncode is None and await risks(home) == 0:
        """Looking takes a while by itself."""
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()


async def risks(home: Path) -> int:
    """How many codes the Ministry has said something of."""
    async with open_records(homes.settings_in(home)) as records:
        return (await Office(records.database, records.registry).count())["risks"]


async def test_standard_input_is_a_file_too(home: Path) -> None:
    """Its bad lines are counted."""
    given = lines(record(), b"x")
    done = await commanded(home, "risk", "import", "-", "--json", stdin=given, **AT_NOON)
    found = json.loads(done.stdout)
    assert (found["taken"], found["bad"], found["bad_file"]) == (1, 1, None)


async def test_without_json_it_is_read_by_a_person(home: Path, tmp_path: Path) -> None:
    feed = tmp_path / "feed"
    feed.write_bytes(lines(record()))
    out = (await commanded(home, "risk", "import", str(feed), **AT_NOON)).stdout
    assert {"taken: 1", "bad: 0", "bad_file: -"} <= set(out.splitlines())


@pytest.mark.parametrize("content", [b"", b"\n", b"Dear diary,\n", b"\x1f\x8b\x08", b"[]", None])
async def test_a_file_without_a_record_changes_nothing(
    tmp_path: Path, content: bytes | None
) -> None:
    """One that is not there, too. Nothing is changed; not even a home is made."""
    home, feed = tmp_path / "home", tmp_path / "feed"
    if content is not None:
        feed.write_bytes(content)
    before = files(tmp_path)
    await refused(home, "risk", "import", str(feed))
    assert files(tmp_path) == before
    assert not home.exists()


async def test_what_is_no_file_is_one_line(tmp_path: Path) -> None:
    assert "directory" in await refused(tmp_path / "home", "risk", "import", str(tmp_path))


async def test_a_bomb_is_one_line(home: Path, tmp_path: Path) -> None:
    """What it said before is taken, and is named."""
    feed = tmp_path / "feed"
    records = lines(*(record(f"r-{n}", f"A1B2{n:06}") for n in range(BATCH)), b"")
    feed.write_bytes(gzip.compress(records + b"\n" * (FREE * 2)))
    line = await refused(home, "risk", "import", str(feed), **AT_NOON)
    assert f"far more than a list of risky codes can; {BATCH} records" in line
    assert await risks(home) == BATCH
    assert [name for name in files(tmp_path) if "feed" in name] == [str(feed)]


async def test_a_pipe_is_not_replaced_by_bad_lines(home: Path, tmp_path: Path) -> None:
    """Nothing is taken before that is seen."""
    feed, pipe = tmp_path / "feed", tmp_path / "feed.bad.jsonl"
    feed.write_bytes(lines(record()))
    os.mkfifo(pipe)
    assert "is not a regular file" in await refused(home, "risk", "import", str(feed), **AT_NOON)
    assert pipe.is_fifo()
    assert await risks(home) == 0


async def test_a_folder_that_takes_no_bad_lines_stops_it_in_time(home: Path) -> None:
    """/proc takes no files, whoever asks."""
    before = files(home)
    assert "/proc" in await refused(home, "risk", "import", "/proc/version")
    assert files(home) == before


async def test_on_postgresql_too(postgresql: str, tmp_path: Path) -> None:
    """Where the first command of all makes the keys."""
    url = await new_postgresql(postgresql)
    feed = tmp_path / "feed"
    feed.write_bytes(lines(record(), record("r-2", OTHER_CODE)))
    found = await imported(tmp_path / "home", feed, DATABASE_URL=url)
    assert found["taken"] == 2
    settings = homes.settings_in(tmp_path / "home", database_url=url)
    async with open_records(settings, new_keys=False) as records:
        await Office(records.database, records.registry).paired(AYSE, AYSE_ANSWERS)
        office = Office(records.database, records.registry, NOW)
        assert (await office.card(CARD)).status == "SUSPENDED"
        async with records.database.read() as conn:
            assert len((await conn.execute(tables.risks.select())).all()) == 2
