"""The measurements themselves: everybody in them plays by the rules. No time is asserted here."""

from __future__ import annotations

from itertools import count, groupby
from pathlib import Path

import pytest

from tests.benchmarks.botapi import lean_bot_api
from tests.benchmarks.bots import BOTS, Bot, at_work
from tests.benchmarks.citizens import STEPS, WrongAnswer, check
from tests.benchmarks.load import Crowd
from tests.benchmarks.run import plan_of, words
from tests.benchmarks.side_by_side import Plan

PROGRAMS = [tuple(bots) for _, bots in groupby(BOTS, key=lambda bot: bot.command)]
"""Ours is talked to in several ways."""


@pytest.mark.parametrize("bots", PROGRAMS, ids=lambda bots: bots[0].name)
async def test_a_bot_plays_a_registration(bots: tuple[Bot, ...], tmp_path: Path) -> None:
    """Every answer is the right one, and the registration is on record."""
    home, numbers, expected = tmp_path / "home", count(1), 0
    async with lean_bot_api() as api, at_work(bots[0], home, api, alone=False) as started:
        for bot in bots:
            checked = bot.saved is not None
            messenger = bot.messenger(started.port, api)
            crowd = Crowd(messenger, started.port, numbers, checked=checked)
            await crowd.one()
            expected += crowd.saved if checked else 0
    assert expected == sum(bot.saved is not None for bot in bots)
    assert bots[0].count(home) == expected


@pytest.mark.parametrize("place", range(STEPS))
def test_a_wrong_answer_ends_a_run(place: int) -> None:
    """A figure of a bot that answers nonsense is none."""
    with pytest.raises(WrongAnswer):
        check(place, b"Bunu okuyamad\xc4\xb1m.")


def test_asked_for_nothing_else_the_usual_plan_is_measured() -> None:
    """The command without a word gives numbers, not what stands in for them."""
    assert plan_of(words([])) == Plan()
    assert plan_of(words(["--rounds", "2", "--seconds", "1.5"])) == Plan(rounds=2, seconds=1.5)
