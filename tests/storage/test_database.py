"""Transactions, waiting, and the errors that pass with time."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import event, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

from storage import tables
from storage.database import Database, Patience, Unavailable, UnknownDatabase
from storage.prepared import Prepared, run, write
from storage.statements import driver_of
from tests.storage.conftest import new_postgresql

NOW = datetime(2021, 1, 10, 9, 30, 15, 123456, tzinfo=UTC)


def message(key: bytes, at: datetime = NOW) -> dict[str, Any]:
    """A row of the inbox."""
    return {"key": key, "address_key": b"a" * 16, "received_at": at, "answer": b"sealed"}


LONG = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 200000)"
    " SELECT max(i) FROM n"
)
"""A statement that takes SQLite a moment."""


async def add(database: Database, key: bytes) -> None:
    """Write one message."""
    async with database.begin() as conn:
        await conn.execute(insert(tables.inbox), [message(key)])


async def keys(database: Database) -> list[bytes]:
    """What the inbox holds."""
    async with database.read() as conn:
        return list((await conn.execute(select(tables.inbox.c.key))).scalars())


async def test_a_block_that_ends_well_is_kept(database: Database) -> None:
    """One transaction, committed at its end."""
    async with database.begin() as conn:
        await conn.execute(insert(tables.inbox), [message(b"1"), message(b"2")])
    assert sorted(await keys(database)) == [b"1", b"2"]


async def test_a_block_that_fails_leaves_nothing(database: Database) -> None:
    """The error goes on as it was."""

    async def fail() -> None:
        async with database.begin() as conn:
            await conn.execute(insert(tables.inbox), [message(b"1")])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await keys(database) == []


async def test_an_error_of_ours_is_not_taken_for_a_passing_one(database: Database) -> None:
    """A broken rule stays what it is, and its parameters are not quoted."""
    with pytest.raises(IntegrityError) as error:
        async with database.begin() as conn:
            await conn.execute(insert(tables.inbox), [message(b"1"), message(b"1")])
    assert "sealed" not in str(error.value)
    with pytest.raises(DBAPIError):
        async with database.begin() as conn:
            await conn.execute(text("SELECT * FROM nowhere"))


async def test_reading_cannot_write(database: Database) -> None:
    """A reader that tries is stopped by the database itself."""
    with pytest.raises((DBAPIError, Unavailable)):
        async with database.read() as conn:
            await conn.execute(insert(tables.inbox), [message(b"1")])
    assert await keys(database) == []


async def test_a_reader_does_not_wait_for_a_writer(database: Database) -> None:
    """It sees the records as they were before."""
    async with database.begin() as conn:
        await conn.execute(insert(tables.inbox), [message(b"1")])
        assert await keys(database) == []
    assert await keys(database) == [b"1"]


async def test_writers_of_one_process_take_turns(database: Database) -> None:
    """Many at once all get through, and none sees half of another's work."""

    async def write(number: int) -> None:
        async with database.begin() as conn:
            await conn.execute(insert(tables.inbox), [message(b"a%d" % number)])
            await conn.execute(insert(tables.inbox), [message(b"b%d" % number)])

    await asyncio.gather(*(write(number) for number in range(20)))
    assert len(await keys(database)) == 40


async def test_a_cancelled_writer_leaves_nothing_and_blocks_nobody(database: Database) -> None:
    """A client that goes away in the middle must not hold the records."""
    inside = asyncio.Event()

    async def write() -> None:
        async with database.begin() as conn:
            await conn.execute(insert(tables.inbox), [message(b"1")])
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with database.begin() as conn:
        await conn.execute(insert(tables.inbox), [message(b"2")])
    assert await keys(database) == [b"2"]


async def test_moments_come_back_aware_and_in_utc(database: Database) -> None:
    """Whatever zone they were given in, to the microsecond."""
    istanbul = NOW.astimezone(timezone(timedelta(hours=3)))
    async with database.begin() as conn:
        await conn.execute(insert(tables.inbox), [message(b"1", istanbul)])
        stored = (await conn.execute(select(tables.inbox.c.received_at))).scalar_one()
        newer = select(tables.inbox.c.key).where(tables.inbox.c.received_at < istanbul)
        assert (await conn.execute(newer)).all() == []
    assert stored == NOW
    assert stored.tzinfo is UTC


async def test_a_moment_without_a_zone_is_refused(database: Database) -> None:
    """Nobody could say which moment it means."""
    with pytest.raises(StatementError, match="time zone"):
        async with database.begin() as conn:
            await conn.execute(insert(tables.inbox), [message(b"1", NOW.replace(tzinfo=None))])


