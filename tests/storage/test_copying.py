"""Copies of databases, to each kind from each kind, both of them real."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Executable, delete, insert, text, update

from storage import copying, migrations, tables
from storage.copying import CannotCopy, CopiedTable, Report, copy, origin
from storage.database import Database, Patience, Unavailable
from tests.faults.processes import ROOT, surroundings
from tests.storage.conftest import new_postgresql
from tests.storage.filling import ROWS, contents, fill, row

KINDS = ["sqlite", "postgresql"]
New = Callable[[str], Awaitable[str]]


class Break(Exception):
    """The copy is broken off here."""


def silent(_done: int, _all: int) -> None:
    """Nobody looks."""


def connected(url: str) -> Any:
    """A plain connection, for whoever cannot wait."""
    if url.startswith("sqlite"):
        return closing(sqlite3.connect(url.removeprefix("sqlite:///")))
    return psycopg.connect(url)


def breaking_at(rows: int) -> Report:
    """Breaks off as soon as so many rows are there."""

    def report(done: int, _all: int) -> None:
        if done >= rows:
            raise Break

    return report


@pytest.fixture
def new(request: pytest.FixtureRequest, tmp_path: Path) -> New:
    """Gives the address of an empty database of a kind."""
    made = 0

    async def address(kind: str) -> str:
        nonlocal made
        made += 1
        if kind == "sqlite":
            return f"sqlite:///{tmp_path / f'records-{made}.sqlite3'}"
        return await new_postgresql(request.getfixturevalue("postgresql"))

    return address


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "PAGE", 5)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    """The database in use."""
    database = await Database.open(url)
    try:
        yield database
    finally:
        await database.close()


@pytest.fixture(scope="session")
def full_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with something in every table, to be copied."""
    file = tmp_path_factory.mktemp("full") / "records.sqlite3"
    asyncio.run(make_full(f"sqlite:///{file}"))
    return file


@pytest.fixture(scope="session")
def full_server(postgresql: str) -> str:
    """The address of a database of the server with the same, to be copied."""

    async def make() -> str:
        return await make_full(await new_postgresql(postgresql))

    # Whoever asks for it has a loop running in this thread.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, make()).result()


async def make_full(url: str) -> str:
    """The address, with something in every table there."""
    async with opened(url) as database:
        await fill(database)
    return url


@pytest.fixture
def full(request: pytest.FixtureRequest, new: New, full_file: Path) -> New:
    """Gives the address of a database of a kind with something in every table."""

    async def address(kind: str) -> str:
        if kind == "postgresql":
            server = request.getfixturevalue("postgresql")
            return await new_postgresql(server, request.getfixturevalue("full_server"))
        url = await new(kind)
        shutil.copy(full_file, url.removeprefix("sqlite:///"))
        return url

    return address


@asynccontextmanager
async def as_it_is(url: str) -> AsyncIterator[Database]:
    """The database, at whatever revision."""
    database = Database.as_it_is(url)
    try:
        yield database
    finally:
        await database.close()


async def copied(
    source: str, target: str, report: Report = silent, *, live: bool = False
) -> dict[str, CopiedTable]:
    """What was copied, by table."""
    async with as_it_is(source) as old, as_it_is(target) as new, origin(old, live=live) as held:
        return {table.name: table for table in await copy(held, new, report)}


async def held_in(url: str) -> object:
    """All rows, read by the product."""
    async with opened(url) as database:
        return await contents(database)


async def revision(url: str) -> str | None:
    """What stands for the revision."""
    async with as_it_is(url) as database, database.read() as conn:
        return await conn.run_sync(migrations.stored_revision)


def files_in(folder: Path) -> int:
    """How many databases there are."""
    return len(list(folder.glob("*.sqlite3")))


async def changed(url: str, *statements: str | Executable) -> None:
    """Have statements carried out, whatever the revision."""
    async with as_it_is(url) as database, database.begin() as conn:
        for each in statements:
            await conn.execute(text(each) if isinstance(each, str) else each)


# --- what arrives -------------------------------------------------------------------------------


@pytest.mark.parametrize("there", KINDS)
@pytest.mark.parametrize("here", KINDS)
async def test_every_row_arrives_as_it_is_there_and_back_again(
    new: New, full: New, here: str, there: str
) -> None:
    source, far, near = await full(here), await new(there), await new(here)
    there_now = await copied(source, far)
    await copied(far, near)
    everything = await held_in(source)
    assert everything == await held_in(far) == await held_in(near)
    assert {name: (each.rows, each.written) for name, each in there_now.items()} == {
        table.name: (1, 1) if table.name == "ring" else (ROWS, ROWS)
        for table in tables.metadata.sorted_tables
    }


