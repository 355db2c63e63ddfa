"""The chain of what the staff did: whoever changes it is found out."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, text, update

from storage import audit as module
from storage import tables
from storage.audit import NO_HASH, Audit, Break, Chain, Flaw, Head
from storage.database import Database
from storage.vault import KeyRing, Vault

NOW = datetime(2021, 1, 8, 9, tzinfo=UTC)
ROWS = 5


@pytest.fixture
def audit(vault: Vault) -> Audit:
    """A chain of its own."""
    return Audit(vault)


async def fill(database: Database, audit: Audit, count: int = ROWS) -> Head:
    """Make rows; the head after them."""
    async with database.begin() as conn:
        for number in range(count):
            at = NOW + timedelta(minutes=number)
            await audit.add(conn, "Ayşe", "look", f"citizen:{number}", at, reason="called 153")
    return (await verify(database, audit)).head


async def verify(database: Database, audit: Audit, noted: Head | None = None) -> Chain:
    async with database.read() as conn:
        return await audit.verify(conn, noted)


async def change(database: Database, statement: Any, *parameters: Any) -> None:
    """As one who has the database alone."""
    async with database.begin() as conn:
        await conn.execute(statement, *parameters)


async def rows(database: Database) -> list[dict[str, Any]]:
    async with database.read() as conn:
        found = await conn.execute(select(tables.audit).order_by(tables.audit.c.id))
        return [dict(each) for each in found.mappings()]


def of(number: int) -> Any:
    return update(tables.audit).where(tables.audit.c.id == number)


class TestReading:
    """What was written down is found again."""

    async def test_the_newest_first_and_page_by_page(
        self, database: Database, audit: Audit
    ) -> None:
        """The last id of one page leads to the next."""
        await fill(database, audit)
        async with database.read() as conn:
            first = await audit.entries(conn, limit=2)
            second = await audit.entries(conn, before=first[-1].id, limit=2)
        assert [each.id for each in first + second] == [5, 4, 3, 2]
        assert (first[0].at, first[0].who, first[0].act) == (
            NOW + timedelta(minutes=4),
            "Ayşe",
            "look",
        )
        assert (first[0].subject, first[0].detail) == ("citizen:4", {"reason": "called 153"})

    async def test_by_whom_and_about_what(self, database: Database, audit: Audit) -> None:
        """Both can be asked at once."""
        await fill(database, audit, 2)
        async with database.begin() as conn:
            await audit.add(conn, "Bora", "look", "citizen:1", NOW)
            about = await audit.entries(conn, subject="citizen:1")
            by = await audit.entries(conn, who="Ayşe")
            both = await audit.entries(conn, subject="citizen:1", who="Bora")
        assert [each.id for each in about] == [3, 2]
        assert [each.id for each in by] == [2, 1]
        assert [each.id for each in both] == [3]

    async def test_a_detail_that_does_not_open_hides_no_row(
        self, database: Database, audit: Audit
    ) -> None:
        """The page still shows the rest."""
        await fill(database, audit, 1)
        await change(database, of(1).values(detail=b"nothing"))
        async with database.read() as conn:
            (entry,) = await audit.entries(conn)
        assert (entry.who, entry.detail) == ("Ayşe", None)

    async def test_nothing_of_the_detail_lies_open(self, database: Database, audit: Audit) -> None:
        """It may say why somebody looked at a person."""
        await fill(database, audit, 1)
        assert b"called" not in (await rows(database))[0]["detail"]

    async def test_what_is_rolled_back_was_not_done(self, database: Database, audit: Audit) -> None:
        """The row goes with the act."""
        head = await fill(database, audit)
        async with database.begin() as conn:
            await audit.add(conn, "Ayşe", "look", "citizen:9", NOW)
            await conn.rollback()
        assert (await verify(database, audit)).head == head


class TestHolding:
    """A chain nobody touched."""

    async def test_an_empty_one(self, database: Database, audit: Audit) -> None:
        """No rows, no flaw."""
        assert await verify(database, audit) == Chain(Head(0, NO_HASH))

    async def test_over_several_pages(
        self, database: Database, audit: Audit, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A page's first row is held against the last page's last; full pages end it too."""
        monkeypatch.setattr(module, "PAGE", 2)
        await fill(database, audit, 4)
        last = (await rows(database))[-1]
        assert await verify(database, audit) == Chain(Head(4, last["hash"]))

    async def test_writers_at_once(self, url: str, vault: Vault) -> None:
        """Two processes make one chain."""
        databases = [await Database.open(url) for _ in range(2)]
        audit = Audit(vault)

        async def write(database: Database, who: str) -> None:
            for number in range(10):
                async with database.begin() as conn:
                    await audit.add(conn, who, "look", f"citizen:{number}", NOW)

        await asyncio.gather(*(write(each, who) for each in databases for who in ("Ayşe", "Bora")))
        chain = await verify(databases[0], audit)
        for each in databases:
            await each.close()
        assert (chain.head.rows, chain.broken) == (40, None)

    async def test_with_new_sealing_keys(self, database: Database) -> None:
        """Details that are sealed anew are the same details."""
        ring = KeyRing.new()
        await fill(database, Audit(Vault(ring)))
        newer = Vault(replace(ring, current=2, sealing={**ring.sealing, 2: bytes(32)}))
        for each in await rows(database):
            place = module._place(each["id"])
            sealed = newer.seal(newer.open(each["detail"], place), place)
            await change(database, of(each["id"]).values(detail=sealed))
        assert (await verify(database, Audit(newer))).broken is None

    async def test_a_head_noted_before_is_still_a_part(
        self, database: Database, audit: Audit
    ) -> None:
        """However much was added since."""
        noted = await fill(database, audit)
        await fill(database, audit)
        assert (await verify(database, audit, Head.parse(str(noted)))).broken is None

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "5",
            "5:",
            "5:00",
            f"x:{'0' * 64}",
            f"-1:{'0' * 64}",
            f"5:{'g' * 64}",
            f"²:{'0' * 64}",
        ],
    )
    def test_a_head_is_a_number_and_a_hash(self, text: str) -> None:
        """Nothing else is taken for one."""
        with pytest.raises(ValueError, match=r"\w"):
            Head.parse(text)


