"""What was measured, in rounds, and what it comes to. No messenger, no process, no file."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, fields

from tests.benchmarks.load import Figures

OPEN = "open"
"""The name of the load that does not wait for answers; others are numbers of users."""


def median(rounds: Iterable[Figures]) -> Figures:
    """Of each figure the median of the rounds."""
    found = list(rounds)
    return Figures(
        *(statistics.median(getattr(each, name.name) for each in found) for name in fields(Figures))
    )


@dataclass
class Results:
    """Figures by bot and load, memory by bot, one of each per round."""

    figures: dict[tuple[str, str], list[Figures]] = field(default_factory=lambda: defaultdict(list))
    memory: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def of(self, bot: str, load: str) -> Figures | None:
        """The median of the rounds; None if it was not measured."""
        rounds = self.figures.get((bot, load))
        return median(rounds) if rounds else None

    def memory_of(self, bot: str) -> float:
        return statistics.median(self.memory[bot])


@dataclass(frozen=True, slots=True)
class Row:
    """One further measurement in words: what was done, what came of it, and the goal for it."""

    work: str
    result: str
    goal: str = "–"
    verdict: str = ""


def verdict(value: float, goal: float, *, least: bool = False) -> str:
    """Whether a goal is met; if not, by how much it is missed. ``least``: more is better."""
    if value >= goal if least else value <= goal:
        return "met"
    off = abs(value - goal) / goal
    return f"missed by {off:.0%}" if off < 2 else f"missed by {value / goal:.1f} ×"
