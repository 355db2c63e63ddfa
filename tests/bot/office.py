"""A front desk at work on a SQLite file, and people who write to it. All invented."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

from bot.channels.base import Answer, Inbound, Limits, written
from bot.desk import Desk
from bot.errands import runners
from bot.marks import Marks
from bot.newsroom import drawing, measuring
from bot.rooms import Rooms
from bot.wording import Wording
from conversations.events import Address, Event
from conversations.state import State, from_plain, to_plain
from storage import (
    Audit,
    Broadcasts,
    Connection,
    Contended,
    Conversations,
    Database,
    KeyRing,
    Newsroom,
    Registry,
    Vault,
)
from storage.database import Patience
from tests import homes

NOW = datetime(2021, 1, 10, 9, 30, tzinfo=UTC)
DEADLINE = datetime(2021, 1, 14, 21, tzinfo=UTC)
CHANNEL = "telegram"
LIMITS = {CHANNEL: Limits(text=4096, buttons=20, label=64)}
CARD = "7301000011112222"
SCRIPT = (
    "merhaba",
    "evet",
    "ayşe",
    "yıldızoğlu",
    "10000000146",
    "1.2.1990",
    "ayse@example.com",
    CARD,
    "0532 000 00 21",
    "A1B2345678",
    "evet",
    "kabul ediyorum",
)
"""A registration from the first word to the last."""


class CountedDatabase(Database):
    """A database that counts its commits and can be made to hold one back, or to yield a few times
    to others."""

    commits: int
    yields: int = 0
    gate: asyncio.Event
    inside: asyncio.Event

    @asynccontextmanager
    async def begin(self, within: float | None = None) -> AsyncIterator[Connection]:
        async with super().begin(within) as connection:
            yield connection
            if hasattr(self, "gate"):
                self.inside.set()
                await self.gate.wait()
            if self.yields:
                self.yields -= 1
                raise Contended
        self.commits = getattr(self, "commits", 0) + 1

    def hold(self) -> None:
        """Let the next transactions wait just before their commit."""
        self.gate, self.inside = asyncio.Event(), asyncio.Event()


@dataclass
class Office:
    """The desk, its records, and a way to write to it."""

    database: CountedDatabase
    vault: Vault
    desk: Desk
    marks: Marks
    work: asyncio.Task[None]
    messages: count[int] = field(default_factory=count)

    async def say(
        self,
        text: str | Event,
        who: str = "1001",
        message: str | None = None,
        sequence: int | None = None,
    ) -> Answer:
        """One message and the answer to it."""
        event = written(text) if isinstance(text, str) else text
        name = f"m{next(self.messages)}" if message is None else message
        return await self.desk.receive(Inbound(Address(CHANNEL, who), name, event, sequence))

    async def talk(self, *texts: str, who: str = "1001") -> Answer:
        """Several messages, each after the answer to the one before."""
        answer = Answer()
        for text in texts:
            answer = await self.say(text, who)
        return answer

    async def state(self, who: str = "1001") -> State:
        """Where somebody stands by the records."""
        address = Address(CHANNEL, who)
        async with self.database.read() as connection:
            kept = await Conversations(self.vault).states(connection, [address])
        return from_plain(msgspec.json.decode(kept[address])) if kept else State()

    async def put(self, state: State | bytes, who: str = "1001") -> None:
        """Write somebody's state past the desk."""
        plain = state if isinstance(state, bytes) else msgspec.json.encode(to_plain(state))
        async with self.database.begin() as connection:
            kept = {Address(CHANNEL, who): plain}
            await Conversations(self.vault).keep(connection, kept, [], NOW)


@asynccontextmanager
async def office(
    home: Path,
    ring: KeyRing | None = None,
    lock: float = 5.0,
    errand: Any = None,
    count: Any = None,
    **options: Any,
) -> AsyncIterator[Office]:
    """Open the records in ``home`` and put a desk to work on them.

    ``errand`` asks about codes, ``count`` counts audiences.
    """
    vault = Vault(ring or KeyRing.new())
    database = await homes.opened_in(home, CountedDatabase, patience=Patience(lock=lock))
    assert isinstance(database, CountedDatabase)
    registry = Registry(vault, deadline=DEADLINE)
    clock: Callable[[], datetime] = lambda: NOW  # noqa: E731
    marks = Marks(database)
    options = {"count": marks.count, **options}
    wording = Wording.load()
    newsroom = Newsroom(
        vault,
        Broadcasts(Audit(vault)),
        accounts={CHANNEL},
        draw=drawing(wording.locales),
        measure=measuring({CHANNEL: 30.0}, clock),
    )
    rooms, errands = Rooms(registry, newsroom), runners(errand, count)
    desk = Desk(database, Conversations(vault), rooms, wording, clock, LIMITS, errands, **options)
    work = asyncio.create_task(desk.run())
    database.commits = 0
    try:
        yield Office(database, vault, desk, marks, work)
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work
        await database.close()


def text(answer: Answer) -> str:
    """Everything that is said."""
    return "\n".join(message.text for message in answer.messages)
