"""What lies on the front desk: one event each, from its arrival until it is answered.

Knows the order of events and which came twice; nothing of the talk, the records or the wording.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from bot.channels.base import Answer, Inbound
from conversations.actions import Errand
from conversations.events import Address


@dataclass(frozen=True, slots=True)
class Outcome:
    answer: Answer
    errand: Errand | None = None


@dataclass(slots=True, eq=False)
class Case:
    """One event on the desk until it is answered.

    ``before`` is what was answered already to the same message, when an errand's finding adds to
    it.
    """

    inbound: Inbound
    outcome: asyncio.Future[Outcome]
    before: Answer | None = None

    @property
    def is_new(self) -> bool:
        """Whether it is a message; a finding only adds to the answer of one."""
        return self.before is None

    def settle(self, outcome: Outcome) -> None:
        if not self.outcome.done():
            self.outcome.set_result(outcome)

    def fail(self, error: Exception) -> None:
        if not self.outcome.done():
            self.outcome.set_exception(error)


def twins(batch: Sequence[Case]) -> dict[Case, Case]:
    """Messages that came twice in one batch, each with the one that came first."""
    first: dict[tuple[Address, str], Case] = {}
    found: dict[Case, Case] = {}
    for case in batch:
        if case.is_new:
            earlier = first.setdefault((case.inbound.address, case.inbound.message), case)
            if earlier is not case:
                found[case] = earlier
    return found


def by_address(batch: Sequence[Case]) -> dict[Address, list[Case]]:
    """The cases of each address in the messenger's order where it tells one, else as they came."""
    groups: dict[Address, list[Case]] = {}
    for case in batch:
        groups.setdefault(case.inbound.address, []).append(case)
    for cases in groups.values():
        if len(cases) > 1:
            _put_in_order(cases)
    return groups


def _put_in_order(cases: list[Case]) -> None:
    """Sort the numbered ones among the places they hold; the others keep theirs."""
    places = [place for place, case in enumerate(cases) if case.inbound.sequence is not None]
    numbered = [cases[place] for place in places]
    numbered.sort(key=lambda case: case.inbound.sequence or 0)
    for place, case in zip(places, numbered, strict=True):
        cases[place] = case
