"""What the records say of the lists they are fed with, on both databases."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import insert

from storage import feeds, marks, tables
from storage.feeds import ListState, RiskState, Source
from storage.risks import RiskChange
from tests.storage.people import CODE, NOW, OTHER_CODE, Office

HOUR = timedelta(hours=1)


async def test_codes_that_are_risky_now(office: Office) -> None:
    """Neither those that are riskless again nor those whose word has lost its force."""
    async with office.database.read() as conn:
        assert await feeds.risks(conn, NOW) == RiskState(0, None)
    words = [
        RiskChange("r-1", CODE, True, NOW - HOUR),
        RiskChange("r-2", OTHER_CODE, False, NOW - HOUR),
        RiskChange("r-3", "C1C2345678", True, NOW - HOUR, NOW + HOUR),
        RiskChange("r-4", "D1D2345678", True, NOW - 2 * HOUR, NOW),
    ]
    async with office.database.begin() as conn:
        await office.registry.risks.take(conn, words, NOW)
    async with office.database.read() as conn:
        assert await feeds.risks(conn, NOW) == RiskState(2, NOW)
        assert await feeds.risks(conn, NOW + HOUR) == RiskState(1, NOW)


async def test_systems_that_send_by_themselves(office: Office) -> None:
    """By name, the latest first; other marks are nobody's sendings."""
    hour = NOW.replace(minute=0, second=0, microsecond=0)
    counts = {
        (hour, feeds.mark("ministry")): 3,
        (hour - 5 * HOUR, feeds.mark("ministry")): 4,
        (hour - HOUR, feeds.mark("gates")): 1,
        (hour - 50 * HOUR, feeds.mark("gates")): 1,
        (hour, "fedora"): 9,
        (hour, "saved"): 9,
    }
    async with office.database.begin() as conn:
        await marks.add(conn, counts)
    async with office.database.read() as conn:
        assert await feeds.sources(conn, NOW - 24 * HOUR) == [
            Source("ministry", hour, 7),
            Source("gates", hour - HOUR, 1),
        ]


async def test_lists_of_cards_newest_first(office: Office) -> None:
    """As many as are told, finished or not."""
    rows = [
        {
            "fingerprint": f"f{place}",
            "position": place,
            "line": 0,
            "added": place,
            "changed": 0,
            "known": 0,
            "bad": 1,
            "updated_at": NOW + place * HOUR,
            "finished_at": NOW if place % 2 else None,
        }
        for place in range(feeds.LISTS + 2)
    ]
    async with office.database.begin() as conn:
        await conn.execute(insert(tables.imports), rows)
    async with office.database.read() as conn:
        found = await feeds.lists(conn)
    newest = feeds.LISTS + 1
    finished = newest % 2 == 1
    assert found[0] == ListState(NOW + newest * HOUR, finished, newest, newest, 0, 0, 1)
    assert [each.position for each in found] == list(range(newest, newest - feeds.LISTS, -1))
