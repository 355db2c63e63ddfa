"""The disk that fails, itself: it must show what a program forgets to sync."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults import born
from tests.faults.born import Wish
from tests.faults.disk import Disk, library

WRITES = """
import os, sqlite3, sys
try:
    database = sqlite3.connect(sys.argv[1] + "/some.sqlite3", isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = " + sys.argv[2])
    database.execute("CREATE TABLE IF NOT EXISTS said (word TEXT)")
    database.execute("INSERT INTO said VALUES ('answered')")
except sqlite3.OperationalError as error:
    print(error.sqlite_errorname, flush=True)
os.kill(os.getpid(), 9)
"""
TELLS = "import time; print(time.time())"


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    """A disk with an empty home on it."""
    made = library()
    if made is None:
        pytest.skip("there is no C compiler")
    (tmp_path / "home").mkdir()
    found = Disk(tmp_path / "home", made)
    found.settle()
    return found


def run(disk: Disk, program: str, *words: str) -> str:
    """Run a program on the disk; what it printed."""
    environment = {"PATH": "/usr/bin:/bin", **disk.environment}
    wish = Wish([*words], environment, program, library=disk.library)
    return born.run(wish).stdout.strip()


def rows(home: Path) -> int:
    """How many are there; none if there is no table."""
    with closing(sqlite3.connect(home / "some.sqlite3")) as database:
        tables = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        return tables and database.execute("SELECT count(*) FROM said").fetchone()[0]


@pytest.mark.parametrize(("synchronous", "left"), [("FULL", 1), ("OFF", 0)])
def test_only_what_was_synced_outlives_a_power_cut(
    tmp_path: Path, disk: Disk, synchronous: str, left: int
) -> None:
    """A kill alone loses nothing; with the power, what was not synced goes."""
    home = tmp_path / "home"
    run(disk, WRITES, str(home), synchronous)
    disk.cut()
    assert rows(home) == left


def test_a_full_disk_and_a_broken_one_say_so(tmp_path: Path, disk: Disk) -> None:
    """And nothing that was there before is harmed."""
    home = str(tmp_path / "home")
    run(disk, WRITES, home, "FULL")
    disk.order(full=True)
    assert run(disk, WRITES, home, "FULL") in ("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE")
    disk.order(full=False, broken=True)
    assert run(disk, WRITES, home, "FULL").startswith("SQLITE_IOERR")
    disk.order(broken=False)
    disk.cut()
    assert rows(tmp_path / "home") == 1


def test_the_clock_is_where_it_is_put(disk: Disk) -> None:
    """An hour ahead, and back again."""
    early = float(run(disk, TELLS))
    disk.order(shift=3600)
    assert 3600 <= float(run(disk, TELLS)) - early < 3660
    disk.order(shift=-3600)
    assert -3600 <= float(run(disk, TELLS)) - early < -3540
