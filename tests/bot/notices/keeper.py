"""A worker process that keeps the timetable, for tests that kill it.

Its words are HOME JOURNAL [DATABASE_URL].

Every page it does is a line in the journal. The codes have ten pages; on the fifth the worker hangs
the first time, as if the power were about to fail.
"""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

from bot.notices.rounds import Pass, Round, Stride
from bot.notices.schedules import schedules
from bot.notices.workers import named

NOW = datetime(2021, 1, 8, 9, 30, tzinfo=UTC)
PAGES = 10
HANGS_ON = 5


class Journal:
    """Work that only writes down what it was asked to do."""

    deadline = datetime(2021, 1, 14, 21, tzinfo=UTC)
    offered = frozenset({Pass.CODES, Pass.FORGET})

    def __init__(self, path: Path) -> None:
        self._path = path

    async def wanted(self) -> list[Round]:
        return []

    async def advance(self, task: str, now: datetime, began: datetime, after: int) -> Stride:
        what = Pass(task)
        known = self._path.read_text().splitlines() if self._path.exists() else []
        with self._path.open("a") as journal:
            journal.write(f"{what} {after}\n")
        if what is not Pass.CODES:
            return Stride(None)
        if after == HANGS_ON and f"{what} {after}" not in known:
            await asyncio.Event().wait()
        return Stride(after + 1 if after < PAGES else None, 1)


async def main(home: str, journal: str, database_url: str = "") -> None:
    """Keep the timetable until killed; a line on standard output says that it is kept."""
    work = Journal(Path(journal))
    with named(Path(home)) as name:
        async with schedules(work, lambda: NOW, name, Path(home), database_url, tick=0.05, mark=""):
            os.write(1, b"ready\n")
            await asyncio.Event().wait()


KEEPER = f"""
import asyncio, sys
from {__name__} import main
asyncio.run(main(*sys.argv[1:]))
"""
"""The program."""
