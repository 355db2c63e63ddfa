"""Whether a vault has the keys of a database: looked at once, right after opening.

With a lost or a wrong key file every look-up would find nothing, and a second register would grow
inside the first. This module knows nothing of what is sealed.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import tables
from storage.database import Database
from storage.key_notes import FIRST, note, noted
from storage.statements import upsert
from storage.vault import KeyRing, Notes, UnusableKeys, Vault

LOST = (
    "without its keys the names, numbers and codes on record cannot be read by anyone, and nobody"
    " is found by them; that there are cards and links, how many, since when and in what status,"
    " can be seen still; put a copy of the key file back, or set HESBOT_KEYS to it (where nothing"
    " is on record yet: hesbot keys new); nothing was changed"
)
"""What becomes of records whose keys are gone, and what to do."""


async def admit(database: Database, vault: Vault) -> None:
    """Remember the keys of an empty database; of another, raise UnusableKeys if they differ, or if
    one is missing by which records are sealed. From now on the vault seals with the newest."""
    own = vault.index("ring", "check")
    async with database.read() as conn:
        kept, notes = await _kept(conn), await noted(conn)
    if kept is None or (kept == own and not notes):
        kept, notes = await _keep(database, own, vault.whole)
    _judge(vault, own, kept, notes)


async def examine(database: Database, vault: Vault) -> None:
    """The same without writing anything: an empty database admits everybody."""
    own = vault.index("ring", "check")
    async with database.read() as conn:
        kept, notes = await _kept(conn), await noted(conn)
    _judge(vault, own, own if kept is None else kept, notes)


def _judge(vault: Vault, own: bytes, kept: bytes | None, notes: Notes) -> None:
    if kept != own:
        raise UnusableKeys(
            "this database was sealed with other keys; set HESBOT_KEYS or put the key file back"
        )
    if not vault.use(notes):
        raise UnusableKeys(
            f"the keys are of another time: this database is sealed with {_listed(notes)}; put the"
            " copy of the key file that has it back, or set HESBOT_KEYS to it"
        )


async def is_sealed(database: Database) -> bool:
    """Whether there are keys without which this database's records cannot be read."""
    async with database.read() as conn:
        return await _kept(conn) is not None


async def _keep(database: Database, own: bytes, ring: KeyRing) -> tuple[bytes | None, Notes]:
    """Write the check and the notes unless another process came first; give those that are kept."""
    async with database.begin() as conn:
        inserting = upsert(conn, tables.ring).values(id=FIRST, key_check=own)
        await conn.execute(inserting.on_conflict_do_nothing())
        kept, notes = await _kept(conn), await noted(conn)
        if kept == own and not notes:
            await note(conn, ring, [each for each in ring.sealing if each <= ring.current])
            notes = await noted(conn)
        return kept, notes


async def _kept(conn: AsyncConnection) -> bytes | None:
    wanted = select(tables.ring.c.key_check).where(tables.ring.c.id == FIRST)
    kept: bytes | None = await conn.scalar(wanted)
    return kept


def _listed(notes: Notes) -> str:
    return "key " + " and key ".join(str(each) for each in sorted(notes))
