"""Whether a vault has the keys of a database: looked at once, right after opening.

With a lost or a wrong key file every look-up would find nothing, and a second register would grow
inside the first. This module knows nothing of what is sealed.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import tables
from storage.database import Database
from storage.statements import upsert
from storage.vault import UnusableKeys, Vault

_ONLY_ROW = 1


async def admit(database: Database, vault: Vault) -> None:
    """Remember the keys of an empty database; of another, raise UnusableKeys if they differ."""
    own = vault.index("ring", "check")
    async with database.read() as conn:
        kept = await _kept(conn)
    if kept is None:
        kept = await _keep(database, own)
    if kept != own:
        raise UnusableKeys(
            "this database was sealed with other keys; set HESBOT_KEYS or put the key file back"
        )


async def _keep(database: Database, own: bytes) -> bytes | None:
    """Write the check unless another process came first; give the one that is kept."""
    async with database.begin() as conn:
        inserting = upsert(conn, tables.ring).values(id=_ONLY_ROW, key_check=own)
        await conn.execute(inserting.on_conflict_do_nothing())
        return await _kept(conn)


async def _kept(conn: AsyncConnection) -> bytes | None:
    kept: bytes | None = await conn.scalar(select(tables.ring.c.key_check))
    return kept
