"""``hesbot run --demo``: an invented Ministry, so that one can see what happens without one.

It calls codes good or bad by their last two digits, and calls every code that somebody pairs risky
a little later, and riskless again after that. So whoever pairs a card in the browser sees it
suspended and given back within a minute or so. It writes to nobody, and its records are its own.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.clock import Clock
from bot.errands import CheckCode
from bot.notices.workers import locked
from bot.settings import DATABASE_FILE, WORKFLOWS_FILE, Settings, SettingsError
from bot.telemetry import FAULTS
from conversations.actions import AskHesService, CodeChecked, Verdict
from conversations.calendar import ISTANBUL
from storage import Database, Registry, RiskChange, Unavailable, Vault
from storage.newest import NewLink, is_good, links_since

log = logging.getLogger("hesbot.demo")

START = datetime(2021, 1, 8, 12, tzinfo=ISTANBUL)
"""A week before the deadline, at noon."""
GOOD_UNTIL = datetime(2070, 12, 30, tzinfo=UTC)
"""How the HES service shows a code without an end (inferred, see the domain notes)."""
FOLDER = "demo"
"""In the home folder."""
LOCK = "worker-0.id"
"""Locked in that folder by whoever sends there, and by a demonstration while it runs."""
OURS = (
    "keys.json",
    *(
        f"{name}{suffix}"
        for name in (WORKFLOWS_FILE, DATABASE_FILE)
        for suffix in ("-wal", "-shm", "-journal", "")
    ),
)
"""All that a demonstration forgets, by name and in this order: what else is in the folder is not
ours. The records come last, so that a kill in between leaves nothing that looks foreign."""

VERDICTS = {
    "00": Verdict.NOT_FOUND,
    "11": Verdict.MISMATCH,
    "22": Verdict.EXPIRED,
    "33": Verdict.UNCHECKED,
}
"""The last two digits of a code that is not good, and what the invented Ministry says of it."""

REAL = (
    "telegram_bot_token",
    "twilio_account_sid",
    "twilio_auth_token",
    "database_url",
    "hes_service_url",
)
"""Settings that lead to real people or real records."""


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds: between two looks for new links, from a link to its suspension, and from that to
    the card's return."""

    look: float = 1.0
    paired: float = 20.0
    held: float = 45.0


USUAL = Pauses()


@contextmanager
def demonstration(settings: Settings) -> Iterator[Settings]:
    """The settings of a demonstration, for as long as it runs: records of its own, made anew, and
    a day in January 2021.

    Raise SettingsError, with nothing forgotten, where a setting leads to real people or real
    records, where another one runs in that home, or where the address cannot be had.
    """
    given = next((name for name in REAL if name in settings.model_fields_set), None)
    if given is not None:
        raise SettingsError(f"{given.upper()}: --demo writes to nobody and keeps no records")
    home = settings.hesbot_home / FOLDER
    start = settings.hesbot_now or START
    keys = {"hesbot_keys": None, "hesbot_keys_command": None}
    own = {"hesbot_home": home, **keys, "hesbot_now": start}
    with ExitStack() as stack:
        try:
            _move_in(home, stack)
            _check_address(settings)
            _forget(home)
        except OSError as error:
            why = error.strerror or "cannot be used"
            raise SettingsError(f"HESBOT_HOME: {why}") from error
        yield settings.model_copy(update=own)


def _move_in(home: Path, stack: ExitStack) -> None:
    """Keep others out until the stack closes. Raise SettingsError if somebody is there."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Ours comes first: of two that start together one is refused.
    for path in (home / LOCK, *sorted(set(_names_of_workers(home)) - {home / LOCK})):
        handle = locked(path)
        if handle is None:
            raise SettingsError(f"HESBOT_HOME: a demonstration runs in {home} already; stop it")
        stack.callback(os.close, handle)


def _check_address(settings: Settings) -> None:
    from bot.server import bind

    bind(settings.host, settings.port).close()


def _forget(home: Path) -> None:
    """Told the same day again, the invented Ministry's words would be older than those on
    record."""
    # The records are made first, so where there are none the rest is somebody else's.
    if (home / DATABASE_FILE).exists():
        for path in (home / name for name in OURS):
            path.unlink(missing_ok=True)
    for path in set(_names_of_workers(home)) - {home / LOCK}:
        path.unlink(missing_ok=True)


def _names_of_workers(home: Path) -> Iterator[Path]:
    return home.glob("worker-[0-9]*.id")


def invented_ministry(clock: Clock) -> CheckCode:
    """Answers for the HES service: every code is good without end, but for ``VERDICTS``."""

    async def check(errand: AskHesService) -> CodeChecked:
        now = clock()
        verdict = VERDICTS.get(errand.hes_code[-2:], Verdict.VALID)
        until = {Verdict.VALID: GOOD_UNTIL, Verdict.EXPIRED: now - timedelta(days=1)}
        return CodeChecked(errand.links, verdict, until.get(verdict))

    return check


async def demonstrate(
    database: Database, registry: Registry, vault: Vault, clock: Clock, pauses: Pauses = USUAL
) -> None:
    """Let every card that is paired be suspended and given back, once, until cancelled."""
    last = 0
    async with asyncio.TaskGroup() as group:
        while True:
            for link in await _links_since(database, vault, last):
                last = link.link
                group.create_task(_suspend(database, registry, clock, link, pauses))
            await asyncio.sleep(pauses.look)


async def _links_since(database: Database, vault: Vault, last: int) -> list[NewLink]:
    try:
        async with database.read() as connection:
            return await links_since(connection, vault, last)
    except Unavailable:
        return []


async def _suspend(
    database: Database, registry: Registry, clock: Clock, link: NewLink, pauses: Pauses
) -> None:
    """One link: risky after a while, riskless after another. Where the word cannot be taken now,
    there is nothing to see this time."""
    try:
        await asyncio.sleep(pauses.paired)
        async with database.read() as connection:
            if not await is_good(connection, link.link):
                return
        await _tell(database, registry, clock, link, risky=True, pauses=pauses)
        await asyncio.sleep(pauses.held)
        await _tell(database, registry, clock, link, risky=False, pauses=pauses)
    except Unavailable:
        FAULTS.labels("demo").inc()
        log.warning("the records could not be written")


async def _tell(
    database: Database,
    registry: Registry,
    clock: Clock,
    link: NewLink,
    *,
    risky: bool,
    pauses: Pauses,
) -> None:
    """A record of the invented Ministry's feed. The risk ends by itself should the second get
    lost."""
    now = clock()
    until = now + timedelta(seconds=2 * pauses.held) if risky else None
    record = RiskChange(f"demo:{link.link}:{risky}", link.hes_code, risky, now, until)
    async with database.begin() as connection:
        await registry.risks.take(connection, [record], now)