async def test_sqlite_is_opened_to_survive_a_power_cut(tmp_path: Path) -> None:
    """Write-ahead log, synced at each commit, foreign keys checked."""
    database = await Database.open(None, home=tmp_path / "home")
    async with database.begin() as conn:
        settings = [
            (await conn.execute(text(f"PRAGMA {name}"))).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    await database.close()
    assert settings == ["wal", 2, 1, 5000]
    assert (tmp_path / "home" / "hesbot.sqlite3").exists()


async def test_a_locked_file_is_unavailable_and_nothing_changes(tmp_path: Path) -> None:
    """Another process holds the lock for longer than we wait; afterwards all is well again."""
    path = tmp_path / "records.sqlite3"
    database = await Database.open(f"sqlite:///{path}", patience=Patience(lock=0.05))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable) as refusal:
        async with database.begin() as conn:
            await conn.execute(insert(tables.inbox), [message(b"1")])
    assert isinstance(refusal.value.__cause__, Exception)
    assert "locked" in str(refusal.value.__cause__)
    other.execute("ROLLBACK")
    other.close()
    assert await keys(database) == []
    async with database.begin() as conn:
        await conn.execute(insert(tables.inbox), [message(b"2")])
    await database.close()


async def test_whoever_gives_up_waiting_for_the_lock_does_not_get_it_later(tmp_path: Path) -> None:
    """The wait goes on in SQLite's thread after the task is gone; what it got is given back."""
    path = tmp_path / "records.sqlite3"
    database = await Database.open(f"sqlite:///{path}")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async def write() -> None:
        async with database.begin() as conn:
            await conn.execute(text("SELECT 1"))

    task = asyncio.create_task(write())
    await asyncio.wait({task}, timeout=0.05)
    task.cancel()
    other.execute("ROLLBACK")
    with pytest.raises(asyncio.CancelledError):
        await task
    async with database.begin() as conn:
        await conn.execute(insert(tables.inbox), [message(b"1")])
    other.execute("BEGIN IMMEDIATE")
    other.close()
    await database.close()


async def test_a_full_disk_is_unavailable_and_nothing_changes(tmp_path: Path) -> None:
    """SQLite's own page limit stands in for the disk."""
    database = await Database.open(f"sqlite:///{tmp_path / 'records.sqlite3'}")

    async def fill() -> None:
        async with database.begin() as conn:
            await conn.execute(text("PRAGMA max_page_count = 1"))
            large = {**message(b"1"), "answer": bytes(1_000_000)}
            await conn.execute(insert(tables.inbox), [large])

    with pytest.raises(Unavailable):
        await fill()
    assert await keys(database) == []
    await database.close()


async def test_a_waiting_writer_is_told_when_all_connections_are_taken(tmp_path: Path) -> None:
    """A transaction that never ends must not make the others wait for ever."""
    patience = Patience(lock=0.02, statement=0.02)
    database = await Database.open(f"sqlite:///{tmp_path / 'x.sqlite3'}", patience=patience)
    async with database.begin():
        with pytest.raises(Unavailable):
            async with database.begin():
                pass
    await database.close()


async def test_a_postgresql_lock_held_too_long_is_unavailable(postgresql: str) -> None:
    """The server's lock timeout is one of the errors that pass."""
    database = await Database.open(postgresql, patience=Patience(lock=0.05))
    async with database.begin() as conn:
        await conn.execute(text("SELECT pg_advisory_xact_lock(7)"))
        with pytest.raises(Unavailable):
            async with database.begin() as other:
                await other.execute(text("SELECT pg_advisory_xact_lock(7)"))
    await database.close()


