"""A newsroom: staff of every role, people to write to, broadcasts. All invented."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update

from conversations.actions import LookUpPerson, Status
from conversations.broadcasts import Audience, Group, Role
from conversations.events import Address
from storage import (
    Asked,
    Audit,
    Broadcast,
    Broadcasts,
    Connection,
    Database,
    Draft,
    Ledger,
    Member,
    Staff,
    Vault,
    campaigns,
    tables,
)
from storage.audiences import Selection
from storage.people import People

NOW = datetime(2021, 1, 8, 9, tzinfo=UTC)
"""Noon in Istanbul."""
DAY = timedelta(days=1)
TEXT = "Kartınızı eşleştirin. Son gün: {son_gun}"


def draft(**facts: Any) -> Draft:
    """A reminder to everybody, unless told otherwise."""
    given = {
        "title": "Son hafta",
        "texts": {"tr": TEXT},
        "audience": Audience(),
        "templates": {},
        **facts,
    }
    return Draft(**given)


def selection(group: Group = Group.ALL, **facts: Any) -> Selection:
    """An audience that can be reached through Telegram and the page."""
    audience = Audience(group, **facts.pop("criteria", {}))
    given = {"channels": ("telegram", "web"), "open_since": NOW - DAY, **facts}
    return Selection(audience, NOW, **given)


MANY = 20


async def made_known(conn: Connection, vault: Vault, asked: Sequence[Asked]) -> list[int]:
    """The rows of these addresses; those of a few are in their order, as if each had come by
    itself, while those that come together are in an order that nobody knows."""
    people = People(vault)
    groups = [asked] if len(asked) > MANY else [[each] for each in asked]
    found = {}
    for group in groups:
        found.update(await people.keep_senders(conn, group))
    return [found[each.address].id for each in asked]


@dataclass
class Newsroom:
    """The register of broadcasts with its staff."""

    database: Database
    vault: Vault
    broadcasts: Broadcasts
    members: dict[Role, Member] = field(default_factory=dict)

    @classmethod
    async def open(cls, database: Database, vault: Vault) -> Newsroom:
        """Somebody of each role works here."""
        room = cls(database, vault, Broadcasts(Audit(vault)))
        for role in Role:
            room.members[role] = await room.hire(role, f"{role}")
        return room

    async def hire(self, role: Role, name: str) -> Member:
        async with self.database.begin() as conn:
            return await Staff(self.vault).add(conn, name, role, "hash", b"secret", NOW)

    @property
    def author(self) -> Member:
        return self.members[Role.AUTHOR]

    @property
    def approver(self) -> Member:
        return self.members[Role.APPROVER]

    @property
    def operator(self) -> Member:
        return self.members[Role.OPERATOR]

    async def draft(self, **facts: Any) -> Broadcast:
        async with self.database.begin() as conn:
            return await self.broadcasts.create(conn, self.author, draft(**facts), NOW)

    async def submitted(self, **facts: Any) -> Broadcast:
        made = await self.draft(**facts)
        async with self.database.begin() as conn:
            return await self.broadcasts.submit(conn, self.author, made.id, NOW)

    async def approved(self, **facts: Any) -> Broadcast:
        made = await self.submitted(**facts)
        async with self.database.begin() as conn:
            return await self.broadcasts.approve(conn, self.approver, made.id, NOW)

    async def running(self, **facts: Any) -> Broadcast:
        """Approved, its deliveries written, and under way."""
        made = await self.approved(**facts)
        await self.plan(made)
        async with self.database.begin() as conn:
            return await self.broadcasts.start(conn, self.operator, made.id, NOW, NOW)

    async def plan(self, broadcast: Broadcast, **facts: Any) -> int:
        """Write all its deliveries; how many."""
        wanted = replace(selection(**facts), audience=broadcast.draft.audience)
        after: int | None = 0
        written = 0
        while after is not None:
            async with self.database.begin() as conn:
                found = await campaigns.plan(conn, broadcast.id, wanted, NOW + 9 * DAY, after, NOW)
            after, written = found.reached, written + found.count
        return written

    async def get(self, broadcast: Broadcast) -> Broadcast:
        async with self.database.read() as conn:
            return await self.broadcasts.get(conn, broadcast.id)

    # --- people -------------------------------------------------------------------------------

    async def people(
        self,
        count: int,
        channel: str = "telegram",
        first: int = 1000,
        locale: str = "tr",
        since: datetime = NOW - 9 * DAY,
    ) -> list[int]:
        """Make so many addresses known; their rows."""
        everybody = [
            Asked(Address(channel, str(first + number)), LookUpPerson(), since, locale)
            for number in range(count)
        ]
        async with self.database.begin() as conn:
            return await made_known(conn, self.vault, everybody)

    async def mark(self, address: int, **values: Any) -> None:
        """Change what is known of an address."""
        async with self.database.begin() as conn:
            known = update(tables.addresses).where(tables.addresses.c.id == address)
            await conn.execute(known.values(values))

    async def pair(
        self, address: int, status: Status = Status.ACTIVE, until: datetime | None = None
    ) -> int:
        """Pair a card from an address, past the register; the card's row."""
        key = self.vault.index("card", str(address))
        async with self.database.begin() as conn:
            citizen = await conn.scalar(
                insert(tables.citizens)
                .values(identity_key=key, profile=b"", created_at=NOW, updated_at=NOW)
                .returning(tables.citizens.c.id)
            )
            facts = {"cause": "paired", "changed_at": NOW, "created_at": NOW}
            card = await conn.scalar(
                insert(tables.cards)
                .values(number_key=key, number=b"", status=str(status), **facts)
                .returning(tables.cards.c.id)
            )
            link = {"card_id": card, "citizen_id": citizen, "address_id": address}
            code = {"hes_key": key, "hes_code": b"", "verdict": "valid", "valid_until": until}
            await conn.execute(insert(tables.links).values(**link, **code, linked_at=NOW))
        return int(card or 0)

    # --- the ledger ---------------------------------------------------------------------------

    async def rows(self, broadcast: Broadcast) -> list[Any]:
        """Its deliveries."""
        row = tables.deliveries.c
        async with self.database.read() as conn:
            found = await conn.execute(
                select(tables.deliveries).where(row.broadcast_id == broadcast.id).order_by(row.id)
            )
            return list(found)

    async def states(self, broadcast: Broadcast) -> Counter[str]:
        return Counter(row.state for row in await self.rows(broadcast))

    async def put(self, broadcast: Broadcast, state: str, count: int, **values: Any) -> None:
        """Bring so many of its pending deliveries into another state, past the ledger."""
        row = tables.deliveries.c
        some = [each.id for each in await self.rows(broadcast) if each.state == "pending"][:count]
        async with self.database.begin() as conn:
            changed = update(tables.deliveries).where(row.id.in_(some))
            await conn.execute(changed.values(state=state, **values))

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.vault)
