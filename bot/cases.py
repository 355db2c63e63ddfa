"""What lies on the front desk: one event each, from its arrival until it is answered.

Knows the order of events and which came twice; nothing of the talk, the records or the wording.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from bot import tracing
from bot.channels.base import Answer, Inbound
from bot.trail import Trail, about, here, stopwatch
from conversations.actions import Errand
from conversations.events import Address

log = logging.getLogger("hesbot.desk")


@dataclass(frozen=True, slots=True)
class Outcome:
    answer: Answer
    errand: Errand | None = None


@dataclass(slots=True, eq=False)
class Case:
    """One event on the desk until it is answered.

    ``before`` is what was answered already to the same message, when an errand's finding adds to
    it. ``trail`` is what its lines carry, whoever's task writes them, ``span`` what
    it came with.
    """

    inbound: Inbound
    outcome: asyncio.Future[Outcome]
    trail: Trail
    before: Answer | None = None
    span: Any = field(default_factory=tracing.here)
    _took: Callable[[], float] = field(default_factory=stopwatch)

    @classmethod
    def of(cls, inbound: Inbound, before: Answer | None) -> Self:
        """What has arrived now. It is about what its task is about already, as a report of our own
        on a message is about the message that was answered."""
        waited: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        return cls(inbound, waited, here() or inbound.trail, before)

    @property
    def is_new(self) -> bool:
        """Whether it is a message; a finding only adds to the answer of one."""
        return self.before is None

    def settle(self, outcome: Outcome, what: str = "committed") -> None:
        """It is answered; ``what`` came of it."""
        if log.isEnabledFor(logging.DEBUG):
            self._tell(logging.DEBUG, what, outcome.answer)
        if not self.outcome.done():
            self.outcome.set_result(outcome)

    def fail(self, error: Exception) -> None:
        """It cannot be answered now; its messenger is told so, and has to bring it again."""
        self._tell(logging.WARNING, "not committed")
        if not self.outcome.done():
            self.outcome.set_exception(error)

    def _tell(self, level: int, what: str, answer: Answer | None = None) -> None:
        said: dict[str, object] = {
            "channel": self.inbound.channel,
            "kind": type(self.inbound.event).__name__,
            "ms": self._took(),
        }
        if answer is not None:
            said["messages"] = len(answer.messages)
            said |= {"repeated": answer.repeated, "unfinished": answer.unfinished}
        with about(self.trail):
            log.log(level, what, extra=said)


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
