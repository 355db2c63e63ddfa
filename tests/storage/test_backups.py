"""A backup of a SQLite database: one state of it, whole, whatever others write meanwhile."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from storage import backups
from storage.backups import UnusableBackup, check, copy, held, swap, take
from storage.database import Database
from storage.seclusion import InUse
from tests.storage.conftest import file_with_tables
from tests.storage.filling import fill


def rows(file: Path) -> dict[str, list[tuple[object, ...]]]:
    """Everything in a database that nobody has open."""
    with closing(sqlite3.connect(f"{file.as_uri()}?immutable=1", uri=True)) as conn:
        names = [
            name for (name,) in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        return {name: sorted(conn.execute(f'SELECT * FROM "{name}"'), key=repr) for name in names}


@pytest.fixture
async def file(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with rows in every table, which nobody has open."""
    there = tmp_path / "records.sqlite3"
    there.write_bytes((await file_with_tables(tmp_path_factory)).read_bytes())
    database = await Database.open(f"sqlite:///{there}")
    await fill(database)
    await database.close()
    return there


@pytest.fixture
def writer(file: Path) -> Iterator[sqlite3.Connection]:
    """Somebody who is at work in it."""
    with closing(sqlite3.connect(file, isolation_level=None)) as conn:
        conn.execute("CREATE TABLE words (word TEXT)")
        yield conn


def test_it_is_one_state_though_others_write_all_the_time(
    file: Path, writer: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither begun anew by every commit, nor a mixture of before and after."""
    monkeypatch.setattr(backups, "STEP", 7)
    writer.execute("INSERT INTO words VALUES ('before')")
    told: list[tuple[int, int]] = []

    def write(done: int, pages: int) -> None:
        told.append((done, pages))
        writer.execute("INSERT INTO words VALUES (?)", ("x" * 5000,))
        writer.execute("DELETE FROM marks")

    size = take(file, tmp_path / "backup", write)
    found = rows(tmp_path / "backup")
    assert found["words"] == [("before",)]
    assert len(found["marks"]) > 0
    assert told == sorted(told)
    assert len({pages for _, pages in told}) == 1
    assert len(told) > 5
    assert size == (tmp_path / "backup").stat().st_size
    assert (tmp_path / "backup").stat().st_mode & 0o777 == 0o600


def test_it_has_every_row(file: Path, tmp_path: Path) -> None:
    """Of all tables, the same."""
    take(file, tmp_path / "backup", lambda _done, _pages: None)
    assert rows(tmp_path / "backup") == rows(file)


def test_what_breaks_off_leaves_nothing(file: Path, tmp_path: Path) -> None:
    """Neither half a file under the name nor one beside it; what was there before stays."""
    target = tmp_path / "there" / "backup"
    target.parent.mkdir()
    target.write_text("yesterday's")

    def stop(_done: int, _pages: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take(file, target, stop)
    assert {each.name: each.read_text() for each in target.parent.iterdir()} == {
        "backup": "yesterday's"
    }


@pytest.mark.parametrize("harm", ["a page", "its end", "all of it"])
def test_what_is_damaged_is_noticed(file: Path, tmp_path: Path, harm: str) -> None:
    """Before anybody relies on it."""
    backup = tmp_path / "backup"
    take(file, backup, lambda _done, _pages: None)
    check(backup)
    content = backup.read_bytes()
    half = len(content) // 2 // 4096 * 4096
    broken = {
        "a page": content[:half] + b"\xff" * 4096 + content[half + 4096 :],
        "its end": content[:half],
        "all of it": b"Dear diary, " * 1000,
    }
    backup.write_bytes(broken[harm])
    with pytest.raises(UnusableBackup):
        check(backup)


def test_what_is_in_the_log_still_is_in_the_copy(
    file: Path, writer: sqlite3.Connection, tmp_path: Path
) -> None:
    """A file that was copied together with its write-ahead log."""
    writer.execute("PRAGMA wal_autocheckpoint = 0")
    writer.execute("INSERT INTO words VALUES ('committed')")
    together = tmp_path / "copied"
    together.write_bytes(file.read_bytes())
    together.with_name("copied-wal").write_bytes(file.with_name(f"{file.name}-wal").read_bytes())
    copy(together, tmp_path / "fresh", lambda _done, _pages: None)
    assert rows(tmp_path / "fresh")["words"] == [("committed",)]


def test_who_is_at_work_is_noticed(file: Path, writer: sqlite3.Connection) -> None:
    """And goes on."""
    with pytest.raises(InUse), held(file):
        raise AssertionError
    writer.execute("INSERT INTO words VALUES ('undisturbed')")


def is_closed(file: Path) -> bool:
    """Whether nobody else can even look at it."""
    with closing(sqlite3.connect(file, timeout=0)) as conn:
        try:
            conn.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            return True
        return False


def test_nobody_comes_in_between(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits for the old one never gets it, and the next one finds the new one."""
    fresh, aside = tmp_path / "fresh", tmp_path / "aside"
    take(file, fresh, lambda _done, _pages: None)
    before = rows(file)
    with closing(sqlite3.connect(fresh)) as conn, conn:
        conn.execute("DELETE FROM marks")
    seen: list[int] = []

    def linger(_seconds: float) -> None:
        with closing(sqlite3.connect(file)) as conn:
            seen.append(conn.execute("SELECT count(*) FROM marks").fetchone()[0])
        assert is_closed(aside)

    monkeypatch.setattr(backups.time, "sleep", linger)
    with held(file) as old:
        assert is_closed(file)
        swap(fresh, file, aside, old)
    assert seen == [0]
    assert rows(aside) == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["aside", file.name]
