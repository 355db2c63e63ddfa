"""A short bad day with a fixed seed; `make faults` is a long one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.disk import library
from tests.faults.run import Plan, bad_day

SHORT = Plan(minutes=0, people=6, pause=0.1, calm=0.4, only=("kill", "mixed_up_updates"))
WITH_A_DISK = (*SHORT.only, "power_cut", "full_disk", "leap")


@pytest.mark.timeout(180)
async def test_a_bad_day_loses_nothing(tmp_path: Path) -> None:
    """The records against what a model says that must be there."""
    plan = replace(SHORT, only=WITH_A_DISK) if library() else SHORT
    report = await bad_day(tmp_path, plan)
    assert report.is_good, "\n".join(report.lines())
    assert report.blows.total() == len(plan.only)
    assert report.model.saved
    assert report.model.twice
    assert report.verdict.notices