async def test_a_lost_postgresql_connection_is_unavailable_and_the_next_one_works(
    postgresql: str,
) -> None:
    """The server ends our connection in the middle of a transaction, as in a restart."""
    database = await Database.open(postgresql)

    async def lose() -> None:
        async with database.begin() as conn:
            own = (await conn.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            async with database.begin() as other:
                await other.execute(text("SELECT pg_terminate_backend(:own)"), {"own": own})
            await conn.execute(text("SELECT 1"))

    with pytest.raises(Unavailable):
        await lose()
    await database.ping()
    await database.close()


async def test_a_postgresql_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    """No server listens in that folder."""
    with pytest.raises(Unavailable) as refusal:
        await Database.open(f"postgresql://postgres@/postgres?host={tmp_path}")
    assert isinstance(refusal.value.__cause__, OSError)


@pytest.mark.parametrize(
    ("url", "home"),
    [
        (None, None),
        ("", None),
        ("sqlite://", None),
        ("sqlite:///:memory:", None),
        ("mysql://user:secret@localhost/db", None),
        ("secret", None),
    ],
)
async def test_an_address_that_cannot_be_served_is_refused_without_its_password(
    url: str | None, home: Path | None
) -> None:
    """One clear line for the operator."""
    with pytest.raises(UnknownDatabase) as refusal:
        await Database.open(url, home=home)
    assert "secret" not in str(refusal.value)


async def test_the_usual_spelling_of_a_postgresql_address_is_understood(postgresql: str) -> None:
    """Hosts print postgres:// and libpq's sslmode."""
    url = postgresql.replace("postgresql://", "postgres://") + "&sslmode=disable"
    database = await Database.open(url)
    await database.ping()
    await database.close()


IMPATIENT, PATIENT = Patience(probe=0.05), Patience(probe=30)


class TestPing:
    """Whether the records can be written, not only read."""

    async def test_it_answers_while_all_is_well_and_writers_work(self, url: str) -> None:
        """It takes its turn among them and none of them fails."""
        database = await Database.open(url, patience=PATIENT)

        async def write(number: int) -> None:
            async with database.begin() as conn:
                await conn.execute(insert(tables.inbox), [message(b"%d" % number)])

        await asyncio.gather(*(write(number) for number in range(20)), database.ping())
        assert len(await keys(database)) == 20
        await database.close()

    async def test_those_who_ask_at_once_share_one_attempt(self, url: str) -> None:
        """However often it is asked, writers wait for one at a time."""
        database = await Database.open(url, patience=PATIENT)
        attempts: list[object] = []
        event.listen(database._probing.sync_engine, "begin", attempts.append)
        await asyncio.gather(*(database.ping() for _ in range(20)))
        assert len(attempts) == 1
        await database.ping()
        assert len(attempts) == 2
        await database.close()

    async def test_it_fails_while_another_process_holds_the_lock(self, url: str) -> None:
        """Reading would still work; when the lock is gone it answers again."""
        database = await Database.open(url, patience=IMPATIENT)
        other = await Database.open(url, patience=PATIENT)
        async with other.begin() as conn:
            locking = "LOCK TABLE alembic_version IN EXCLUSIVE MODE"
            await conn.execute(text(locking if other.dialect == "postgresql" else "SELECT 1"))
            async with asyncio.timeout(5):
                with pytest.raises(Unavailable):
                    await database.ping()
            assert await keys(database) == []
        await other.ping()
        await database.close()
        await other.close()

    async def test_it_gives_up_its_turn_without_harm_to_a_long_writer(self, tmp_path: Path) -> None:
        """The writer of the same process goes on and commits."""
        path = tmp_path / "records.sqlite3"
        database = await Database.open(f"sqlite:///{path}", patience=IMPATIENT)
        async with database.begin() as conn:
            async with asyncio.timeout(5):
                with pytest.raises(Unavailable):
                    await database.ping()
            await conn.execute(insert(tables.inbox), [message(b"1")])
        assert await keys(database) == [b"1"]
        await database.close()

    async def test_it_fails_where_nothing_may_be_written(self, postgresql: str) -> None:
        """As on a standby, or where a host stops writing because its disk is full."""
        url = await new_postgresql(postgresql)
        await (await Database.open(url)).close()
        admin = await asyncpg.connect(url)
        name = await admin.fetchval("SELECT current_database()")
        await admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        await admin.close()
        database = await Database.open(url)
        with pytest.raises(Unavailable):
            await database.ping()
        await database.close()

    async def test_it_fails_on_a_file_that_may_only_be_read(self, tmp_path: Path) -> None:
        """SQLite's own switch stands in for a read-only disk."""
        database = await Database.open(f"sqlite:///{tmp_path / 'records.sqlite3'}")
        async with database._probing.connect() as conn:
            await conn.execute(text("PRAGMA query_only = ON"))
        with pytest.raises(Unavailable):
            await database.ping()
        await database.close()

    async def test_it_fails_on_a_full_disk(self, tmp_path: Path) -> None:
        """In a process whose files may not grow; what was written before can still be read."""
        program = (
            "import asyncio, resource, pathlib\n"
            "from storage.database import Database, Patience, Unavailable\n"
            "async def main():\n"
            f"    home = pathlib.Path({str(tmp_path)!r})\n"
            "    database = await Database.open(None, home=home, patience=Patience(probe=30))\n"
            "    await database.ping()\n"
            "    size = (home / 'hesbot.sqlite3-wal').stat().st_size\n"
            "    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))\n"
            "    async with database.read(): pass\n"
            "    try: await database.ping()\n"
            "    except Unavailable: print('unavailable')\n"
            "asyncio.run(main())\n"
        )
        command = [sys.executable, "-c", program]
        ran = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=False)
        assert ran.stdout.decode().split() == ["unavailable"], ran.stderr.decode()


