"""Lists of cards as the operator meets them: taken in, broken off, given again."""

from __future__ import annotations

import asyncio
import csv
import gzip
import json
import os
import random
import select
import signal
import sqlite3
import stat
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from bot.records import open_records
from bot.services import card_files, card_lists, card_sealing
from bot.services.card_files import Taken
from bot.services.card_lists import UnusableFile, examine
from bot.services.card_sealing import SMALL
from bot.services.card_spool import HEAPS, Spool, in_order, pack, unpack
from bot.settings import Settings
from bot.tasks import import_cards
from storage import KeyRing
from tests.bot.card_lists import (
    SPOILT,
    Interrupted,
    card,
    files,
    number,
    run,
    settings,
    take,
    write_list,
)
from tests.faults.processes import PATIENCE, surroundings
from tests.storage.conftest import postgresql, url
from tests.storage.people import CARD, DEADLINE, OTHER_CARD

__all__ = ["postgresql", "settings", "url"]


async def test_a_list_is_taken_in(settings: Settings, tmp_path: Path) -> None:
    """With a heading, an empty line, a bad one and a card that comes twice."""
    lines = ("kart;kişisel", f"{CARD};evet", "", SPOILT, OTHER_CARD, f"{CARD};hayır")
    file = write_list(tmp_path / "cards.csv", *lines)
    bad_file = tmp_path / "cards.csv.bad.csv"
    assert await take(settings, file) == Taken(6, 2, 1, 0, 1, 0, str(bad_file), False)
    assert bad_file.read_text() == f'line,reason,content\n4,14 digits instead of 16,"{SPOILT}"\n'
    assert stat.S_IMODE(bad_file.stat().st_mode) == 0o600
    found = await card(settings)
    assert found is not None
    assert (found.status, found.cause, found.history) == ("UNPAIRED", "never_paired", ())


async def test_bad_lines_are_written_as_they_were(settings: Settings, tmp_path: Path) -> None:
    """Whatever quotes and separators they have; a table programme reads them back."""
    lines = (CARD, f'"{SPOILT}";"e;v"', f'{SPOILT},"', "çöp")
    done = await take(settings, write_list(tmp_path / "cards.csv", *lines))
    text = files(tmp_path)[str(done.bad_file)].decode()
    _, *found = csv.reader(text.splitlines())
    assert [(line, content) for line, _, content in found] == [
        (str(place), line) for place, line in enumerate(lines[1:], 2)
    ]


