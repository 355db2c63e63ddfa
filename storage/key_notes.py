"""Which keys records may be sealed with: noted in the database, for every process that has it open.

The notes are rows of ``ring`` behind its first one, under the key's number plus one, each with the
key's check. The newest is the one to seal with.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import tables
from storage.statements import upsert
from storage.vault import KeyRing, Notes

FIRST = 1
"""The row that says which ring the records are sealed with at all."""

_row = tables.ring.c
_NOTES = select(_row.id, _row.key_check).where(_row.id > FIRST)


async def noted(conn: AsyncConnection) -> Notes:
    """The keys in force, by number."""
    return {each.id - FIRST: each.key_check for each in await conn.execute(_NOTES)}


async def note(conn: AsyncConnection, ring: KeyRing, key_ids: Collection[int]) -> None:
    """Put keys of the ring in force, besides those that are."""
    rows = [{"id": FIRST + each, "key_check": ring.check(each)} for each in key_ids]
    await conn.execute(upsert(conn, tables.ring).values(rows).on_conflict_do_nothing())


async def strike(conn: AsyncConnection, key_ids: Collection[int]) -> None:
    """Put keys out of force, for good."""
    rows = [FIRST + each for each in key_ids]
    await conn.execute(delete(tables.ring).where(_row.id.in_(rows)))
