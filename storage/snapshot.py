"""A copy of a SQLite database as it is at one moment, taken while others write; a room for it."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import mkdtemp

PREFIX = "outlook-"
"""How the names of rooms begin."""


def snapshot(source: Path, target: Path) -> None:
    """Copy the database at ``source`` to a new file. Blocks; nobody who writes waits for it."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


@contextmanager
def room(home: Path, prefix: str = PREFIX) -> Iterator[Path]:
    """An empty directory in the home, gone afterwards. What killed processes left goes first, in
    rooms whose names begin so."""
    _sweep(home, prefix)
    place, handle = _made(home, prefix)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        os.close(handle)


def _sweep(home: Path, prefix: str) -> None:
    """Remove the rooms that no living process holds: a lock ends with its process."""
    for place in home.glob(f"{prefix}*"):
        try:
            handle = _opened(place)
        except OSError:
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(place, ignore_errors=True)
        except BlockingIOError:
            continue
        finally:
            os.close(handle)


def _made(home: Path, prefix: str) -> tuple[Path, int]:
    """A new room and the lock on it."""
    while True:
        place = Path(mkdtemp(dir=home, prefix=prefix))
        try:
            handle = _opened(place)
        except FileNotFoundError:
            continue
        fcntl.flock(handle, fcntl.LOCK_EX)
        # Before it was locked, somebody who sweeps may have taken it for an old one.
        if place.exists():
            return place, handle
        os.close(handle)


def _opened(place: Path) -> int:
    return os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
