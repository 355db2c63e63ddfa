"""A new database is made by statements written down; they are those of the migrations."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from storage import migrations
from storage.database import Database

LOOKS = ("SELECT", "PRAGMA", "BEGIN")


@pytest.fixture
async def empty(blank: str) -> Any:
    """A database without a table."""
    database = Database.as_it_is(blank)
    yield database
    await database.close()


async def changes(database: Database) -> list[str]:
    """What the migrations run, one after the other, on an empty database."""
    said: list[str] = []

    def hear(*heard: Any) -> None:
        statement, parameters = heard[2:4]
        if not statement.startswith(LOOKS):
            assert not parameters
            said.append("\n".join(line.rstrip() for line in statement.strip().splitlines()))

    async with database.begin() as connection:
        event.listen(Engine, "before_cursor_execute", hear)
        try:
            await connection.run_sync(migrations.change)
        finally:
            event.remove(Engine, "before_cursor_execute", hear)
    return said


async def test_what_is_written_down_is_what_the_migrations_run(
    empty: Database, request: pytest.FixtureRequest
) -> None:
    """Word for word; ``--update-tables`` writes it down anew."""
    text = migrations.END.join(await changes(empty)) + "\n"
    file = migrations.written_down(empty.dialect)
    if request.config.getoption("--update-tables"):
        file.write_text(text, "utf-8")
    assert file.read_text("utf-8") == text
