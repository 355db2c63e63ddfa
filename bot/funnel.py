"""How far people come in the registration form, from what was counted of the talk.

Pure arithmetic over the marks of some time. The steps are the declared form's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from conversations import marking
from conversations.registration import REGISTRATION

COMMONEST = 3
"""How many reasons are told for each step."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why answers were not taken, and how often."""

    code: str
    count: int


@dataclass(frozen=True, slots=True)
class Step:
    """One question: how many came to it and how many answered it.

    ``refused`` counts tries, of which one person may make many; ``refusals`` are the commonest.
    """

    field: str
    reached: int
    answered: int
    refused: int = 0
    refusals: tuple[Refusal, ...] = ()

    @property
    def lost(self) -> float:
        """The share, from 0 to 1, of those who came and did not answer (yet)."""
        return 1 - self.answered / self.reached if self.reached else 0.0


@dataclass(frozen=True, slots=True)
class Funnel:
    """The form from its first question to its end, in runs of it: who begins anew is another."""

    begun: int
    steps: tuple[Step, ...]
    reviewed: int
    saved: int
    left: int

    @property
    def finished(self) -> float:
        """The share, from 0 to 1, of those who began and saved."""
        return min(self.saved / self.begun, 1.0) if self.begun else 0.0


def funnel(counts: Mapping[str, int]) -> Funnel:
    """The funnel of what was counted, by the names of the marks."""
    begun = reached = counts.get(marking.CONSENTED, 0)
    steps = []
    for field in REGISTRATION.fields:
        steps.append(_step(field.name, reached, counts))
        reached = steps[-1].answered
    ends = (counts.get(name, 0) for name in (marking.REVIEWED, marking.SAVED, marking.LEFT))
    return Funnel(begun, tuple(steps), *ends)


def _step(field: str, reached: int, counts: Mapping[str, int]) -> Step:
    answered = counts.get(marking.answered(field), 0)
    refused = _refused(field, counts)
    commonest = sorted(refused.items(), key=lambda item: (-item[1], item[0]))[:COMMONEST]
    return Step(
        field,
        # Who came to the question before the time that is looked at may have answered within it.
        max(reached, answered),
        answered,
        refused.total(),
        tuple(Refusal(code, count) for code, count in commonest),
    )


def _refused(field: str, counts: Mapping[str, int]) -> Counter[str]:
    before = marking.refused(field, "")
    return Counter(
        {name.removeprefix(before): n for name, n in counts.items() if name.startswith(before)}
    )
