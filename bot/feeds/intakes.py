"""How each kind of file is taken into the records while people are answered beside it."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from itertools import islice
from pathlib import Path

from bot.clock import Clock
from bot.feeds.values import LARGEST_UNPACKED, Bad, Kind, Refused
from bot.services import card_lists, risk_file
from bot.services.card_files import Cardhouse, take_in
from bot.services.risk_feed import Take, taking
from bot.telemetry import RISK_RECORDS
from storage import Database, Registry

BATCH = 500
"""Risk records in one transaction: few enough that a conversation never waits long."""
TOLD = 100
"""How many bad lines are told."""

Report = Callable[[float], None]
"""Is told how much of the work is done, from 0 to 1."""

Intake = Callable[[Path, Report], Awaitable[Mapping[str, int]]]
"""Takes a file and says what it came to. Raise Refused and storage.Unavailable."""


def risks(database: Database, registry: Registry, now: Clock) -> Intake:
    """Take the Ministry's list."""
    bounds = risk_file.Bounds(BATCH, LARGEST_UNPACKED[Kind.RISKS])

    @asynccontextmanager
    async def opened() -> AsyncIterator[Take]:
        yield taking(database, registry, now)

    async def take(path: Path, report: Report) -> Mapping[str, int]:
        whole, read = (await asyncio.to_thread(path.stat)).st_size, 0

        def progress(more: int) -> None:
            nonlocal read
            read += more
            report(read / whole)

        try:
            done = await risk_file.import_file(str(path), opened, now, progress, bounds)
        except risk_file.UnusableFile as unusable:
            raise Refused(unusable.why) from None
        counts = _numbers(asdict(done))
        for outcome, count in counts.items():
            if outcome != "lines":
                RISK_RECORDS.labels(outcome).inc(count)
        return counts

    return take


def cards(house: Cardhouse) -> Intake:
    """Take the card system's list."""

    async def take(path: Path, report: Report) -> Mapping[str, int]:
        try:
            most = LARGEST_UNPACKED[Kind.CARDS]
            listed = await asyncio.to_thread(card_lists.examine, path, most)
            with card_lists.bad_lines(listed.bad_path) as bad:
                done = await take_in(
                    house, listed, bad, lambda part, whole: report(part / (whole or 1))
                )
        except card_lists.UnusableFile as unusable:
            raise Refused(unusable.why) from None
        return _numbers(asdict(done))

    return take


def _numbers(counts: Mapping[str, object]) -> dict[str, int]:
    return {name: int(count) for name, count in counts.items() if isinstance(count, int)}


# --- lines that could not be taken ----------------------------------------------------------

REASONS = {
    "too long": "too_long",
    "more than two columns": "columns",
    "not readable as columns": "unreadable",
    "no card number": "no_number",
    "other signs than digits in the card number": "letters",
    "personalised is neither yes nor no": "personalised",
}
"""What ``card_lines`` says of a line, as a code; all that is left is ``digits``."""


def told(kind: Kind, path: Path) -> list[Bad]:
    """The first of the lines in a file of bad lines; none if there is no such file."""
    try:
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            return list(islice(_READERS[kind](file), TOLD))
    except FileNotFoundError:
        return []


def _of_risks(lines: Iterator[str]) -> Iterator[Bad]:
    for each in lines:
        plain = json.loads(each)
        yield Bad(plain["line"], plain["why"])


def _of_cards(lines: Iterator[str]) -> Iterator[Bad]:
    for number, why, *_ in islice(csv.reader(lines), 1, None):
        yield Bad(int(number), REASONS.get(why, "digits"))


_READERS: Mapping[Kind, Callable[[Iterator[str]], Iterator[Bad]]] = {
    Kind.RISKS: _of_risks,
    Kind.CARDS: _of_cards,
}
