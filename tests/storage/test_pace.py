"""The shared limiter: slots at an even distance, for however many processes."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage import pace
from storage.database import Database
from tests.storage.people import Office

EARLY = 1_610_000_000.0
"""Seconds since 1970; a float tells microseconds there."""
BLUR = 1e-6

ASKED = st.tuples(
    st.sampled_from(["telegram", "whatsapp"]), st.integers(1, 50), st.floats(0, 5), st.booleans()
)


async def reserve(database: Database, name: str, count: int, interval: float, at: float) -> float:
    async with database.begin() as conn:
        return await pace.reserve(conn, name, count, interval, at)


def slots(first: float, count: int, interval: float) -> list[float]:
    """When each of them is."""
    return [first + number * interval for number in range(count)]


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(asked=st.lists(ASKED, max_size=15), interval=st.floats(0.0005, 2))
async def test_slots_keep_their_distance_and_none_comes_early(
    database: Database, asked: list[tuple[str, int, float, bool]], interval: float
) -> None:
    """Whoever asks when for how many, and whenever a pause is asked for."""
    given_out: dict[str, list[float]] = {"telegram": [], "whatsapp": []}
    now = EARLY
    async with database.begin() as conn:
        for name, count, passed, pausing in asked:
            now += passed
            if pausing:
                await pace.pause(conn, name, now + 3)
            first = await pace.reserve(conn, name, count, interval, now)
            assert first >= now + (3 - BLUR if pausing else 0)
            given_out[name] += slots(first, count, interval)
            assert abs((await pace.booked(conn, name))[0] - first - count * interval) < BLUR
        await conn.rollback()
    for times in given_out.values():
        assert all(after - before >= interval - BLUR for before, after in pairwise(times))


async def test_no_credit_builds_up(database: Database) -> None:
    """After an hour of silence there is no burst."""
    assert await reserve(database, "telegram", 10, 0.1, EARLY) == EARLY
    assert await reserve(database, "telegram", 10, 0.1, EARLY + 3600) == EARLY + 3600
    later = await reserve(database, "telegram", 1, 0.1, EARLY + 3600)
    assert abs(later - EARLY - 3601) < BLUR


async def test_nobody_is_ahead_of_nobody(database: Database) -> None:
    """A name that is new has no slots taken; each has its own."""
    async with database.read() as conn:
        assert await pace.booked(conn, "telegram") == (0, 0)
    await reserve(database, "telegram", 100, 1, EARLY)
    assert await reserve(database, "whatsapp", 1, 1, EARLY) == EARLY


async def test_a_pause_never_shortens_what_is_booked(database: Database) -> None:
    """The longer wait holds."""
    await reserve(database, "telegram", 10, 1, EARLY)
    async with database.begin() as conn:
        await pace.pause(conn, "telegram", EARLY + 5)
        await pace.pause(conn, "telegram", EARLY + 30)
        await pace.pause(conn, "telegram", EARLY + 20)
    assert await reserve(database, "telegram", 1, 1, EARLY) == EARLY + 30


async def test_processes_share_one_row(offices: list[Office]) -> None:
    """All at once, the very first time too."""
    asking = [reserve(office.database, "telegram", 3, 0.5, EARLY) for office in offices * 6]
    times = sorted(time for first in await asyncio.gather(*asking) for time in slots(first, 3, 0.5))
    assert times[0] == EARLY
    assert all(abs(after - before - 0.5) < BLUR for before, after in pairwise(times))


async def test_what_was_booked_too_far_ahead_counts_for_nothing(database: Database) -> None:
    """A clock that was put back booked it; what a messenger asked for stands."""
    assert await reserve(database, "telegram", 1, 0.1, EARLY + 9000) == EARLY + 9000
    async with database.begin() as conn:
        assert await pace.reserve(conn, "telegram", 1, 0.1, EARLY, EARLY + 60) == EARLY
        await pace.pause(conn, "telegram", EARLY + 900)
        late = await pace.reserve(conn, "telegram", 1, 0.1, EARLY, EARLY + 60)
        assert abs(late - EARLY - 900) < BLUR
