"""The card system's list, taken into the records: sealed by several workers, then written part by
part in the order of the cards' keys.

Knows neither how a line is written nor how a card is kept.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass

from bot.clock import Clock
from bot.services.card_lists import BadLines, Block, CardList, UnusableFile, plain_faults
from bot.services.card_sealing import MOST_WORKERS, Sealed, seal
from bot.services.card_spool import Spool
from storage import Database
from storage.card_files import CardFiles, Listed, Overtaken, Progress

PART = 20_000
"""Cards in one transaction. Whoever else writes waits for one at most."""
PAUSE = 0.005
"""Seconds from one transaction to the next, in which others may write: SQLite keeps no queue."""

Report = Callable[[int, int], None]
"""Is told how much of how much is done; sealing is a half and writing the other."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a list. ``lines`` has the heading and blank lines too.

    ``repeated``: it had been taken in before, and the counts are of that time.
    """

    lines: int
    added: int
    changed: int
    known: int
    bad: int
    seconds: float
    bad_file: str | None
    repeated: bool


@dataclass(frozen=True, slots=True)
class Import:
    """Takes one list in; ``pool`` is of ``sealers``."""

    listed: CardList
    bad: BadLines
    database: Database
    files: CardFiles
    pool: Executor
    now: Clock
    report: Report

    async def run(self) -> Taken:
        """Take in what is left of the list, and say what became of the whole of it.

        Raise UnusableFile.
        """
        start = time.monotonic()
        async with self.database.begin() as connection:
            found = await self.files.begin(connection, self._fingerprint, self.now())
        try:
            done = found if found.finished else await self._take_rest(found)
        except Overtaken:
            raise UnusableFile(f"{self.listed.path}: another process is taking it in") from None
        return Taken(
            lines=done.line,
            added=done.added,
            changed=done.changed,
            known=done.known,
            bad=done.bad,
            seconds=round(time.monotonic() - start, 3),
            bad_file=None if self.bad.empty else str(self.bad.path),
            repeated=found.finished,
        )

    @property
    def _fingerprint(self) -> str:
        return self.files.fingerprint(self.listed.sha256)

    async def _take_rest(self, progress: Progress) -> Progress:
        # What a process that died had sealed died with it; what it wrote is not written again.
        with plain_faults(self.listed.path):
            spool = Spool(self.listed.path.parent)
        with spool:
            lines, bad = await self._fill(spool)
            for cards in spool.sorted(progress.position, PART):
                progress = await self._write(progress, cards)
                self.report(spool.count + progress.position, 2 * spool.count)
                await asyncio.sleep(PAUSE)
        self.bad.keep()
        async with self.database.begin() as connection:
            return await self.files.finish(
                connection, self._fingerprint, progress, lines, bad, self.now()
            )

    async def _write(self, before: Progress, cards: list[Listed]) -> Progress:
        async with self.database.begin() as connection:
            return await self.files.take(connection, self._fingerprint, before, cards, self.now())

    async def _fill(self, spool: Spool) -> tuple[int, int]:
        """Seal the whole list; how many lines it has, and how many of them are bad."""
        self.bad.clear()
        lines = bad = 0
        async for block, sealed in _sealed(self.listed.blocks(), self.pool):
            with plain_faults(self.listed.path):
                spool.add(sealed.cards)
            self.bad.add(sealed.bad)
            lines, bad = block.last, bad + len(sealed.bad)
            self.report(block.end, 2 * self.listed.size)
        with plain_faults(self.listed.path):
            spool.flush()
        return lines, bad


async def _sealed(blocks: Iterator[Block], pool: Executor) -> AsyncIterator[tuple[Block, Sealed]]:
    """The blocks sealed, in order; some are always under way."""
    loop = asyncio.get_running_loop()
    under_way: deque[tuple[Block, asyncio.Future[Sealed]]] = deque()
    for each in blocks:
        under_way.append((each, loop.run_in_executor(pool, seal, each.content, each.first)))
        if len(under_way) > MOST_WORKERS:
            block, sealing = under_way.popleft()
            yield block, await sealing
    for block, sealing in under_way:
        yield block, await sealing
