"""What is on record, compared with what citizens and recipients were told.

Every difference is one line of words; no line, no difference.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select

from conversations.events import Address
from storage import Connection, Database, KeyRing, Vault, tables
from storage.conversations import address_key, message_key
from tests.benchmarks.botapi import LeanBotApi, fields
from tests.benchmarks.citizens import Citizen, card_number, identity_number
from tests.bot.notices.town import most_in_a_second, town
from tests.faults.crowd import Told

FIRST = 5000
"""The chat of the first recipient."""
DECEMBER = datetime(2020, 12, 20, tzinfo=UTC)
DOCUMENTS = 3
"""Whoever is registered consented to: the notice, the processing, the terms."""
WINDOW, LATE = 5.0, 1.2
"""Seconds over which messages are counted as they arrive, and how many times the rate they may be:
who counts stands still now and then on a busy machine, and then they come together."""
IN_FLIGHT = 2.0
"""Seconds of the messenger's rate that a worker may have taken when it is killed."""


class NotingBotApi(LeanBotApi):
    """Notes who was told something, and when."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[int, float]] = []

    def _sent(self, body: bytes) -> bytes:
        answer = super()._sent(body)
        self.told.append((int(fields(body)["chat_id"]), self.times[-1]))
        return answer


async def recipients(url: str, ring: KeyRing, count: int) -> None:
    """People who talked to the bot in December and have no card: a week before the deadline they
    are told so."""
    async with town(url=url, ring=ring) as here:
        await here.people(count, first=FIRST, since=DECEMBER)


async def open_deliveries(url: str) -> int:
    """How many still wait or are under way, and how many there are."""
    database = await Database.open(url)
    try:
        async with database.read() as connection:
            state = tables.deliveries.c.state
            waiting = select(func.count()).where(state.in_(("pending", "sending")))
            return int(await connection.scalar(waiting) or 0)
    finally:
        await database.close()


class Accounts:
    """The records, after all is over."""

    def __init__(self, connection: Connection, ring: KeyRing) -> None:
        self._connection = connection
        self._vault = Vault(ring)

    async def registrations(self, told: Told) -> list[str]:
        """Everybody who was told so is registered, exactly once, and nobody else is."""
        link, card, citizen, address = (
            each.c for each in (tables.links, tables.cards, tables.citizens, tables.addresses)
        )
        rows = await self._connection.execute(
            select(card.number_key, citizen.identity_key, address.key, link.ended_at)
            .select_from(tables.links)
            .join(tables.cards, card.id == link.card_id)
            .join(tables.citizens, citizen.id == link.citizen_id)
            .join(tables.addresses, address.id == link.address_id)
        )
        found = Counter(tuple(row) for row in rows)
        expected = Counter(self._row(each) for each in told.saved)
        return [
            *_wrong("registered and not on record", expected - found),
            *_wrong("on record more than they were told", found - expected),
            *await self._counted(len(told.saved)),
        ]

    def _row(self, citizen: Citizen) -> tuple[Any, ...]:
        index = self._vault.index
        return (
            index("card", card_number(citizen.number)),
            index("identity", identity_number(citizen.number)),
            address_key(self._vault, _chat(citizen.chat)),
            None,
        )

    async def _counted(self, registered: int) -> Iterator[str]:
        wanted = {
            tables.cards: registered,
            tables.citizens: registered,
            tables.consents: registered * DOCUMENTS,
        }
        found = {table: await self._count(table) for table in wanted}
        return (
            f"{table.name}: {found[table]} rows, not {count}"
            for table, count in wanted.items()
            if found[table] != count
        )

    async def _count(self, table: Any) -> int:
        return int(await self._connection.scalar(select(func.count()).select_from(table)) or 0)

    async def messages(self, told: Told) -> list[str]:
        """Whatever was answered 200 is kept with its answer, and where the person stands."""
        inbox = {each[0] for each in await self._connection.execute(select(tables.inbox.c.key))}
        states = await self._connection.execute(select(tables.conversations.c.address_key))
        standing = {each[0] for each in states}
        lost = [
            update
            for chat, updates in told.answered.items()
            for update in updates
            if message_key(self._vault, _chat(chat), f"u{update}") not in inbox
        ]
        unknown = [
            chat for chat in told.answered if address_key(self._vault, _chat(chat)) not in standing
        ]
        return [
            *_wrong("answered and not kept", lost),
            *_wrong("answered and their conversation not kept", unknown),
        ]

    async def deliveries(self, api: NotingBotApi, count: int, kills: int, rate: float) -> list[str]:
        """Nobody is left out; who was told twice is marked, and those are few."""
        row = tables.deliveries.c
        rows = await self._connection.execute(
            select(tables.addresses.c.key, row.state, row.repeats).join(
                tables.addresses, tables.addresses.c.id == row.address_id
            )
        )
        by_key: dict[bytes, list[Any]] = {}
        for each in rows:
            by_key.setdefault(each.key, []).append(each)
        times = Counter(chat for chat, _ in api.told if FIRST <= chat < FIRST + count)
        wrong: list[str] = []
        for chat in range(FIRST, FIRST + count):
            kept = by_key.pop(address_key(self._vault, _chat(chat)), [])
            states = [each.state for each in kept]
            if states != ["sent"]:
                wrong.append(f"a recipient's deliveries are {states}, told {times[chat]} times")
            elif not 1 <= times[chat] <= 1 + kept[0].repeats:
                wrong.append(f"told {times[chat]} times, marked {kept[0].repeats}")
        repeated = times.total() - len(times)
        if repeated > kills * rate * IN_FLIGHT:
            wrong.append(f"{repeated} were told twice after {kills} kills")
        moments = sorted(at / WINDOW for chat, at in api.told if chat in times)
        most = most_in_a_second(moments) / WINDOW
        if most > rate * LATE:
            wrong.append(f"{most:.1f} messages a second, {rate:.0f} are allowed")
        return _wrong("deliveries", wrong) + _wrong("deliveries to others", by_key.keys())


def _chat(number: int) -> Address:
    return Address("telegram", str(number))


def _wrong(what: str, found: Iterable[Any]) -> list[str]:
    """One line however many there are."""
    counted = Counter(found)
    if not counted:
        return []
    some = "; ".join(str(each) for each in list(counted)[:5])
    return [f"{what}: {counted.total()} ({some})"]


async def compare(
    url: str, ring: KeyRing, told: Told, api: NotingBotApi, count: int, kills: int, rate: float
) -> Sequence[str]:
    """All differences."""
    database = await Database.open(url)
    try:
        async with database.read() as connection:
            accounts = Accounts(connection, ring)
            return [
                *await accounts.registrations(told),
                *await accounts.messages(told),
                *await accounts.deliveries(api, count, kills, rate),
            ]
    finally:
        await database.close()
