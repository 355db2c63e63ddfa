"""What ``hesbot doctor`` does: every check in turn, a part of the composition root.

A check that breaks is a finding of its own, so that one trouble never hides the others.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

from bot.checks import outside, place
from bot.checks.findings import Finding, fail
from bot.checks.records import Examination
from bot.clock import wall
from bot.mending import advice
from bot.settings import faults, read_settings
from bot.telemetry import place_of


async def examine() -> AsyncIterator[Finding]:
    """Look at everything; nothing is changed anywhere."""
    wrong = faults()
    for each in wrong:
        name, _, why = each.partition(": ")
        yield fail(name, why, "nothing else was looked at: mend it and run this again")
    if wrong:
        return
    settings = read_settings()
    for finding in (*place.settings_fit(settings), place.home(settings), *place.clock(settings)):
        yield finding
    for name, check in {
        "disk": lambda: _listed(place.disk(settings)),
        "records": lambda: _gathered(Examination(settings, wall).findings()),
        "telegram": lambda: outside.telegram(settings, wall),
        "twilio": lambda: outside.whatsapp(settings),
        "hes service": lambda: _one(outside.hes_service(settings)),
    }.items():
        for finding in await _guarded(name, check):
            yield finding


async def _guarded(name: str, check: Callable[[], Awaitable[list[Finding]]]) -> list[Finding]:
    try:
        return await check()
    except Exception as error:
        line = advice(error)
        return [fail(name, line or f"this check broke off: {place_of(error)}", "mend that first")]


async def _listed(findings: Iterable[Finding]) -> list[Finding]:
    return list(findings)


async def _gathered(findings: AsyncIterator[Finding]) -> list[Finding]:
    return [each async for each in findings]


async def _one(finding: Awaitable[Finding]) -> list[Finding]:
    return [await finding]
