"""``hesbot db`` as its operator meets it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from storage import copying
from storage.copying import copy, origin
from storage.database import Database
from tests import homes
from tests.bot.commanding import commanded, files, refused, told
from tests.faults.processes import hesbot
from tests.storage.conftest import new_postgresql, postgresql
from tests.storage.filling import fill

__all__ = ["postgresql"]


def at(file: Path) -> str:
    """The address of a SQLite file."""
    return f"sqlite:///{file}"


@pytest.fixture
def here(empty_home: Path, tmp_path: Path) -> Path:
    """A home with keys and records, which nobody has open."""
    home = tmp_path / "home"
    homes.copied(empty_home, home)
    return home


@pytest.mark.sqlite("looks at the file")
async def test_a_talk_goes_on_in_the_copy(tmp_path: Path, postgresql: str) -> None:
    """With the same keys, at the question where it stood."""
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    moved = await new_postgresql(postgresql)
    asked, _ = await hesbot(home, "chat", lines="merhaba\nkabul ediyorum\nAyşe\n")
    await hesbot(elsewhere, "db", "copy", "--from", at(home / "hesbot.sqlite3"), "--to", moved)
    keys = {"DATABASE_URL": moved, "HESBOT_KEYS": str(home / "keys.json")}
    answer, _ = await hesbot(elsewhere, "chat", lines="Yılmaz\n", **keys)
    assert "2/8" in asked
    assert "3/8" in answer
    assert not (elsewhere / "hesbot.sqlite3").exists()


@pytest.mark.sqlite("looks at the file")
async def test_what_was_copied_is_counted(here: Path, tmp_path: Path) -> None:
    """As JSON and as a table; a second time nothing is written."""
    words = "db", "copy", "--from", at(here / "hesbot.sqlite3"), "--to", at(tmp_path / "new" / "c")
    first = await told(here, *words)
    assert first["tables"]["ring"] == {"rows": 2, "written": 2}
    assert (first["rows"], first["written"], first["complete"]) == (2, 2, True)
    again = await commanded(here, *words)
    assert (again.exit_code, again.stderr) == (0, "")
    lines = again.stdout.splitlines()
    assert "ring" in {line.split()[0] for line in lines}
    assert lines[-2].split() == ["all", "2", "rows", "0", "written", "now"]


@pytest.mark.sqlite("looks at the file")
async def test_a_rehearsal_says_that_it_is_one(here: Path, tmp_path: Path) -> None:
    words = "--from", at(here / "hesbot.sqlite3"), "--to", at(tmp_path / "copy")
    done = await commanded(here, "db", "copy", "--live", *words)
    assert "is not in it" in done.stdout
    assert (await told(here, "db", "copy", "--live", *words))["complete"] is False


@pytest.mark.sqlite("looks at the file")
async def test_half_a_copy_starts_nothing(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever does not know of it would go on with half of the city."""
    source, target = at(here / "full"), at(tmp_path / "there" / "hesbot.sqlite3")
    full = await Database.open(source)
    await fill(full)
    await full.close()
    monkeypatch.setattr(copying, "PAGE", 5)

    def die(done: int, _all: int) -> None:
        if done > 50:
            raise asyncio.CancelledError

    old, new = Database.as_it_is(source), Database.as_it_is(target)
    with pytest.raises(asyncio.CancelledError):
        async with origin(old) as held:
            await copy(held, new, die)
    await old.close()
    await new.close()
    assert "not finished" in await refused(tmp_path / "there", "db", "upgrade")
    assert "not finished" in await refused(tmp_path / "there", "staff", "list")
    await told(tmp_path, "db", "copy", "--from", source, "--to", target)
    assert (await commanded(tmp_path / "there", "db", "upgrade")).exit_code == 0


@pytest.mark.sqlite("looks at the file")
@pytest.mark.parametrize(
    ("source", "target", "line"),
    [
        ("sqlite:///{home}/none", "sqlite:///{home}/new", "--from: there is no such database file"),
        ("mysql://db/x", "sqlite:///{home}/new", "--from: no such kind of database"),
        ("what", "sqlite:///{home}/new", "--from: the database address cannot be read"),
        ("sqlite:///{home}/notes", "sqlite:///{home}/new", "--from: the database file is damaged"),
        ("{records}", "sqlite://", "--to: a database in memory"),
        ("{records}", "{records}", "--to: it is the database to be copied"),
        ("{records}", "sqlite:///{home}/notes", "--to: the database file is damaged"),
        ("{records}", "sqlite:///{home}/notes/deeper/new", "--to: Not a directory"),
        ("{records}", "postgresql://ayse:secret1@127.0.0.1:1/x", "--to: the database cannot be"),
    ],
)
async def test_a_mistake_is_one_line_and_changes_nothing(
    here: Path, source: str, target: str, line: str
) -> None:
    """It says which of the two is meant; an address is never printed."""
    await asyncio.to_thread((here / "notes").write_text, "Dear diary, " * 100)
    names = {"home": here, "records": at(here / "hesbot.sqlite3")}
    before = files(here)
    addresses = "--from", source.format(**names), "--to", target.format(**names)
    said = await refused(here, "db", "copy", *addresses)
    assert said.startswith(f"hesbot: {line}")
    assert "secret1" not in said
    assert files(here) == before
