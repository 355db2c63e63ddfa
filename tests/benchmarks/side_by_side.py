"""Our webhooks and the peers, side by side: every round measures every bot, so that what the
machine does meanwhile hits them all alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tests.benchmarks.botapi import LeanBotApi, lean_bot_api
from tests.benchmarks.bots import Bot, Started, at_work
from tests.benchmarks.citizens import WrongAnswer
from tests.benchmarks.load import Crowd, Figures
from tests.benchmarks.machine import megabytes
from tests.benchmarks.results import OPEN, Results

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured: ``users`` at once in turn, ``seconds`` each, ``rate`` messages a second
    without waiting by ``many`` people in turn."""

    users: tuple[int, ...] = (8, 40, 200)
    seconds: float = 4.0
    warm_up: float = 1.0
    rate: float = 200.0
    many: int = 100
    rounds: int = 3


QUICK = Plan(users=(8, 40), seconds=1.0, warm_up=0.5, rounds=1)


async def measure(bots: Sequence[Bot], plan: Plan, home: Path, told: Told) -> Results:
    """Every bot in every round, on records of its own. Raise WrongAnswer."""
    results = Results()
    for place in range(plan.rounds):
        for bot in bots:
            async with lean_bot_api() as api:
                await _one(bot, plan, home / f"{bot.name}-{place}", api, results)
            told(_line(place, bot, results))
    return results


async def _one(bot: Bot, plan: Plan, home: Path, api: LeanBotApi, results: Results) -> None:
    async with at_work(bot, home, api) as started:
        crowd = _crowd(bot, started, api, count(1))
        await crowd.one()
        for users in plan.users:
            figures = await crowd.closed(users, plan.seconds, started.pid, plan.warm_up)
            results.figures[bot.name, str(users)].append(figures)
        figures = await crowd.open(plan.rate, plan.many, plan.seconds, started.pid, plan.warm_up)
        results.figures[bot.name, OPEN].append(figures)
        results.memory[bot.name].append(megabytes(started.pid))
    if bot.saved is not None and bot.count(home) != crowd.saved:
        raise WrongAnswer(f"{bot.title}: {bot.count(home)} on record, {crowd.saved} said to be")


def _crowd(bot: Bot, started: Started, api: LeanBotApi, numbers: Iterator[int]) -> Crowd:
    messenger = bot.messenger(started.port, api)
    return Crowd(messenger, started.port, numbers, checked=bot.saved is not None)


def _line(place: int, bot: Bot, results: Results) -> str:
    rounds = [found[-1] for (name, _), found in results.figures.items() if name == bot.name]
    return f"round {place + 1} · {bot.title}: " + " · ".join(map(_figures, rounds))


def _figures(found: Figures) -> str:
    return f"{found.messages:,.0f}/s p99 {found.p99:.1f} ms {found.cpu:.0f} µs"
