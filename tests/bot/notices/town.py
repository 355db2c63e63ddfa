"""People who are known, and deliveries to them: a ledger with something in it. All invented."""

from __future__ import annotations

import asyncio
import inspect
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from sqlalchemy import select

from bot.channels.base import Fate, Letter, Limits, Outcome, Turn
from bot.clock import wall
from bot.notices.announcing import announcing
from bot.notices.letters import worded
from bot.notices.rules import Kind
from bot.notices.sender import Sender
from bot.wording import Wording
from conversations.actions import LookUpPerson
from conversations.events import Address
from storage import (
    Asked,
    Database,
    Entry,
    KeyRing,
    Ledger,
    Parcel,
    Registry,
    Urgency,
    Vault,
    tables,
)
from tests import homes
from tests.storage.announcing import made_known

NOON = datetime(2021, 1, 8, 9, tzinfo=UTC)
"""Noon in Istanbul."""
DEADLINE = datetime(2021, 1, 14, 21, tzinfo=UTC)
WORDING = Wording.load()


@dataclass
class Recorder:
    """An outlet that notes when each letter went and answers as it was told: with the outcomes of
    ``script`` in turn, then with SENT."""

    name: str = "telegram"
    limits: Limits = field(default_factory=lambda: Limits(text=4096))
    rate: float = 1000.0
    gap: float = 0.0
    script: list[Outcome] = field(default_factory=list)
    went: list[tuple[float, Letter]] = field(default_factory=list)
    before: Callable[[Letter], Any] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def push(self, letter: Letter, turn: Turn) -> Outcome:
        await turn()
        if self.before is not None:
            await self.before(letter)
        self.went.append((wall().timestamp(), letter))
        return self.script.pop(0) if self.script else Outcome(Fate.SENT, provider_id="1")

    @property
    def times(self) -> list[float]:
        return sorted(at for at, _ in self.went)


@dataclass
class Town:
    """A ledger, people to write to, and a clock that stands where it is put."""

    database: Database
    vault: Vault
    ledger: Ledger
    registry: Registry
    now: datetime = NOON

    def clock(self) -> datetime:
        return self.now

    async def people(
        self, count: int, channel: str = "telegram", first: int = 1000, since: datetime = NOON
    ) -> list[int]:
        """Make so many addresses known; their rows."""
        everybody = [
            Asked(Address(channel, str(first + number)), LookUpPerson(), since, "tr")
            for number in range(count)
        ]
        async with self.database.begin() as connection:
            return await made_known(connection, self.vault, everybody)

    async def write(self, people: Sequence[int], channel: str = "telegram", **facts: Any) -> None:
        """A delivery to each of them; a reminder of the deadline unless told otherwise."""
        kind = facts.pop("kind", Kind.DEADLINE)
        word = facts.pop("word", "test")
        given = {"urgency": Urgency.REMINDER, "due_at": NOON, **facts}
        entries = [
            Entry(key=f"{kind}:{who}:{word}", kind=kind, address=who, channel=channel, **given)
            for who in people
        ]
        async with self.database.begin() as connection:
            await self.ledger.write(connection, entries, self.now)

    def sender(self, outlet: Recorder, worker: str = "w1", **options: Any) -> Sender:
        def word(parcel: Parcel, now: datetime) -> Letter:
            return worded(parcel, WORDING, outlet.limits, now, DEADLINE)

        return Sender(outlet, self.database, self.ledger, word, self.clock, worker, **options)

    async def rows(self) -> list[Any]:
        """The whole ledger."""
        async with self.database.read() as connection:
            found = await connection.execute(
                select(tables.deliveries).order_by(tables.deliveries.c.id)
            )
            return list(found)

    async def states(self) -> Counter[str]:
        return Counter(each.state for each in await self.rows())


@asynccontextmanager
async def town(
    url: str | None = None, home: Path | None = None, ring: KeyRing | None = None
) -> AsyncIterator[Town]:
    """An empty town in a database of its own."""
    vault = Vault(ring or KeyRing.new())
    address = homes.address_of(home) if home and url is None else url
    database = await Database.open(address, home=home)
    ledger = Ledger(vault)
    registry = Registry(vault, deadline=DEADLINE, announce=announcing(ledger))
    try:
        yield Town(database, vault, ledger, registry)
    finally:
        await database.close()


@asynccontextmanager
async def at_work(*senders: Sender) -> AsyncIterator[None]:
    """The senders run meanwhile."""
    tasks = [asyncio.create_task(sender.run()) for sender in senders]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(so: Callable[[], Any]) -> None:
    """Wait until it is so; ``so`` may have to ask the records."""
    async with asyncio.timeout(20):
        while True:
            answer = so()
            if await answer if inspect.isawaitable(answer) else answer:
                return
            await asyncio.sleep(0.005)


def most_in_a_second(times: Sequence[float], late: float = 0.0) -> int:
    """How many there were at most in any window of one second.

    Where times may have been noted ``late`` by so many seconds, in any window that much shorter.
    """
    most, start = 0, 0
    for end, at in enumerate(times):
        while start < end and at - times[start] >= 1.0 - late:
            start += 1
        most = max(most, end - start + 1)
    return most


@asynccontextmanager
async def lateness() -> AsyncIterator[Callable[[], float]]:
    """Tells by how many seconds this process was late for anything meanwhile, at worst."""
    worst = 0.0

    async def watch() -> None:
        nonlocal worst
        now = asyncio.get_running_loop().time
        while True:
            due = now() + 0.005
            await asyncio.sleep(0.005)
            worst = max(worst, now() - due)

    watching = asyncio.create_task(watch())
    try:
        yield lambda: worst
    finally:
        watching.cancel()
