"""The list of cards whose status changed, for the card system.

Knows the form of the list; what time changes by itself is settled by what is handed in.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import mkstemp

from bot.clock import Clock
from bot.services.card_lists import UnusableFile, plain_faults
from bot.services.targets import obstacle
from storage import Database
from storage.card_files import CardFiles, ChangedCard

PAGE = 5000
OVERLAP = timedelta(minutes=2)
"""A change bears the moment at which it was asked for and shows when it is committed. No
transaction waits and works for longer; see ``storage.database.Patience``."""
HEADING = "number,status,cause,changed_at\n"

Settle = Callable[[datetime], Awaitable[object]]
"""Brings every card up to what time has changed by that moment."""

Write = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Exported:
    """How many cards were listed, and until when no change is missing: the next ``since``."""

    count: int
    complete_until: datetime


async def export(
    database: Database,
    files: CardFiles,
    settle: Settle,
    clock: Clock,
    since: datetime,
    write: Write,
    *,
    as_json: bool = False,
) -> Exported:
    """Write every card whose status changed at ``since`` or later, with what it is now, by moment.

    A card that changes meanwhile may come twice; the later line holds.
    """
    start, count = clock(), 0
    await settle(start)
    write('{"cards": [' if as_json else HEADING)
    async for page in _pages(database, files, since):
        write(_json_lines(page, first=count == 0) if as_json else "".join(map(_csv_line, page)))
        count += len(page)
    done = Exported(count, start - OVERLAP)
    if as_json:
        write(f"],\n{json.dumps(plain(done))[1:]}\n")
    return done


def plain(exported: Exported) -> dict[str, object]:
    """The outcome as it is printed."""
    return {
        "count": exported.count,
        "complete_until": exported.complete_until.isoformat(),
    }


async def _pages(
    database: Database, files: CardFiles, since: datetime
) -> AsyncIterator[list[ChangedCard]]:
    after = (since, 0)
    while True:
        async with database.read() as connection:
            page = await files.changed(connection, after, PAGE)
        if page:
            yield page
            after = (page[-1].changed_at, page[-1].id)
        if len(page) < PAGE:
            return


def _csv_line(card: ChangedCard) -> str:
    return f"{card.number},{card.status.value},{card.cause},{card.changed_at.isoformat()}\n"


def _json_lines(page: Sequence[ChangedCard], *, first: bool) -> str:
    lines = (
        json.dumps(
            {
                "number": card.number,
                "status": card.status.value,
                "cause": card.cause,
                "changed_at": card.changed_at.isoformat(),
            }
        )
        for card in page
    )
    return ("\n" if first else ",\n") + ",\n".join(lines)


@contextmanager
def private_file(path: Path) -> Iterator[Write]:
    """A text that only its owner can read, and that is there whole or not at all.

    Raise UnusableFile if it cannot be written.
    """
    with plain_faults(path):
        if why := obstacle(path):
            raise UnusableFile(f"{path}: {why}", "unfit")
        handle, draft = mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".draft")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:

            def write(text: str) -> None:
                with plain_faults(path):
                    file.write(text)

            yield write
            with plain_faults(path):
                file.flush()
                os.fsync(file.fileno())
        with plain_faults(path):
            os.replace(draft, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(draft)
