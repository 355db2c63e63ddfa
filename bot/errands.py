"""The errands of the talk: who runs which, and what is found when no answer comes.

An errand runs after the commit and never holds a transaction. Knows no service and no table.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bot.tracing import span
from conversations.actions import AskHesService, CodeChecked, Errand, Finding, Verdict
from conversations.newsroom import AudienceUncounted, CountAudience

RunErrand = Callable[[Any], Awaitable[Finding]]
"""Runs errands of one kind. Keeps its own time limit and never raises."""

CheckCode = Callable[[AskHesService], Awaitable[CodeChecked]]
"""Asks the Ministry about a code."""

Runners = Mapping[type[Errand], RunErrand]
"""Who runs errands, by their kind; a kind that is not there is not run here."""


def runners(
    check: CheckCode | None = None,
    count: Callable[[CountAudience], Awaitable[Finding]] | None = None,
) -> Runners:
    """Who runs what, of those that are there."""
    found: dict[type[Errand], RunErrand | None] = {AskHesService: check, CountAudience: count}
    return {kind: _spanned(kind, run) for kind, run in found.items() if run is not None}


def _spanned(kind: type[Errand], run: RunErrand) -> RunErrand:
    async def spanned(errand: Errand) -> Finding:
        with span("errand", kind=kind.__name__):
            return await run(errand)

    return spanned


def unanswered(errand: Errand) -> Finding:
    """No answer means "could not be found out yet", never anything else."""
    if isinstance(errand, AskHesService):
        return CodeChecked(errand.links, Verdict.UNCHECKED)
    return AudienceUncounted()
