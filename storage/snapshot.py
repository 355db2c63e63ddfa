"""A copy of a SQLite database as it is at one moment, taken while others write."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path


def snapshot(source: Path, target: Path) -> None:
    """Copy the database at ``source`` to a new file. Blocks; nobody who writes waits for it."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