def flipped(value: bytes) -> bytes:
    return bytes([value[0] ^ 1]) + value[1:]


class TestTampering:
    """Whoever has the database alone is found out."""

    @pytest.mark.parametrize(
        ("column", "other"),
        [
            ("at", NOW + timedelta(microseconds=1)),
            ("who", "Bora"),
            ("act", "look!"),
            ("subject", "citizen:7"),
            ("detail", None),
            ("hash", None),
        ],
    )
    async def test_a_changed_column(
        self, database: Database, audit: Audit, column: str, other: Any
    ) -> None:
        """Each of them, in the middle and at the end."""
        await fill(database, audit)
        for number in (ROWS, 3):
            value = (await rows(database))[number - 1][column]
            changed = flipped(value) if other is None else other
            await change(database, of(number).values({column: changed}))
            broken = (await verify(database, audit)).broken
            assert broken == Break(number, Flaw.CHANGED)

    async def test_another_row_before_it(self, database: Database, audit: Audit) -> None:
        """The link to the row before is a column too."""
        await fill(database, audit)
        await change(database, of(3).values(before=NO_HASH))
        assert (await verify(database, audit)).broken == Break(3, Flaw.LOOSE)

    async def test_another_number(self, database: Database, audit: Audit) -> None:
        """A row that is moved is missing where it was."""
        await fill(database, audit)
        await change(database, of(ROWS).values(id=9))
        assert (await verify(database, audit)).broken == Break(ROWS, Flaw.MISSING)

    @pytest.mark.parametrize("number", [1, 3])
    async def test_a_deleted_row(self, database: Database, audit: Audit, number: int) -> None:
        """At the beginning and in the middle."""
        await fill(database, audit)
        await change(database, delete(tables.audit).where(tables.audit.c.id == number))
        chain = await verify(database, audit)
        assert (chain.head.rows, chain.broken) == (number - 1, Break(number, Flaw.MISSING))

    async def test_a_deleted_row_that_was_closed_up(self, database: Database, audit: Audit) -> None:
        """The rows after it moved up, but they hold another hash."""
        await fill(database, audit)
        await change(database, delete(tables.audit).where(tables.audit.c.id == 3))
        for number in (4, 5):
            await change(database, of(number).values(id=number - 1))
        assert (await verify(database, audit)).broken == Break(3, Flaw.LOOSE)

    @pytest.mark.parametrize("number", [0, -7])
    async def test_a_row_before_the_first(
        self, database: Database, audit: Audit, number: int
    ) -> None:
        """The chain begins with one."""
        await fill(database, audit)
        first = (await rows(database))[0]
        await change(database, insert(tables.audit).values({**first, "id": number}))
        assert (await verify(database, audit)).broken == Break(number, Flaw.LOOSE)

    async def test_an_inserted_row(self, database: Database, audit: Audit) -> None:
        """A copy of the last one, with the right hash before it."""
        head = await fill(database, audit)
        last = {**(await rows(database))[-1], "id": ROWS + 1, "before": head.hash}
        await change(database, insert(tables.audit).values(last))
        assert (await verify(database, audit)).broken == Break(ROWS + 1, Flaw.CHANGED)

    async def test_two_rows_that_changed_places(self, database: Database, audit: Audit) -> None:
        """With all that is in them."""
        await fill(database, audit)
        await change(database, of(3).values(id=100))
        await change(database, of(4).values(id=3))
        await change(database, of(100).values(id=4))
        assert (await verify(database, audit)).broken == Break(3, Flaw.LOOSE)

    async def test_a_chain_made_with_other_keys(self, database: Database, audit: Audit) -> None:
        """Right in itself, and not ours."""
        await fill(database, Audit(Vault(KeyRing.new())))
        assert (await verify(database, audit)).broken == Break(1, Flaw.CHANGED)

    async def test_a_key_that_is_lost(self, database: Database) -> None:
        """It is said that it is a matter of keys."""
        ring = KeyRing.new()
        await fill(database, Audit(Vault(ring)))
        poorer = Vault(replace(ring, current=2, sealing={2: bytes(32)}))
        assert (await verify(database, Audit(poorer))).broken == Break(1, Flaw.SEALED)

    async def test_rows_cut_off_the_end(self, database: Database, audit: Audit) -> None:
        """The chain alone cannot know; a head that was noted tells."""
        noted = await fill(database, audit)
        await change(database, delete(tables.audit).where(tables.audit.c.id > 3))
        assert (await verify(database, audit)).broken is None
        assert (await verify(database, audit, noted)).broken == Break(4, Flaw.MISSING)

    async def test_an_end_that_was_written_anew(self, database: Database, audit: Audit) -> None:
        """By one who has the keys too."""
        noted = await fill(database, audit)
        await change(database, delete(tables.audit).where(tables.audit.c.id > 4))
        async with database.begin() as conn:
            await audit.add(conn, "Ayşe", "look", "citizen:9", NOW)
        assert (await verify(database, audit)).broken is None
        assert (await verify(database, audit, noted)).broken == Break(ROWS, Flaw.NOTED)

    @pytest.mark.parametrize(
        ("column", "value"), [("at", "'soon'"), ("hash", "'text'"), ("detail", "7"), ("who", "7")]
    )
    @pytest.mark.parametrize("url", ["sqlite"], indirect=True)
    async def test_what_is_not_even_of_its_type(
        self, database: Database, audit: Audit, column: str, value: str
    ) -> None:
        """SQLite keeps anything in any column."""
        await fill(database, audit)
        await change(database, text(f"UPDATE audit SET {column} = {value} WHERE id = 4"))
        chain = await verify(database, audit)
        assert (chain.head.rows, chain.broken) == (3, Break(4, Flaw.CHANGED))
