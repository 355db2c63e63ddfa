"""A vault kept up to what the database says of its keys, for as long as the database is open.

Part of the protocol in ``rotation``. Knows neither where rings come from nor what is sealed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from storage.database import Database, Unavailable
from storage.key_notes import noted
from storage.vault import KeyRing, UnusableKeys, Vault

log = logging.getLogger("hesbot.keys")

Again = Callable[[], KeyRing]
"""Reads the ring once more from where it came; may block; raises UnusableKeys."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: between two looks at the notes; after a look that failed; from the last look until
    nothing is sealed any more; between two readings of a ring that nobody asked for, if any."""

    look: float = 2.0
    failed: float = 0.5
    trust: float = 15.0
    reading: float | None = None


USUAL = Pace()


@asynccontextmanager
async def watched(
    database: Database, vault: Vault, again: Again, pace: Pace = USUAL
) -> AsyncIterator[None]:
    """During the block the vault seals with no key that is out of force, and knows new ones."""
    watching = asyncio.create_task(_Watch(database, vault, again, pace).keep_looking())
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


@dataclass(slots=True)
class _Watch:
    database: Database
    vault: Vault
    again: Again
    pace: Pace
    complete: bool = True

    async def keep_looking(self) -> None:
        loop = asyncio.get_running_loop()
        read = loop.time()
        self._trust()
        pause = self.pace.look
        while True:
            await asyncio.sleep(pause)
            if self.pace.reading is not None and loop.time() > read + self.pace.reading:
                await self._read_again()
                read = loop.time()
            pause = await self._look()

    async def _look(self) -> float:
        """Look at the notes; how long to wait for the next time."""
        try:
            async with self.database.read() as conn:
                notes = await noted(conn)
        except Unavailable:
            return self.pace.failed
        # Known before it is sealed with, so that nothing is refused in between.
        if not self.vault.knows(notes):
            await self._read_again()
        self._tell(self.vault.use(notes))
        self._trust()
        return self.pace.look

    async def _read_again(self) -> None:
        try:
            self.vault.learn(await asyncio.to_thread(self.again))
        except UnusableKeys as error:
            log.warning("the keys could not be read again", extra={"why": str(error)})

    def _trust(self) -> None:
        self.vault.trust(self.pace.trust, _refusal)

    def _tell(self, complete: bool) -> None:
        if self.complete and not complete:
            log.error(
                "records are sealed with a key that this process does not have, and nothing is"
                " recorded until it does: give it the newest keys and start it again"
            )
        self.complete = complete


def _refusal() -> Exception:
    return Unavailable("the key to seal records with is not known")
