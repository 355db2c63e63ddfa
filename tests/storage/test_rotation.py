"""A new key follows the old one in every row, while others write."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import LargeBinary, select, update

from conversations.broadcasts import Role
from storage import rotation, tables
from storage.audit import Audit
from storage.conversations import Conversations, Kept
from storage.database import Database, Unavailable
from storage.key_notes import note, noted, strike
from storage.rotation import Sweep, sweep
from storage.sealed import HASHES, SEALED, Sealed
from storage.staff import Staff
from storage.vault import KeyRing, UnknownKey, Vault
from tests.storage.people import AYSE, AYSE_ANSWERS, AYSE_AT_WHATSAPP, CARD, NOW, Office, word
from tests.storage.test_boardings import attempt, reported

DAY = timedelta(days=1)


def successor(vault: Vault) -> Vault:
    """A vault with a further key, which it seals with."""
    ring = vault.whole.with_another()
    new = Vault(ring)
    new.use({each: ring.check(each) for each in ring.sealing})
    return new


async def swept(database: Database, vault: Vault) -> Sweep:
    return await sweep(database, vault, lambda _done, _size: None)


async def values(database: Database, column: Sealed) -> list[tuple[Any, bytes]]:
    """What a sealed column holds, each with what it is sealed by."""
    async with database.read() as conn:
        found = await conn.execute(select(column.by, column.column))
        return [(by, sealed) for by, sealed in found if sealed is not None]


async def fill(office: Office, vault: Vault) -> None:
    """Let people and staff do something of every kind."""
    await office.paired(AYSE, AYSE_ANSWERS)
    await office.hear(word())
    await attempt(office)
    await reported(office, NOW, NOW + DAY)
    async with office.database.begin() as conn:
        said = [Kept(AYSE_AT_WHATSAPP, "m1", b"what we said")]
        await Conversations(vault).keep(conn, {AYSE_AT_WHATSAPP: b"half an answer"}, said, NOW)
        await Staff(vault).add(conn, "Ayşe Yılmaz", Role.AUTHOR, "hash", b"secret", NOW)
        await Audit(vault).add(conn, "Ayşe", "citizen_look", "citizen:1", NOW, found=True)


class TestColumns:
    """What is declared is all there is."""

    def test_every_column_of_bytes_is_sealed_or_a_hash(self) -> None:
        """A new one that is neither would be lost with its key."""
        columns = {
            f"{table.name}.{column.name}"
            for table in tables.metadata.sorted_tables
            for column in table.columns
            if isinstance(column.type, LargeBinary)
        }
        sealed = {each.name for each in SEALED}
        assert columns == sealed | HASHES
        assert not sealed & HASHES

    async def test_every_column_is_sealed_anew_for_the_same_row(
        self, office: Office, vault: Vault
    ) -> None:
        """And nothing under the old key is left, nor anything that does not open."""
        await fill(office, vault)
        new = successor(vault)
        before = {each.name: await values(office.database, each) for each in SEALED}
        plain = {
            each.name: [vault.open(sealed, each.where(by)) for by, sealed in before[each.name]]
            for each in SEALED
        }
        assert all(before.values()), [name for name, found in before.items() if not found]
        count = sum(map(len, before.values()))
        assert await swept(office.database, new) == Sweep(count, count)
        newest = Vault(new.ring.only(2))
        for each in SEALED:
            found = await values(office.database, each)
            assert [newest.open(sealed, each.where(by)) for by, sealed in found] == plain[each.name]
        assert await swept(office.database, new) == Sweep(count, 0)

    async def test_the_audit_still_holds(self, office: Office, vault: Vault) -> None:
        """Its hashes are of what was sealed, by a key that stays."""
        await fill(office, vault)
        new = successor(vault)
        await swept(office.database, new)
        audit = Audit(Vault(new.ring.only(2)))
        async with office.database.begin() as conn:
            await audit.add(conn, "Ayşe", "citizen_look", "citizen:1", NOW)
            chain = await audit.verify(conn)
        assert (chain.broken, chain.head.rows) == (None, 2)

    async def test_the_old_key_opens_nothing_any_more(self, office: Office, vault: Vault) -> None:
        """People are found, by the index that stays; what is held of them is not read."""
        await fill(office, vault)
        await swept(office.database, successor(vault))
        with pytest.raises(UnknownKey):
            await office.profile(AYSE)


class TestMeanwhile:
    """Others go on."""

    async def test_what_changed_since_it_was_read_stands(
        self, office: Office, vault: Vault, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A later word is never overwritten by an earlier one that was sealed anew."""
        await fill(office, vault)
        write = rotation._write

        async def late(database: Database, column: Sealed, changes: list[dict[str, Any]]) -> None:
            if column.name == "conversations.state":
                async with database.begin() as conn:
                    await Conversations(vault).keep(conn, {AYSE_AT_WHATSAPP: b"later"}, [], NOW)
            await write(database, column, changes)

        monkeypatch.setattr(rotation, "_write", late)
        new = successor(vault)
        await swept(office.database, new)
        (state,) = [each for each in SEALED if each.name == "conversations.state"]
        ((by, sealed),) = await values(office.database, state)
        assert new.open(sealed, state.where(by)) == b"later"
        # It is under the old key still, which is why there is another sweep.
        assert not new.is_current(sealed)

    async def test_nothing_is_lost_while_somebody_writes(
        self, office: Office, vault: Vault
    ) -> None:
        """A writer with the old key, and then with the new one: each of its rows is there."""
        new, stop, written = successor(vault), asyncio.Event(), 0
        writing = Conversations(vault)

        async def write() -> None:
            nonlocal written
            while not stop.is_set():
                said = [Kept(AYSE, f"m{written}", b"answer %d" % written)]
                async with office.database.begin() as conn:
                    await writing.keep(conn, {AYSE: b"%d" % written}, said, NOW)
                written += 1
                await asyncio.sleep(0)

        async with asyncio.TaskGroup() as group:
            group.create_task(write())
            while written < 40:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            while (await swept(office.database, new)).old:
                writing = Conversations(new)
            stop.set()
        newest = Conversations(Vault(new.ring.only(2)))
        async with office.database.read() as conn:
            messages = [(AYSE, f"m{each}") for each in range(written)]
            answers, _ = await newest.recall(conn, messages, ())
        assert len(answers) == written

    async def test_a_page_is_tried_again(
        self, office: Office, vault: Vault, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The database may be gone for a moment."""
        await fill(office, vault)
        write, fails = rotation._write, iter([True, True])

        async def shaky(database: Database, column: Sealed, changes: list[dict[str, Any]]) -> None:
            if next(fails, False):
                raise Unavailable("for a moment")
            await write(database, column, changes)

        monkeypatch.setattr(rotation, "_write", shaky)
        monkeypatch.setattr(rotation, "AGAIN", 0.0)
        assert (await swept(office.database, successor(vault))).old == 10

    async def test_what_does_not_open_is_counted_and_left(
        self, office: Office, vault: Vault
    ) -> None:
        """Whoever retires the key decides about it."""
        await fill(office, vault)
        async with office.database.begin() as conn:
            await conn.execute(update(tables.cards).values(number=bytes(64)))
        found = await swept(office.database, successor(vault))
        assert (found.lost, found.old) == ({"cards.number": 1}, 9)

    async def test_pages_are_as_long_as_is_said(
        self, office: Office, vault: Vault, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """All rows of many pages are taken, whatever their keys are."""
        said = [Kept(AYSE, f"m{each}", b"answer") for each in range(23)]
        async with office.database.begin() as conn:
            await Conversations(vault).keep(conn, {}, said, NOW)
        short = tuple(Sealed(each.column, each.by, each.to_bytes, 5) for each in SEALED)
        monkeypatch.setattr(rotation, "SEALED", short)
        told: list[tuple[int, int]] = []
        found = await sweep(
            office.database, successor(vault), lambda done, size: told.append((done, size))
        )
        assert (found.values, found.old) == (23, 23)
        assert told == [(done, 23) for done in (5, 10, 15, 20, 23)]


class TestNotes:
    """What the database says of its keys."""

    async def test_notes_come_and_go(self, database: Database) -> None:
        """Noted twice is noted once."""
        ring = KeyRing.new().with_another()
        async with database.begin() as conn:
            await note(conn, ring, [1, 2])
            await note(conn, ring, [2])
            assert await noted(conn) == {1: ring.check(1), 2: ring.check(2)}
            await strike(conn, [1])
            assert await noted(conn) == {2: ring.check(2)}

    async def test_cards_sealed_before_are_sealed_anew_as_they_are_written(
        self, office: Office, vault: Vault
    ) -> None:
        """A long list may lie sealed for longer than its key is in force."""
        from storage.card_files import CardFiles, seal_all

        ring = vault.whole.with_another()
        vault.learn(ring)
        cards = seal_all(office.registry.cards, [CARD], [True])
        vault.use({2: ring.check(2)})
        files = CardFiles(vault, office.registry.cards)
        async with office.database.begin() as conn:
            before = await files.begin(conn, "f", NOW)
            await files.take(conn, "f", before, cards, NOW)
        assert (await office.card()).number == CARD
        assert (await swept(office.database, vault)).old == 0
