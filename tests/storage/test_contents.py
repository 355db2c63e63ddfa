"""The texts that WhatsApp keeps for us: written once, brought up to date by name."""

from __future__ import annotations

from datetime import UTC, datetime

from storage.contents import Content, Contents
from storage.database import Database

NOW = datetime(2021, 1, 8, 9, tzinfo=UTC)
SUSPENDED = "hesbot_suspended_tr_3fa2c1"
MENU = "hesbot_menu_tr_0a1b2c"


async def test_nothing_is_made_at_first(database: Database) -> None:
    """No text, no row."""
    async with database.read() as connection:
        assert await Contents().all(connection) == {}


async def test_a_text_is_brought_up_to_date_by_its_name(database: Database) -> None:
    """A second word on a text replaces the first; the others stay."""
    contents = Contents()
    first = {SUSPENDED: Content("HX1", "pending"), MENU: Content("HX2")}
    async with database.begin() as connection:
        await contents.keep(connection, first, NOW)
    async with database.begin() as connection:
        await contents.keep(connection, {SUSPENDED: Content("HX1", "approved")}, NOW)
        await contents.keep(connection, {}, NOW)
    async with database.read() as connection:
        assert await contents.all(connection) == {
            SUSPENDED: Content("HX1", "approved"),
            MENU: Content("HX2"),
        }
