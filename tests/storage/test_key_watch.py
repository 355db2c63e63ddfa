"""Processes that have the records open follow what the database says of its keys."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pytest

from storage.admission import admit
from storage.database import Database, Unavailable
from storage.key_notes import note, strike
from storage.key_watch import Pace, watched
from storage.vault import KeyRing, UnknownKey, UnusableKeys, Vault, row

HERE = row("citizens", b"0123456789abcdef")
QUICK = Pace(look=0.01, failed=0.01, trust=30.0)


async def until(comes: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not comes():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def put_in_force(database: Database, ring: KeyRing, key: int) -> None:
    async with database.begin() as conn:
        await note(conn, ring, [key])


async def test_a_key_in_force_is_read_and_sealed_with(database: Database, vault: Vault) -> None:
    """Without anybody starting the process anew; the retired one opens nothing soon after."""
    await admit(database, vault)
    old, ring = vault.seal(b"text", HERE), vault.whole.with_another()
    async with watched(database, vault, lambda: ring, QUICK):
        await put_in_force(database, ring, 2)
        await until(lambda: vault.ring.current == 2)
        assert vault.open(old, HERE) == b"text"
        async with database.begin() as conn:
            await strike(conn, [1])
        await until(lambda: vault.ring == ring.only(2))
    with pytest.raises(UnknownKey):
        vault.open(old, HERE)


async def test_who_cannot_get_the_key_seals_nothing(
    database: Database, vault: Vault, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody could read it soon; it is asked to come again, and said in the log once."""
    caplog.set_level(logging.ERROR, "hesbot.keys")
    await admit(database, vault)
    old, ring = vault.whole, vault.whole.with_another()
    sealed = vault.seal(b"text", HERE)
    asked = 0

    def again() -> KeyRing:
        nonlocal asked
        asked += 1
        return old if asked < 4 else ring

    def refused() -> bool:
        try:
            vault.seal(b"text", HERE)
        except Unavailable:
            return True
        return False

    async with watched(database, vault, again, QUICK):
        await put_in_force(database, ring, 2)
        await until(refused)
        assert vault.open(sealed, HERE) == b"text"
        await until(lambda: not refused())
    assert len(caplog.records) == 1
    assert "start it again" in caplog.text


async def test_another_ring_is_not_taken(
    database: Database, vault: Vault, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever lies in the file now: what is on record stays readable."""
    await admit(database, vault)
    sealed, read = vault.seal(b"text", HERE), asyncio.Event()
    loop = asyncio.get_running_loop()

    def again() -> KeyRing:
        loop.call_soon_threadsafe(read.set)
        return KeyRing.new()

    async with watched(database, vault, again, Pace(look=0.01, reading=0.0)):
        await asyncio.wait_for(read.wait(), 10)
        await until(lambda: "another one" in str([vars(each) for each in caplog.records]))
    assert vault.open(sealed, HERE) == b"text"


async def test_who_could_not_look_for_long_seals_nothing(vault: Vault) -> None:
    """Until it has looked again."""
    vault.trust(-1.0, lambda: Unavailable("not known"))
    with pytest.raises(Unavailable):
        vault.seal(b"text", HERE)
    vault.trust(30.0)
    assert vault.open(vault.seal(b"text", HERE), HERE) == b"text"


async def test_a_look_that_fails_is_repeated(database: Database, vault: Vault) -> None:
    """A database that is away stops no watch."""
    await admit(database, vault)
    ring, looks = vault.whole.with_another(), 0

    class Shaky:
        def read(self) -> object:
            nonlocal looks
            looks += 1
            if looks < 3:
                raise Unavailable("away")
            return database.read()

    async with watched(Shaky(), vault, lambda: ring, QUICK):  # type: ignore[arg-type]
        await put_in_force(database, ring, 2)
        await until(lambda: vault.ring.current == 2)


class TestVault:
    """What a vault does with a ring that changes."""

    def test_an_unknown_key_is_looked_for_once_a_second(self, vault: Vault) -> None:
        """A value of nobody's does not make every look-up read a file."""
        ring, asked = vault.whole.with_another(), 0

        def find() -> KeyRing | None:
            nonlocal asked
            asked += 1
            return ring if asked > 1 else None

        vault.find_with(find)
        other = Vault(ring)
        other.use({2: ring.check(2)})
        sealed = other.seal(b"text", HERE)
        for _ in range(3):
            with pytest.raises(UnknownKey):
                vault.open(sealed, HERE)
        assert asked == 1
        vault._asked -= 1.0
        assert vault.open(sealed, HERE) == b"text"

    def test_a_ring_of_other_indexes_is_refused(self, vault: Vault) -> None:
        """It would find nothing."""
        with pytest.raises(UnusableKeys):
            vault.learn(KeyRing.new())

    def test_what_was_sealed_with_a_former_key_is_renewed(self, vault: Vault) -> None:
        """Though it opens no more."""
        sealed, ring = vault.seal(b"text", HERE), vault.whole.with_another()
        vault.learn(ring)
        assert vault.renewed(sealed, HERE) is sealed
        vault.use({2: ring.check(2)})
        with pytest.raises(UnknownKey):
            vault.open(sealed, HERE)
        assert vault.open(vault.renewed(sealed, HERE), HERE) == b"text"
        with pytest.raises(UnknownKey):
            vault.renewed(b"\x01\x00\x09" + bytes(40), HERE)
