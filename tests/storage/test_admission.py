"""Records are opened only with the keys they were sealed with."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from storage import tables
from storage.admission import admit
from storage.database import Database
from storage.key_notes import note, noted, strike
from storage.vault import KeyRing, UnusableKeys, Vault


async def remembered(database: Database) -> int:
    """How many rows the table of the key ring has."""
    async with database.read() as conn:
        return (await conn.execute(select(func.count()).select_from(tables.ring))).scalar_one()


async def test_the_first_keys_are_remembered_and_admitted_again(
    database: Database, vault: Vault
) -> None:
    """One row for the ring and one for its key, however often."""
    for _ in range(2):
        await admit(database, vault)
    assert await remembered(database) == 2


async def test_other_keys_are_refused_with_advice(database: Database, vault: Vault) -> None:
    """A new key file must not begin a second register inside the first."""
    await admit(database, vault)
    with pytest.raises(UnusableKeys, match="HESBOT_KEYS"):
        await admit(database, Vault(KeyRing.new()))
    await admit(database, vault)


async def test_a_rotated_ring_is_admitted(database: Database) -> None:
    """A further key to seal with leaves the indexes as they are."""
    ring = KeyRing.new()
    await admit(database, Vault(ring))
    further = {**ring.sealing, 2: KeyRing.new().sealing[1]}
    await admit(database, Vault(replace(ring, current=2, sealing=further)))


async def test_of_two_rings_at_the_first_start_one_wins(url: str) -> None:
    """Two processes that made different keys do not both go on."""
    databases = [await Database.open(url) for _ in range(2)]
    outcomes = await asyncio.gather(
        *(admit(database, Vault(KeyRing.new())) for database in databases),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in outcomes) == ["NoneType", "UnusableKeys"]
    for database in databases:
        await database.close()


async def test_the_key_that_is_sealed_with_is_remembered_too(
    database: Database, vault: Vault
) -> None:
    """A database of former times, without a word on that, gets it at the next opening."""
    await admit(database, vault)
    async with database.begin() as conn:
        assert await noted(conn) == {1: vault.ring.check(1)}
        await strike(conn, [1])
    await admit(database, vault)
    async with database.read() as conn:
        assert await noted(conn) == {1: vault.ring.check(1)}


async def test_keys_of_another_time_are_refused(database: Database) -> None:
    """The ring from before a rotation, or one whose key of that number is another."""
    old = KeyRing.new()
    await admit(database, Vault(old))
    both = old.with_another()
    async with database.begin() as conn:
        await note(conn, both, [2])
        await strike(conn, [1])
    for ring in (old, old.with_another()):
        with pytest.raises(UnusableKeys, match="sealed with key 2"):
            await admit(database, Vault(ring))
    vault = Vault(both)
    await admit(database, vault)
    assert vault.ring == both.only(2)


async def test_a_further_key_is_not_sealed_with_before_it_is_noted(database: Database) -> None:
    """Others may not have it yet."""
    old = KeyRing.new()
    await admit(database, Vault(old))
    vault = Vault(replace(old.with_another(), current=2))
    await admit(database, vault)
    assert vault.ring.current == 1