async def test_the_filler_forgets_no_table_and_no_null(full: New) -> None:
    """What is not in the source shows nothing when it does not arrive."""
    async with opened(await full("sqlite")) as database:
        held = await contents(database)
    columns = [
        [row[place] for row in held[table.name]]
        for table in tables.metadata.sorted_tables
        if table.name != "ring"
        for place, column in enumerate(table.columns)
        if column.nullable
    ]
    assert all(held[table.name] for table in tables.metadata.sorted_tables)
    assert all(None in column and len(set(column)) > 1 for column in columns)


@pytest.mark.parametrize("kind", KINDS)
async def test_an_empty_database_is_copied_too(new: New, kind: str) -> None:
    source, target = await new("sqlite"), await new(kind)
    async with opened(source):
        """Opening makes the tables."""
    assert {each.rows for each in (await copied(source, target)).values()} == {0}
    assert await revision(target) == migrations.HEAD


@pytest.mark.parametrize("kind", KINDS)
async def test_progress_ends_with_all_rows(new: New, full: New, kind: str) -> None:
    """It only grows, also when some rows were there before."""
    source, target = await full("sqlite"), await new(kind)
    told: list[tuple[int, int]] = []
    with pytest.raises(Break):
        await copied(source, target, breaking_at(40))
    await copied(source, target, lambda done, size: told.append((done, size)))
    rows = (len(tables.metadata.sorted_tables) - 1) * ROWS + 1
    assert told[-1] == (rows, rows)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


@pytest.mark.parametrize("there", KINDS)
@pytest.mark.parametrize("here", KINDS)
async def test_a_number_that_was_given_once_is_never_given_again(
    new: New, full: New, here: str, there: str
) -> None:
    """Not even where its row was deleted before the copy."""
    source, target = await full(here), await new(there)
    more = {**row(tables.citizens, ROWS), "id": 4999}
    async with opened(source) as database, database.begin() as conn:
        if here == "postgresql":
            await conn.execute(text("SELECT setval('citizens_id_seq', 4999)"))
        await conn.execute(insert(tables.citizens).values(more))
        await conn.execute(delete(tables.citizens).where(tables.citizens.c.id == 4999))
    await copied(source, target)
    del more["id"]
    async with opened(target) as database, database.begin() as conn:
        given = await conn.execute(insert(tables.citizens).values(more))
        assert given.inserted_primary_key == (5000,)
        card = {**row(tables.cards, ROWS), "id": None}
        del card["id"]
        given = await conn.execute(insert(tables.cards).values(card))
        assert given.inserted_primary_key == (10 * (ROWS - 1) + 7 + 1,)


@pytest.mark.parametrize("kind", KINDS)
async def test_the_database_knows_how_its_rows_are_spread(new: New, full: New, kind: str) -> None:
    """Without that it guesses at the plans of all statements."""
    source, target = await full("sqlite"), await new(kind)
    await copied(source, target)
    counts = {
        "sqlite": "SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'links'",
        "postgresql": "SELECT count(*) FROM pg_stats WHERE tablename = 'links'",
    }
    async with opened(target) as database, database.read() as conn:
        assert await conn.scalar(text(counts[kind]))


SCHEMES = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_stat%' ORDER BY 1",
    "postgresql": """
        SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' UNION
        SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2""",
}


async def scheme(url: str) -> object:
    """How the database is made, in its own words."""
    async with as_it_is(url) as database, database.read() as conn:
        found = await conn.execute(text(SCHEMES[database.dialect]))
        return [tuple(each) for each in found]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_copy_is_made_as_any_database(new: New, full: New, kind: str) -> None:
    """With every index, key and reference, also when the loading was broken off."""
    source, whole, broken = await full("sqlite"), await new(kind), await new(kind)
    await copied(source, whole)
    with pytest.raises(Break):
        await copied(source, broken, breaking_at(100))
    await copied(source, broken)
    async with opened(fresh := await new(kind)):
        """Opening makes the tables."""
    assert await scheme(whole) == await scheme(broken) == await scheme(fresh)


