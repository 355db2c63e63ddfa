"""Who was erased is in no file any more, by nothing that stood in their rows before."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.bot.notices.town import until
from tests.faults.processes import hesbot, served
from tests.faults.test_kill import SCRIPT, VISITOR, name_of

pytestmark = pytest.mark.sqlite("looks at the files")

LONG_ENOUGH = 12
"""Bytes by which a value is found; shorter ones would be found by accident."""
OTHERS = ("ring", "staff", "audit", "visits", "approvals")


def values(home: Path) -> set[bytes]:
    """Every sealed value and every blind index in the tables of the citizens."""
    address = f"{(home / 'hesbot.sqlite3').as_uri()}?mode=ro"
    found: set[bytes] = set()
    with closing(sqlite3.connect(address, uri=True)) as conn:
        for (name,) in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table'"):
            if name not in OTHERS:
                for row in conn.execute(f'SELECT * FROM "{name}"'):
                    found |= {each for each in row if isinstance(each, bytes)}
    return {each for each in found if len(each) >= LONG_ENOUGH}


def where(folder: Path, wanted: set[bytes]) -> dict[str, int]:
    """In which files how many of them stand, whole or by their first or last bytes."""
    found = {}
    for file in folder.rglob("*"):
        content = file.read_bytes() if file.is_file() else b""
        count = sum(
            part in content
            for each in wanted
            for part in {each, each[:LONG_ENOUGH], each[-LONG_ENOUGH:]}
        )
        if count:
            found[str(file.relative_to(folder))] = count
    return found


@pytest.mark.parametrize("way", ["the talk", "paper"])
@pytest.mark.timeout(120)
async def test_who_was_erased_is_in_no_file(tmp_path: Path, way: str) -> None:
    """Neither in the database nor in its log, the timetable's file or what was printed; at once,
    while the product runs, and after it was stopped."""
    home = tmp_path / "home"
    async with served(home) as server:
        await server.say("another-visitor-0001", "another-message-0001", "merhaba")
        before = values(home)
        for number, text in enumerate(SCRIPT):
            await server.say(VISITOR, name_of(number), text)
        theirs = values(home) - before
        assert len(theirs) > 20
        # The log may be emptied into the database between the looks at the one and the other.
        await until(lambda: where(tmp_path, theirs))
        if way == "paper":
            await hesbot(home, "staff", "add", "Derya", "--role", "operator")
            words = ("--tckn", SCRIPT[4], "--by", "Derya", "--yes")
            await hesbot(home, "citizen", "erase", *words)
        else:
            for number, text in enumerate(("verilerimi sil", "evet, hepsini sil"), 100):
                await server.say(VISITOR, name_of(number), text)
        left = values(home)
        gone = theirs - left
        assert len(theirs & left) <= 3, "the code's own index stays where the feed knows it"
        await until(lambda: not where(tmp_path, gone))
        assert await server.say("another-visitor-0001", "another-message-0002", "evet")
        assert where(tmp_path, gone) == {}
    assert where(tmp_path, gone) == {}
