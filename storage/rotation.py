"""One sealing key after another, while everybody goes on: every value is sealed anew, and then the
old key is in force no more.

The protocol. Its word is the database's (``key_notes``), since that is what processes share; rings
come to them in other ways, a file, a command, the environment.

1. A ring with a further key is put where processes have their ring from. Nobody seals with it yet.
2. It is noted beside the old one. Every process looks at the notes every two seconds
   (``key_watch``): it reads its ring again if it lacks the key, and seals with the newest from then
   on. One that cannot get the key seals nothing any more; one that has not been able to look for
   fifteen seconds, or stood still so long, seals nothing until it has looked again. Between two
   looks a process may meet a value under the new key: it looks for the key then, in its file.
3. All values are sealed anew, page by page, each changed only if it still is what was read: what a
   process writes meanwhile stands. Broken off, that begins again, and passes over what is done.
4. ``SETTLED`` seconds after the note nobody can have anything under way that is sealed with the old
   key: that is those fifteen, the longest wait for a lock and the longest statement, and ten to
   spare. A sweep that began later and met nothing of the old key is the last. (Cards of a list that
   is being taken in lie sealed beside it for longer: they are sealed anew as they are written.)
5. The old key's note is struck: who starts with it is refused, and who runs opens nothing with it
   and forgets it within two seconds. Then it may go from where rings come from.

Whatever was broken off between two of these steps, the same again goes on from there.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Row, bindparam, func, select, update

from storage.database import Database, Unavailable
from storage.sealed import SEALED, Sealed
from storage.seclusion import take_time
from storage.vault import Unreadable, Vault

SETTLED = 60.0
"""Seconds after which nothing that was sealed with a key before its successor is on its way."""

PAUSE = 0.005
"""Seconds from one page to the next, in which others may write: SQLite keeps no queue."""
TRIES, AGAIN = 120, 0.5
"""How often a page is tried while the records are not to be had, and after how many seconds."""

Report = Callable[[int, int], None]
"""Is told how many rows of how many were looked at."""


@dataclass(slots=True)
class Sweep:
    """What one look at all values came to: how many there are, how many of them were sealed with
    another key than the newest, and how many, by column, do not open with any."""

    values: int = 0
    old: int = 0
    lost: Counter[str] = field(default_factory=Counter)


async def sweep(database: Database, vault: Vault, report: Report) -> Sweep:
    """Look at every sealed value and seal those anew that are not sealed with the newest key.

    Raise Unavailable, if the records are not to be had for a minute; all that is done is done.
    """
    found = Sweep()
    rows = [await _count(database, each) for each in SEALED]
    for place, column in enumerate(SEALED):
        before, key = sum(rows[:place]), None
        done = 0
        while page := await _patiently(database, _page, column, key):
            key = page[-1].key
            await _renew(database, vault, column, page, found)
            done += len(page)
            # Others add rows meanwhile.
            report(before + min(done, rows[place]), sum(rows))
            await asyncio.sleep(PAUSE)
    return found


async def _renew(
    database: Database, vault: Vault, column: Sealed, page: Sequence[Row[Any]], found: Sweep
) -> None:
    changes = []
    for each in page:
        if each.sealed is None:
            continue
        found.values += 1
        if vault.is_current(each.sealed):
            continue
        try:
            new = vault.renewed(each.sealed, column.where(each.by))
        except Unreadable:
            found.lost[column.name] += 1
            continue
        found.old += 1
        changes.append({"this": each.key, "old": each.sealed, "new": new})
    if changes:
        await _patiently(database, _write, column, changes)


async def _page(database: Database, column: Sealed, after: Any) -> Sequence[Row[Any]]:
    key, by, sealed = column.key, column.by, column.column
    wanted = select(key.label("key"), by.label("by"), sealed.label("sealed"))
    if after is not None:
        behind: ColumnElement[bool] = key > after
        wanted = wanted.where(behind)
    async with database.read() as conn:
        return (await conn.execute(wanted.order_by(key).limit(column.page))).all()


async def _write(database: Database, column: Sealed, changes: list[dict[str, Any]]) -> None:
    """A value that somebody changed since it was read is left to them."""
    same = (column.key == bindparam("this")) & (column.column == bindparam("old"))
    changing = update(column.column.table).where(same).values({column.column: bindparam("new")})
    async with database.begin() as conn:
        await conn.execute(changing, changes)


async def _count(database: Database, column: Sealed) -> int:
    async with database.read() as conn:
        await take_time(conn)
        wanted = select(func.count()).select_from(column.column.table)
        return (await conn.execute(wanted)).scalar_one()


async def _patiently(database: Database, work: Callable[..., Any], *arguments: Any) -> Any:
    for _ in range(TRIES - 1):
        try:
            return await work(database, *arguments)
        except Unavailable:
            await asyncio.sleep(AGAIN)
    return await work(database, *arguments)
