"""A page with a mailbox behind it, and notices put into the ledger for its visitors.

A notice here is the reminder of the deadline, which needs no card to be true.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

from sqlalchemy import select

from bot.app import House, open_house, working
from bot.channels.base import Letter
from bot.channels.web import Web
from bot.notices.letters import worded
from bot.notices.mailbox import Mailbox
from bot.notices.rules import Kind
from bot.page_words import page_words
from bot.server import application
from conversations.events import Address
from storage import Entry, Parcel, Pickup, Urgency, Vault, tables
from storage.conversations import address_key
from tests import homes
from tests.fakes.serving import serve

TODAY = datetime.fromisoformat("2021-01-08T12:00+03:00")
REMINDER = "15 Ocak 2021"
"""What stands in the notice and nowhere else on the page."""
_keys = count()


def mailbox_of(house: House) -> Mailbox:
    """A mailbox on the records of a house."""

    def word(parcel: Parcel, now: datetime) -> Letter:
        limits, deadline = Web.limits, house.settings.pairing_deadline
        return worded(parcel, house.wording, limits, now, deadline)

    return Mailbox(house.database, house.ledger, Pickup(Vault(house.ring)), word, house.now)


@dataclass(frozen=True, slots=True)
class Post:
    """A served page, and the records behind it."""

    base: str
    house: House

    async def write(self, visitor: str, channel: str = "web") -> None:
        """Put a notice into the ledger for a visitor who is known."""
        key = address_key(Vault(self.house.ring), Address(channel, visitor))
        async with self.house.database.begin() as connection:
            wanted = select(tables.addresses.c.id).where(tables.addresses.c.key == key)
            known = (await connection.execute(wanted)).scalar_one()
            now = self.house.now()
            entry = Entry(
                key=f"test:{next(_keys)}",
                kind=Kind.DEADLINE,
                urgency=Urgency.REMINDER,
                address=known,
                channel=channel,
                due_at=now,
            )
            await self.house.ledger.write(connection, [entry], now)

    async def states(self) -> Counter[str]:
        """Where the deliveries are."""
        async with self.house.database.read() as connection:
            return Counter((await connection.execute(select(tables.deliveries.c.state))).scalars())


@asynccontextmanager
async def post_office(home: Path, *, demo: bool = False) -> AsyncIterator[Post]:
    """The page at work on records of its own."""
    async with open_house(homes.settings_in(home, hesbot_now=TODAY)) as house:
        words = house.wording
        web = Web(
            house.desk,
            lambda locale: page_words(words, locale),
            mailbox=mailbox_of(house),
            demo=demo,
        )
        app = application([web], house.database)
        async with working(house, [web]), serve(app) as base:
            yield Post(base, house)