class TestWriter:
    """The connection that stays open between SQLite's transactions."""

    async def test_a_block_that_asks_nothing_locks_nothing(self, tmp_path: Path) -> None:
        """Another process may write meanwhile."""
        path = tmp_path / "records.sqlite3"
        database = await Database.open(f"sqlite:///{path}")
        async with database.begin():
            with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
        await database.close()

    @pytest.mark.parametrize("held", [False, True], ids=["before", "under way"])
    async def test_who_is_cancelled_leaves_it_to_the_next(self, tmp_path: Path, held: bool) -> None:
        """What was written is undone first, whether a statement was under way or not."""
        database = await Database.open(f"sqlite:///{tmp_path / 'records.sqlite3'}")
        began = asyncio.Event()

        async def write() -> None:
            async with database.begin() as conn:
                await conn.execute(insert(tables.inbox), [message(b"1")])
                began.set()
                if held:
                    await conn.execute(text(LONG))
                await asyncio.Event().wait()

        task = asyncio.create_task(write())
        await began.wait()
        next_one = asyncio.create_task(add(database, b"2"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await next_one
        assert await keys(database) == [b"2"]
        await database.close()

    async def test_who_is_cancelled_before_the_thread_began_leaves_nothing(
        self, tmp_path: Path
    ) -> None:
        """The statement is run all the same, but within a transaction that is undone."""
        database = await Database.open(f"sqlite:///{tmp_path / 'records.sqlite3'}")
        held = threading.Event()

        async def write() -> None:
            async with database.begin() as conn:
                driver = driver_of(conn)
                driver._tx.put_nowait((None, held.wait))
                await run(conn, Prepared(tables.inbox.insert())(**message(b"1")))

        task = asyncio.create_task(write())
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.sleep(0.05)
        held.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        await add(database, b"2")
        assert await keys(database) == [b"2"]
        await database.close()

    async def test_who_waits_in_vain_is_told_so(self, tmp_path: Path) -> None:
        """And those who wait behind get their turn all the same."""
        database = await Database.open(f"sqlite:///{tmp_path / 'records.sqlite3'}")
        async with database.begin():
            late = asyncio.create_task(add(database, b"2"))
            await asyncio.sleep(0)
            with pytest.raises(Unavailable):
                async with database.begin(within=0.01):
                    pass
        await late
        assert await keys(database) == [b"2"]
        await database.close()

    async def test_an_error_of_the_caller_costs_no_connection(self, tmp_path: Path) -> None:
        """It goes on with the next transaction."""
        database = await Database.open(f"sqlite:///{tmp_path / 'records.sqlite3'}")

        async def fail() -> None:
            async with database.begin() as conn:
                await conn.execute(insert(tables.inbox), [message(b"1")])
                raise KeyError

        for _ in range(2):
            with pytest.raises(KeyError):
                await fail()
        await add(database, b"2")
        assert await keys(database) == [b"2"]
        await database.close()

    async def test_what_was_left_to_the_commit_fails_there(self, database: Database) -> None:
        """As a whole, and the next transaction finds nothing of it."""
        twice = Prepared(tables.inbox.insert()).each([message(b"1"), message(b"1")])
        with pytest.raises((IntegrityError, sqlite3.IntegrityError)):
            async with database.begin() as conn:
                await write(conn, twice)
        await add(database, b"2")
        assert await keys(database) == [b"2"]

    async def test_what_was_left_is_there_for_the_next_statement(self, database: Database) -> None:
        """And is undone with everything else."""

        async def fail(*, look: bool) -> None:
            async with database.begin() as conn:
                await write(conn, Prepared(tables.inbox.insert())(**message(b"1")))
                if look:
                    found = await conn.execute(select(tables.inbox.c.key))
                    assert found.scalars().all() == [b"1"]
                raise KeyError

        for look in (True, False):
            with pytest.raises(KeyError):
                await fail(look=look)
            assert await keys(database) == []
