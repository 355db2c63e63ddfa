"""The migrations lead from nothing to the tables that are declared."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from storage import migrations
from storage.database import Database, Patience, Unavailable
from storage.tables import metadata
from tests.storage.conftest import new_postgresql


def differences(connection: Connection) -> object:
    """What Alembic would have to change to get from the database to the declared tables."""
    return compare_metadata(MigrationContext.configure(connection), metadata)


async def test_the_declared_tables_are_what_the_migrations_made(database: Database) -> None:
    """Alembic finds nothing to change."""
    async with database.begin() as conn:
        assert await conn.run_sync(differences) == []


async def test_the_open_link_indexes_are_partial_in_both(database: Database) -> None:
    """Alembic does not compare the condition of an index, so it is looked at here."""
    views = {
        "sqlite": "SELECT sql FROM sqlite_master WHERE name = :name",
        "postgresql": "SELECT indexdef FROM pg_indexes WHERE indexname = :name",
    }
    async with database.read() as conn:
        for name in ("uq_links_open_card", "ix_links_open_code"):
            made = await conn.scalar(text(views[database.dialect]), {"name": name})
            assert "where" in str(made).lower()
            assert "ended_at is null" in str(made).lower()


def test_head_is_the_newest_of_the_files() -> None:
    """The constant that start-up compares with must follow a new migration."""
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert scripts.get_heads() == [migrations.HEAD]


async def test_a_second_start_changes_nothing(url: str, database: Database) -> None:
    """The tables are there and are left alone."""
    again = await Database.open(url)
    await again.ping()
    await again.close()


async def test_two_who_upgrade_at_once_do_not_disturb_each_other(blank: str) -> None:
    """One makes the tables, the others wait and find them."""
    opened = await asyncio.gather(*(Database.open(blank) for _ in range(4)))
    for database in opened:
        await database.ping()
        await database.close()


def to_the_one_before(connection: Connection) -> None:
    """Bring an empty database to where the release before this one left it."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["connection"] = connection
    command.upgrade(config, f"{migrations.HEAD}-1")


async def older(address: str) -> None:
    database = Database.as_it_is(address)
    async with database.begin() as conn:
        await conn.run_sync(to_the_one_before)
    await database.close()


async def test_several_of_a_new_release_start_at_once_on_an_older_database(blank: str) -> None:
    """One changes the tables, the others wait and find them changed."""
    await older(blank)
    opened = await asyncio.gather(*(Database.open(blank) for _ in range(4)))
    for database in opened:
        async with database.read() as conn:
            assert await conn.run_sync(migrations.stored_revision) == migrations.HEAD
        await database.close()


async def test_an_upgrade_gives_way_to_who_writes_for_long(postgresql: str) -> None:
    """All the others would wait behind it; it can be tried again, and nothing is half done."""
    address = await new_postgresql(postgresql)
    await older(address)
    writer = Database.as_it_is(address)
    async with writer.begin() as conn:
        await conn.execute(text("DELETE FROM inbox"))
        with pytest.raises(Unavailable):
            await Database.open(address, patience=Patience(lock=0.1))
        assert await conn.run_sync(migrations.stored_revision) != migrations.HEAD
    await writer.close()
    await (await Database.open(address)).close()


async def test_a_database_of_a_newer_release_is_refused(url: str, database: Database) -> None:
    """The message names both revisions, and the database stays as it is."""
    async with database.begin() as conn:
        await conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(migrations.NewerSchema, match=r"9999.*" + migrations.HEAD):
        await Database.open(url)
    async with database.read() as conn:
        assert await conn.run_sync(migrations.stored_revision) == "9999"


async def test_alembic_is_not_loaded_when_nothing_is_to_be_done(tmp_path: Path) -> None:
    """Loading it costs every start of the program, the first included."""
    url = f"sqlite:///{tmp_path / 'records.sqlite3'}"
    program = (
        "import asyncio, sys; from storage.database import Database\n"
        "async def look():\n"
        f"    for _ in range(2): await (await Database.open({url!r})).close()\n"
        "asyncio.run(look()); sys.exit('alembic' in sys.modules)"
    )
    ran = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", program], check=False)
    assert ran.returncode == 0
