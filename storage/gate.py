"""The gate between those who pair codes and those who learn about many codes or cards at once.

A lock for every code of a large batch would fill the table of locks that all of PostgreSQL's
connections share, so a batch closes one gate instead. SQLite lets in one writer at a time anyway.
This module knows no table.
"""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.statements import needs_locks

_OURS = 0x48455342
"""First half of our advisory locks' numbers ("HESB"); those with two halves are a space apart."""
_GATE, _TURN = 1, 2

_ENTER = select(func.pg_advisory_xact_lock_shared(_OURS, _GATE))
_TAKE_TURN = select(func.pg_advisory_xact_lock(_OURS, _TURN))
_CLOSE = select(func.pg_advisory_xact_lock(_OURS, _GATE))


async def enter(conn: AsyncConnection) -> None:
    """Be inside until the transaction ends: many can be, but nobody while the gate is closed.

    To be called before any row is locked; who is inside already may call again.
    """
    if needs_locks(conn):
        await conn.execute(_ENTER)


async def close(conn: AsyncConnection) -> None:
    """Wait until all are outside and keep everybody out until the transaction ends.

    To be called before any row is locked, and never by who is inside.
    """
    if needs_locks(conn):
        # Batches queue for their turn elsewhere, so that people wait for one of them at most.
        await conn.execute(_TAKE_TURN)
        await conn.execute(_CLOSE)
