"""Several processes on one PostgreSQL: what citizens and recipients were told is what is on record,
whatever is killed and restarted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.faults.many_processes import Size, bad_day

MINUTES = float(os.environ.get("BAD_DAY_MINUTES", "0"))
"""So many minutes of troubles of every kind, with three web processes and two workers; without,
two web processes and a worker are killed once each and the database is restarted in both ways."""

SHORT = Size(people=6, pause=0.25, recipients=60, webs=2, workers=1)
LONG = Size(people=40, recipients=1000, minutes=MINUTES)


@pytest.mark.timeout(240 + 180 * MINUTES)
async def test_a_bad_day_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    """The records against what everybody was told."""
    report = await bad_day(tmp_path, LONG if MINUTES else SHORT)
    assert report.wrong == [], "\n".join(report.lines())
    assert report.told.saved
    assert report.told.twice