@pytest.mark.parametrize("kind", KINDS)
async def test_rows_are_loaded_without_indexes(new: New, full: New, kind: str) -> None:
    """Kept up to date with every row they would cost several times the rows."""
    source, target = await full("sqlite"), await new(kind)
    with pytest.raises(Break):
        await copied(source, target, breaking_at(1))
    assert "ix_links_card_id" not in str(await scheme(target))


# --- broken off ---------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [1, 150])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_copy_that_was_broken_off_goes_on(
    new: New, full: New, kind: str, rows: int
) -> None:
    """Nothing is written twice; until it is done nobody opens it."""
    source, target = await full("sqlite"), await new(kind)
    with pytest.raises(Break):
        await copied(source, target, breaking_at(rows))
    with pytest.raises(migrations.HalfCopied, match="not finished"):
        await Database.open(target)
    written = sum(each.written for each in (await copied(source, target)).values())
    everything = (len(tables.metadata.sorted_tables) - 1) * ROWS + 1
    assert everything - rows - 5 < written <= everything - rows
    assert await held_in(source) == await held_in(target)


KILLED = """
import asyncio, sys, time
from storage import copying
from storage.database import Database
copying.PAGE = 5
def report(done, size):
    if done > 100:
        print(done, flush=True)
        time.sleep(60)
async def main(source, target):
    async with copying.origin(Database.as_it_is(source)) as held:
        await copying.copy(held, Database.as_it_is(target), report)
asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("kind", KINDS)
async def test_a_copy_that_was_killed_goes_on(
    new: New, full: New, kind: str, tmp_path: Path
) -> None:
    source, target = await full(kind), await new(kind)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", KILLED, source, target),
        stdout=subprocess.PIPE,
        env=surroundings(tmp_path),
        cwd=ROOT,
    )
    assert process.stdout is not None
    assert await process.stdout.readline()
    process.kill()
    await process.communicate()
    assert await revision(target) == migrations.COPYING
    assert sum(each.written for each in (await copied(source, target)).values()) > 100
    assert await held_in(source) == await held_in(target)


async def test_a_lost_connection_loses_nothing(new: New, full: New) -> None:
    """It is told as such, and the same command goes on."""
    source, target = await full("sqlite"), await new("postgresql")

    def cut(done: int, _all: int) -> None:
        if done > 100:
            with connected(target) as other:
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )

    with pytest.raises(Unavailable):
        await copied(source, target, cut)
    await copied(source, target)
    assert await held_in(source) == await held_in(target)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_whole_copy_is_found_to_be_one(new: New, full: New, kind: str) -> None:
    """Nothing is written again."""
    source, target = await full("sqlite"), await new(kind)
    await copied(source, target)
    assert {each.written for each in (await copied(source, target)).values()} == {0}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_source_that_changed_meanwhile_is_noticed(new: New, full: New, kind: str) -> None:
    """A half of before and a half of after would be no state that ever was."""
    source, target = await full("sqlite"), await new(kind)
    with pytest.raises(Break):
        await copied(source, target, breaking_at(150))
    await changed(source, update(tables.cards).where(tables.cards.c.id == 7).values(cause="new"))
    with pytest.raises(CannotCopy, match="cards"):
        await copied(source, target)


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("UPDATE ring SET key_check = CAST('0123456789abcdef' AS {bytes})", "other keys"),
        ("UPDATE cards SET cause = 'other' WHERE id = 117", "cards: it has rows"),
        ("INSERT INTO paces (name, tat) VALUES ('zz', 1.5)", "paces: it has rows"),
        ("DELETE FROM card_history WHERE id = 7", "card_history: it has rows"),
        ("UPDATE alembic_version SET version_num = '0001'", "revision 0001"),
    ],
)
async def test_a_target_with_something_else_stays_as_it_is(
    full: New, kind: str, statement: str, why: str
) -> None:
    source, target = await full("sqlite"), await full(kind)
    await changed(target, statement.format(bytes="BLOB" if kind == "sqlite" else "bytea"))
    async with as_it_is(target) as database:
        before = await contents(database)
        with pytest.raises(CannotCopy, match=why):
            await copied(source, target)
        assert await contents(database) == before


@pytest.mark.parametrize("kind", KINDS)
async def test_a_database_of_something_else_is_refused(new: New, full: New, kind: str) -> None:
    """As target, and as source."""
    ours, other = await full("sqlite"), await new(kind)
    await changed(other, "CREATE TABLE recipes (name TEXT)")
    with pytest.raises(CannotCopy, match="something else"):
        await copied(ours, other)
    with pytest.raises(CannotCopy, match="no records"):
        await copied(other, await new("sqlite"))


@pytest.mark.parametrize("kind", KINDS)
async def test_a_database_is_not_copied_into_itself(full: New, kind: str) -> None:
    source = await full(kind)
    with pytest.raises(CannotCopy, match="it is the database to be copied"):
        await copied(source, source)


@pytest.mark.parametrize("kind", KINDS)
async def test_half_a_copy_is_not_copied_further(new: New, full: New, kind: str) -> None:
    source, target = await full("sqlite"), await new(kind)
    with pytest.raises(Break):
        await copied(source, target, breaking_at(100))
    with pytest.raises(CannotCopy, match="not finished"):
        await copied(target, await new("sqlite"))


@pytest.mark.parametrize("kind", KINDS)
async def test_a_source_that_is_in_use_is_refused_unless_it_is_a_rehearsal(
    new: New, full: New, kind: str, tmp_path: Path
) -> None:
    """What they write after the copy would be lost; in a rehearsal they go on."""
    source, target = await full(kind), await new("sqlite")
    async with opened(source) as database:
        with pytest.raises(CannotCopy, match="somebody has it open"):
            await copied(source, target)
        assert files_in(tmp_path) == (kind == "sqlite")
        before = await contents(database)
        async with as_it_is(source) as old, origin(old, live=True) as held:
            async with database.begin() as conn:
                await conn.execute(update(tables.cards).values(cause="later"))
            async with as_it_is(target) as other:
                await copy(held, other, silent)
                assert await contents(other) == before


@pytest.mark.parametrize("kind", KINDS)
async def test_nobody_writes_to_the_source_meanwhile(full: New, kind: str) -> None:
    """Who comes then is put off, as by any database that is busy."""
    source = await full(kind)
    async with as_it_is(source) as old, origin(old):
        visitor = await Database.open(source, patience=Patience(lock=0.1))
        with pytest.raises(Unavailable):
            async with visitor.begin() as conn:
                await conn.execute(update(tables.cards).values(cause="later"))
        await visitor.close()


@pytest.mark.parametrize(("rows", "why"), [(50, "is writing"), (150, "has written")])
@pytest.mark.parametrize("kind", KINDS)
async def test_somebody_who_writes_to_the_target_is_noticed(
    new: New, full: New, kind: str, rows: int, why: str
) -> None:
    """Whether to a table that is still to come or to one that is done."""
    source, target = await full("sqlite"), await new(kind)

    intruded: list[int] = []

    def intrude(done: int, _all: int) -> None:
        if done >= rows and not intruded:
            intruded.append(done)
            with connected(target) as other:
                other.execute("INSERT INTO paces (name, tat) VALUES ('􏿿', 1.5)")
                other.commit()

    with pytest.raises(CannotCopy, match=f"paces: somebody else {why}"):
        await copied(source, target, intrude)
    assert await revision(target) == migrations.COPYING


@pytest.mark.parametrize(
    ("table", "values"), [("cards", {"id": 2**31}), ("broadcasts", {"title": "a\0b"})]
)
async def test_a_value_that_does_not_fit_is_named_by_its_table(
    new: New, full: New, table: str, values: dict[str, object]
) -> None:
    """SQLite takes longer numbers and stranger texts than PostgreSQL."""
    source, target = await full("sqlite"), await new("postgresql")
    rows = tables.metadata.tables[table]
    new_row = {**row(rows, ROWS), **values} if table == "cards" else None
    change = insert(rows).values(new_row) if new_row else update(rows).values(values)
    await changed(source, change)
    with pytest.raises(CannotCopy, match=f"{table}: a value does not fit") as refused:
        await copied(source, target)
    assert "\0" not in str(refused.value)


@pytest.mark.parametrize("kind", KINDS)
async def test_rows_that_refer_to_nothing_are_not_taken(new: New, full: New, kind: str) -> None:
    """Somebody was at the file with another program."""
    source, target = await full("sqlite"), await new(kind)
    with connected(source) as other:
        other.execute("UPDATE links SET card_id = 3, ended_at = linked_at")
        other.commit()
    with pytest.raises(CannotCopy, match="refer to others"):
        await copied(source, target)
    assert await revision(target) == migrations.COPYING


async def test_the_mark_names_the_revision_it_stands_for() -> None:
    """A copy begun by another release is not gone on with by this one."""
    assert migrations.COPYING.startswith(migrations.HEAD)
    assert len(migrations.COPYING) <= 32