def test_a_spool_gives_cards_back_in_the_order_of_their_keys(tmp_path: Path) -> None:
    """Those with one key as they came, and without leaving a file."""
    chance = random.Random(7)
    keys = [chance.randbytes(16) for _ in range(300)]
    cards = [(key, chance.randbytes(47), chance.choice((None, True, False))) for key in keys * 2]
    expected = sorted(cards, key=lambda card: card[0])
    with Spool(tmp_path) as spool:
        for start in range(0, len(cards), 70):
            spool.add(pack(cards[start : start + 70]))
        ordered = [in_order(spool.heap(place), spool.width) for place in range(HEAPS)]
        assert unpack(b"".join(ordered), spool.width) == expected
        assert [len(heap) // spool.width for heap in ordered] == spool.counts
        assert list(tmp_path.iterdir()) == []


async def test_the_same_list_again_changes_nothing(settings: Settings, tmp_path: Path) -> None:
    """Under another name, and packed."""
    file = write_list(tmp_path / "cards.csv", CARD, SPOILT)
    await take(settings, file)
    packed = tmp_path / "of today"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    before = await rows(settings)
    assert (await take(settings, file)).repeated
    assert await take(settings, packed) == Taken(2, 1, 0, 0, 1, 0, None, True)
    assert await rows(settings) == before


async def rows(settings: Settings) -> list[Any]:
    """What is on record of all cards and lists."""
    from sqlalchemy import select

    from storage import tables

    async with open_records(settings) as records, records.database.read() as connection:
        return [
            each
            for table in (tables.cards, tables.card_history, tables.imports)
            for each in await connection.execute(select(table))
        ]


async def test_a_list_that_changed_a_little_is_another_list(
    settings: Settings, tmp_path: Path
) -> None:
    """However large it is, and though size, head and tail are the same."""
    many = [number(place) for place in range(300)]
    await take(settings, write_list(tmp_path / "cards.csv", *many))
    many[150] = CARD
    done = await take(settings, write_list(tmp_path / "cards.csv", *many))
    assert (done.added, done.known, done.repeated) == (1, 299, False)


async def test_the_bad_lines_of_a_better_list_replace_those_of_the_worse(
    settings: Settings, tmp_path: Path
) -> None:
    """Without any there is no file."""
    file = write_list(tmp_path / "cards.csv", CARD, SPOILT, "x")
    await take(settings, file)
    bad_file = tmp_path / "cards.csv.bad.csv"
    bad_file.chmod(0o644)
    await take(settings, write_list(file, CARD, SPOILT))
    assert bad_file.read_text().count("\n") == 2
    assert stat.S_IMODE(bad_file.stat().st_mode) == 0o600
    assert (await take(settings, write_list(file, CARD, OTHER_CARD))).bad_file is None
    assert not [each for each in files(tmp_path) if "bad.csv" in each]


async def test_processes_seal_as_a_thread_does(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In several parts, read back by the one who asked for them."""
    monkeypatch.setattr(card_sealing, "SMALL", 0)
    monkeypatch.setattr(card_lists, "BLOCK", 1000)
    monkeypatch.setattr(card_files, "PART", 70)
    many = [f"{number(place)},{'yes' if place % 2 else 'no'}" for place in range(500)]
    many[123] = SPOILT
    done = await take(settings, write_list(tmp_path / "cards.csv", *many))
    assert (done.lines, done.added, done.bad) == (500, 499, 1)
    assert b"\n124," in files(tmp_path)[str(done.bad_file)]
    last = await card(settings, number(499))
    assert last is not None
    assert last.number == number(499)


def test_processes_are_for_long_lists() -> None:
    """A thread is ready at once; sealing keeps Python's lock."""
    for size, kind in ((SMALL, ThreadPoolExecutor), (SMALL + 1, ProcessPoolExecutor)):
        with card_sealing.sealers(KeyRing.new(), DEADLINE, size) as pool:
            assert isinstance(pool, kind)


async def test_a_list_that_changes_meanwhile_is_refused(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What its bytes were is not what they are."""
    file = write_list(tmp_path / "cards.csv", CARD)

    def examined(path: Path) -> Any:
        found = examine(path)
        write_list(path, CARD, OTHER_CARD)
        return found

    monkeypatch.setattr(card_lists, "examine", examined)
    with pytest.raises(UnusableFile, match="was changed meanwhile"):
        await take(settings, file)
    assert await card(settings) is None


async def test_a_list_is_taken_in_by_one_process_at_a_time(
    settings: Settings, tmp_path: Path
) -> None:
    """The other is told so, and takes nothing."""
    file = write_list(tmp_path / "cards.csv", CARD, SPOILT)
    with (
        card_lists.bad_lines(examine(file).bad_path),
        pytest.raises(UnusableFile, match="another process"),
    ):
        await take(settings, file)
    assert await card(settings) is None
    assert (await take(settings, file)).added == 1


# --- broken off -----------------------------------------------------------------------------


@pytest.mark.parametrize("breaks", [(0,), (1, 1), (0, 1, 2, 3)])
async def test_a_list_goes_on_where_it_was_broken_off(
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    breaks: tuple[int, ...],
) -> None:
    """Every attempt writes so many parts; the counts and the bad lines end as if in one go."""
    monkeypatch.setattr(card_files, "PART", 40)
    monkeypatch.setattr(card_lists, "BLOCK", 1000)
    lines = [number(place) for place in range(400)]
    lines[10] = lines[333] = SPOILT
    lines[200] = lines[20]
    file = write_list(tmp_path / "cards.csv", *lines)
    for parts in breaks:
        left = parts

        def report(done: int, size: int) -> None:
            nonlocal left
            # The second half of the work is writing.
            if 2 * done > size:
                left -= 1
                if left < 0:
                    raise Interrupted

        with pytest.raises(Interrupted):
            await import_cards(settings, file, report)
    bad_file = tmp_path / "cards.csv.bad.csv"
    assert await take(settings, file) == Taken(400, 397, 0, 1, 2, 0, str(bad_file), False)
    assert [line.split(",")[0] for line in bad_file.read_text().splitlines()[1:]] == ["11", "334"]


PROGRAM = """
import sys
from bot.services import card_files, card_sealing
if __name__ == "__main__":
    from bot.__main__ import main
    card_sealing.SMALL = 0
    card_sealing.MOST_WORKERS = 1
    card_files.PART = 2000
    sys.argv = ["hesbot", "cards", "import", sys.argv[1], "--json"]
    main()
"""
"""The command, with workers and many transactions even for a short list."""


async def importing(home: Path, file: Path) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PROGRAM,
        str(file),
        env=surroundings(home),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
    )


def position(home: Path) -> int:
    """How many cards of the list are written; -1 before it is begun."""
    with (
        suppress(sqlite3.OperationalError),
        closing(sqlite3.connect(f"file:{home}/hesbot.sqlite3?mode=ro", uri=True)) as records,
    ):
        found = records.execute("SELECT position FROM imports").fetchone()
        return -1 if found is None else int(found[0])
    return -1


async def kill_at(home: Path, file: Path, moment: int) -> int:
    """Start it, and kill it when so much is written, while it waits for the next part's turn."""
    process = await importing(home, file)
    try:
        async with asyncio.timeout(PATIENCE):
            while position(home) < moment:
                assert process.returncode is None, process
                await asyncio.sleep(0.002)
        with closing(sqlite3.connect(home / "hesbot.sqlite3", isolation_level=None)) as records:
            records.execute("PRAGMA busy_timeout = 5000")
            records.execute("BEGIN IMMEDIATE")
            workers = children(process.pid)
            process.kill()
            await asyncio.to_thread(wait_for_end, workers)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()
    return position(home)


def children(parent: int) -> list[int]:
    """Handles of the processes that a process has started (proc(5), pidfd_open(2))."""
    tasks = Path(f"/proc/{parent}/task").glob("*/children")
    return [os.pidfd_open(int(each)) for task in tasks for each in task.read_text().split()]


def wait_for_end(processes: list[int]) -> None:
    """Of processes that have been left alone; one that stays fails the test, and is ended."""
    stayed = []
    for each in processes:
        if not select.select([each], [], [], PATIENCE / 3)[0]:
            stayed.append(each)
            signal.pidfd_send_signal(each, signal.SIGKILL)
        os.close(each)
    assert stayed == []


def contents(home: Path) -> Mapping[str, Any]:
    """What a list left on record, without moments and secrets."""
    with closing(sqlite3.connect(home / "hesbot.sqlite3")) as records:
        return {
            "imports": records.execute(
                "SELECT position, line, added, changed, known, bad, finished_at IS NULL"
                " FROM imports"
            ).fetchall(),
            "cards": records.execute(
                "SELECT personalised, status, cause, count(*) FROM cards GROUP BY 1, 2, 3"
            ).fetchall(),
        }


async def test_a_process_killed_at_any_moment_ends_where_an_undisturbed_one_does(
    tmp_path: Path,
) -> None:
    """While it seals, and between the parts it writes; its workers go with it."""
    lines = [f"{number(place % 9000)},{'yes' if place % 3 else 'no'}" for place in range(10000)]
    lines[4999] = lines[9998] = SPOILT
    calm, rough = tmp_path / "calm", tmp_path / "rough"
    for home in (calm, rough):
        home.mkdir()
        write_list(home / "cards.csv", *lines)
    expected = asyncio.create_task(imported(calm))
    positions = [await kill_at(rough, rough / "cards.csv", moment) for moment in (0, 4000)]
    assert 4000 <= positions[-1] < 9998
    assert await imported(rough) == await expected
    assert contents(rough) == contents(calm)
    bad_file = "cards.csv.bad.csv"
    assert (rough / bad_file).read_bytes() == (calm / bad_file).read_bytes()
    assert sorted(each.name for each in rough.iterdir()) == sorted(
        each.name for each in calm.iterdir()
    )


async def imported(home: Path) -> Mapping[str, Any]:
    """Import to the end; what was printed, without what every run says anew."""
    process = await importing(home, home / "cards.csv")
    out, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    plain = json.loads(out)
    return {name: value for name, value in plain.items() if name not in ("seconds", "bad_file")}


# --- as typed -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory"),
        (b"", "is empty"),
        (b"\xef\xbb\xbf \n\n", "is empty"),
        (b"\x7fELF\x02\x01\x01\x00" * 20, "is not a text"),
        (f"{CARD}\n".encode("utf-16"), "is UTF-16"),
        (b"root:x:0:0:root\n", "no card number can be read there"),
        (SPOILT.encode(), "no card number can be read there"),
        (gzip.compress(f"{CARD}\n".encode() * 100, mtime=0)[:-9], "damaged or cut off"),
        (b"\x1f\x8bnonsense", "damaged or cut off"),
    ],
)
def test_a_file_that_is_no_list_is_one_line_and_changes_nothing(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    file = tmp_path / "cards.csv"
    if content is not None:
        file.write_bytes(content)
    before = files(tmp_path)
    status, out, err = run(tmp_path / "home", "cards", "import", str(file))
    assert (status, out) == (2, "")
    assert err.startswith("hesbot: ")
    assert reason in err
    assert err.count("\n") == 1
    assert files(tmp_path) == before
    assert not (tmp_path / "home").exists()


def test_a_folder_is_no_list(tmp_path: Path) -> None:
    status, _, err = run(tmp_path / "home", "cards", "import", str(tmp_path))
    assert (status, err) == (2, f"hesbot: {tmp_path}: is not a file\n")


def test_a_list_in_a_folder_that_takes_no_files_is_refused(tmp_path: Path) -> None:
    """Its bad lines would have no place; /proc takes none, whoever asks."""
    status, _, err = run(tmp_path / "home", "cards", "import", "/proc/self/oom_score")
    assert status == 2
    assert err.count("\n") == 1
    assert not (tmp_path / "home").exists()


def test_what_became_of_a_list_is_printed(tmp_path: Path) -> None:
    """For people, for machines, and once more for a list that was taken in before."""
    file = write_list(tmp_path / "cards.csv", CARD, f"{OTHER_CARD},evet")
    home = tmp_path / "home"
    status, out, err = run(home, "cards", "import", str(file))
    assert (status, err) == (0, "")
    assert out.splitlines()[:5] == ["lines: 2", "added: 2", "changed: 0", "known: 0", "bad: 0"]
    assert out.splitlines()[-1] == "bad_file: -"
    status, out, _ = run(home, "cards", "import", str(file), "--json")
    plain = json.loads(out)
    assert (status, plain["added"], plain["repeated"], plain["bad_file"]) == (0, 2, True, None)
    assert {"lines", "added", "changed", "known", "bad", "seconds", "bad_file"} <= plain.keys()
    _, out, _ = run(home, "cards", "import", str(file))
    assert "taken in before" in out.splitlines()[0]
