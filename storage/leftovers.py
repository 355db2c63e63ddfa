"""What is left of deleted rows in SQLite's write-ahead log, and its clearing away.

The log holds pages as they were until it is begun anew, which without this may take days on a quiet
machine. Whoever deletes what is personal notes it; it is cleared after the commit, beside the work.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

_KEY = "leftovers"

SOON, LATEST = 0.1, 60.0
"""Seconds from the note, or from one try to the next, while somebody is in the way."""
PATIENCE = 0.2
"""Seconds that writers wait at most for a try."""


def watched(engine: AsyncEngine) -> asyncio.Event:
    """What ``note`` sets on the engine's connections."""
    wanted = asyncio.Event()

    def remember(_connection: object, record: object) -> None:
        record.info[_KEY] = wanted  # type: ignore[attr-defined]

    event.listen(engine.sync_engine, "connect", remember)
    return wanted


def note(conn: AsyncConnection) -> None:
    """Something personal is deleted in this transaction."""
    wanted: asyncio.Event | None = conn.info.get(_KEY)
    if wanted is not None:
        wanted.set()


@asynccontextmanager
async def cleared(file: Path | None, wanted: asyncio.Event) -> AsyncIterator[None]:
    """During the block the log of the file is emptied after every note; on a server, nothing is."""
    if file is None:
        yield
        return
    clearing = asyncio.create_task(_keep_clearing(file, wanted))
    try:
        yield
    finally:
        clearing.cancel()
        await asyncio.gather(clearing, return_exceptions=True)
        if wanted.is_set():
            await asyncio.to_thread(clear, file)


async def _keep_clearing(file: Path, wanted: asyncio.Event) -> None:
    pause = SOON
    while True:
        await wanted.wait()
        await asyncio.sleep(pause)
        # A note that comes meanwhile is for the next time. The transaction in which it was made may
        # not be over: then it is in the way, as every writer is.
        wanted.clear()
        if await asyncio.to_thread(clear, file):
            pause = SOON
        else:
            wanted.set()
            pause = min(2 * pause, LATEST)


def clear(file: Path) -> bool:
    """Bring the log into the database and empty it; whether nobody was in the way."""
    try:
        address = f"{file.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(address, uri=True, timeout=PATIENCE)) as conn:
            busy, *_ = conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error:
        return False
    return not busy
