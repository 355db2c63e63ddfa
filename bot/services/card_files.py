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
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime

from bot.clock import Clock
from bot.services.card_lists import BadLines, Block, CardList, UnusableFile, plain_faults
from bot.services.card_sealing import MOST_WORKERS, Sealed, seal, sealers
from bot.services.card_spool import HEAPS, Spool, in_order, unpack
from storage import Database, Vault
from storage.card_files import CardFiles, Listed, Overtaken, Progress

PART = 20_000
"""Cards in one transaction. Whoever else writes waits for one at most."""
GENTLE_PART = 2_000
"""The same where people are answered by the process that takes the list in."""
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
class Cardhouse:
    """What lists are taken into: the records, and what cards are sealed with.

    ``gentle``: people wait for this process, so nothing may hold it up for long.
    """

    database: Database
    files: CardFiles
    vault: Vault
    deadline: datetime
    now: Clock
    gentle: bool = False


async def take_in(house: Cardhouse, listed: CardList, bad: BadLines, report: Report) -> Taken:
    """Take in what is left of the list, and say what became of the whole of it.

    Raise UnusableFile and storage.Unavailable; the same list goes on from there.
    """
    stack = ExitStack()
    pool = stack.enter_context(
        sealers(house.vault.ring, house.deadline, listed.size, gentle=house.gentle)
    )
    try:
        return await _Import(house, listed, bad, pool, report).run()
    finally:
        # Workers end what they are at.
        await asyncio.to_thread(stack.close)


@dataclass(frozen=True, slots=True)
class _Import:
    """Takes one list in; ``pool`` is of ``sealers``."""

    house: Cardhouse
    listed: CardList
    bad: BadLines
    pool: Executor
    report: Report

    async def run(self) -> Taken:
        """See ``take_in``."""
        start = time.monotonic()
        async with self.house.database.begin() as connection:
            found = await self.house.files.begin(connection, self._fingerprint, self.house.now())
        try:
            done = found if found.finished else await self._take_rest(found)
        except Overtaken:
            why = f"{self.listed.path}: another process is taking it in"
            raise UnusableFile(why, "busy") from None
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
        return self.house.files.fingerprint(self.listed.sha256)

    async def _take_rest(self, progress: Progress) -> Progress:
        # What a process that died had sealed died with it; what it wrote is not written again.
        with plain_faults(self.listed.path):
            spool = Spool(self.listed.path.parent)
        with spool:
            lines, bad = await self._fill(spool)
            count = sum(spool.counts)
            async for cards in self._sorted(spool, progress.position):
                progress = await self._write(progress, cards)
                self.report(count + progress.position, 2 * count)
                await asyncio.sleep(PAUSE)
        await asyncio.to_thread(self.bad.keep)
        async with self.house.database.begin() as connection:
            return await self.house.files.finish(
                connection, self._fingerprint, progress, lines, bad, self.house.now()
            )

    async def _write(self, before: Progress, cards: list[Listed]) -> Progress:
        async with self.house.database.begin() as connection:
            return await self.house.files.take(
                connection, self._fingerprint, before, cards, self.house.now()
            )

    async def _fill(self, spool: Spool) -> tuple[int, int]:
        """Seal the whole list; how many lines it has, and how many of them are bad."""
        self.bad.clear()
        lines = bad = 0
        async for block, sealed in _sealed(self.listed.blocks(), self.pool):
            await asyncio.to_thread(self._lay, spool, sealed)
            lines, bad = block.last, bad + len(sealed.bad)
            self.report(block.end, 2 * self.listed.size)
        with plain_faults(self.listed.path):
            await asyncio.to_thread(spool.flush)
        return lines, bad

    def _lay(self, spool: Spool, sealed: Sealed) -> None:
        with plain_faults(self.listed.path):
            spool.add(sealed.cards)
        self.bad.add(sealed.bad)

    async def _sorted(self, spool: Spool, start: int) -> AsyncIterator[list[Listed]]:
        """The cards from the one with that place on in the order of their keys, part by part."""
        loop, width = asyncio.get_running_loop(), spool.width
        part = width * (GENTLE_PART if self.house.gentle else PART)
        rest = b""
        for place in range(HEAPS):
            skipped = min(start, spool.counts[place])
            start -= skipped
            if skipped == spool.counts[place]:
                continue
            heap = await asyncio.to_thread(spool.heap, place)
            cards = await loop.run_in_executor(self.pool, in_order, heap, width)
            cards = rest + cards[skipped * width :]
            whole = len(cards) - len(cards) % part
            for first in range(0, whole, part):
                yield unpack(cards[first : first + part], width)
            rest = cards[whole:]
        if rest:
            yield unpack(rest, width)


async def _sealed(blocks: Iterator[Block], pool: Executor) -> AsyncIterator[tuple[Block, Sealed]]:
    """The blocks sealed, in order; some are always under way."""
    loop = asyncio.get_running_loop()
    under_way: deque[tuple[Block, asyncio.Future[Sealed]]] = deque()
    while (each := await asyncio.to_thread(next, blocks, None)) is not None:
        under_way.append((each, loop.run_in_executor(pool, seal, each.content, each.first)))
        if len(under_way) > MOST_WORKERS:
            block, sealing = under_way.popleft()
            yield block, await sealing
    for block, sealing in under_way:
        yield block, await sealing
