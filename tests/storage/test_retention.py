"""What is kept for how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, update

from storage import tables
from storage.database import Database
from storage.retention import TERMS, forget
from tests.storage.filling import fill
from tests.storage.people import NOW

PRIVACY = Path(__file__).parents[2] / "docs" / "privacy.md"


def test_every_table_has_a_term() -> None:
    """Or a reason for having none."""
    assert TERMS.keys() == tables.metadata.tables.keys()
    for name, term in TERMS.items():
        assert term.why
        assert (term.days is None) is (term.since == "")
        assert term.since in ("", *tables.metadata.tables[name].columns.keys())


def test_the_terms_are_those_in_the_documentation() -> None:
    """A line each, with its days and its reason."""
    text = PRIVACY.read_text("utf-8")
    for name, term in TERMS.items():
        kept = f"{term.days} days after `{term.since}`" if term.days else "–"
        assert f"| `{name}` | {kept} | {term.why} |" in text


GONE = ("card_history", "deliveries", "boardings", "reports", "erasures", "suspensions")
"""Tables of which the oldest rows go."""


async def moments(database: Database, name: str) -> list[datetime]:
    """The moments from which the terms of the rows that may go are counted."""
    table, since = tables.metadata.tables[name], TERMS[name].since
    async with database.read() as conn:
        wanted = select(table.c[since]).order_by(table.c.id)
        if name == "boardings":
            wanted = wanted.where(table.c.report_id.is_not(None))
        found = await conn.scalars(wanted)
        return [each for each in found if each is not None]


@pytest.mark.parametrize("name", GONE)
async def test_what_is_over_goes_and_what_is_not_stays(database: Database, name: str) -> None:
    """To the second, whatever else is kept."""
    await fill(database)
    before = await moments(database, name)
    now = before[4] + TERMS[name].kept
    async with database.begin() as conn:
        await forget(conn, now, 100)
    assert min(await moments(database, name)) == before[4]
    async with database.begin() as conn:
        await forget(conn, now + timedelta(seconds=1), 100)
    assert await moments(database, name) == before[5:]


async def test_an_unfinished_registration_is_forgotten(database: Database) -> None:
    """Who stands in the menu is not."""
    key, talk = tables.conversations.c.address_key, tables.conversations
    old = NOW - TERMS["conversations"].kept - timedelta(seconds=1)
    rows = [(b"1", "registration:email", old), (b"2", "", old), (b"3", "registration:email", NOW)]
    async with database.begin() as conn:
        for name, step, heard in rows:
            values = {"address_key": name * 16, "state": b"", "step": step}
            await conn.execute(insert(talk).values(**values, updated_at=heard, heard_at=heard))
        assert await forget(conn, NOW, 100) == 1
        assert sorted(await conn.scalars(select(key))) == [b"2" * 16, b"3" * 16]


async def test_what_waits_to_go_out_waits(database: Database) -> None:
    """However long ago it was written."""
    await fill(database)
    async with database.begin() as conn:
        await conn.execute(update(tables.deliveries).values(state="pending"))
        kept = await conn.scalar(select(func.count()).select_from(tables.deliveries))
        await forget(conn, datetime.max.replace(tzinfo=UTC), 100)
        assert await conn.scalar(select(func.count()).select_from(tables.deliveries)) == kept
