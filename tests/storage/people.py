"""Invented people, and short ways to let them do things in the register."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Table, func, select, update

from conversations.actions import (
    Action,
    CardsFound,
    CardView,
    CodeChecked,
    Document,
    Finding,
    KeepVerdict,
    LinkSaved,
    LookUpCards,
    LookUpPerson,
    PersonFound,
    SaveLink,
    Value,
    Verdict,
)
from conversations.events import Address
from storage import tables
from storage.asked import Asked
from storage.cards import CardRecord
from storage.database import Database
from storage.registry import Registry
from storage.risks import RiskChange, RiskOutcome

DEADLINE = datetime(2021, 1, 14, 21, tzinfo=UTC)
NOW = datetime(2021, 1, 10, 9, 30, tzinfo=UTC)
AFTER = datetime(2021, 1, 15, 5, 0, tzinfo=UTC)

CARD, OTHER_CARD = "7301000011112222", "7301000033334444"
CODE, OTHER_CODE = "A1B2345678", "C3D4567890"

TERMS = Document("terms", "2021-01")
TEXTS = {name: f"{number:064x}" for number, name in enumerate(("notice", "consent", "terms"))}

AYSE, BORA, CEM = (Address("telegram", number) for number in ("1001", "1002", "1003"))
AYSE_AT_WHATSAPP = Address("whatsapp", "+905320000021")

AYSE_ANSWERS: dict[str, Value] = {
    "first_name": "Ayşe",
    "last_name": "Yıldızoğlu",
    "identity_number": "10000000146",
    "birth_date": date(1990, 2, 1),
    "email": "ayse@example.com",
    "card_number": CARD,
    "phone": "+905320000021",
    "hes_code": CODE,
}
BORA_ANSWERS: dict[str, Value] = {
    **AYSE_ANSWERS,
    "first_name": "Bora",
    "last_name": None,
    "identity_number": "17291716060",
    "birth_date": date(1955, 12, 31),
    "email": None,
    "card_number": OTHER_CARD,
    "phone": "+905320000022",
    "hes_code": OTHER_CODE,
}


def word(
    code: str = CODE,
    risky: bool = True,
    at: datetime = NOW,
    until: datetime | None = None,
    id: str | None = None,
) -> RiskChange:
    """A record of the Ministry's feed; without an id of its own it has one for what it says."""
    return RiskChange(id or f"{code}{risky}{at}{until}", code, risky, at, until)


@dataclass(frozen=True)
class Office:
    """A register with its database, and a clock that stands still."""

    database: Database
    registry: Registry
    now: datetime = NOW
    texts: dict[str, str] = field(default_factory=lambda: dict(TEXTS))

    def at(self, now: datetime) -> Office:
        """The same at another time."""
        return replace(self, now=now)

    async def ask(self, address: Address, *actions: Action) -> list[Finding]:
        """Let somebody ask for things in one transaction."""
        asked = [Asked(address, action, self.now, "tr", self.texts) for action in actions]
        async with self.database.begin() as conn:
            return await self.registry.perform(conn, asked)

    async def pair(self, address: Address, answers: dict[str, Value], **more: Any) -> Finding:
        """Save a link."""
        return (await self.ask(address, SaveLink(answers, **more)))[0]

    async def paired(self, address: Address, answers: dict[str, Value], **more: Any) -> LinkSaved:
        """Save a link that must succeed."""
        saved = await self.pair(address, answers, **more)
        assert isinstance(saved, LinkSaved), saved
        return saved

    async def verdict(
        self, saved: LinkSaved, verdict: Verdict, valid_until: datetime | None = None
    ) -> None:
        """The HES service answers about the links."""
        links = tuple(card.link for card in saved.cards)
        await self.ask(AYSE, KeepVerdict(CodeChecked(links, verdict, valid_until)))

    async def cards(self, address: Address) -> tuple[CardView, ...]:
        """What the person at the address sees."""
        (found,) = await self.ask(address, LookUpCards())
        assert isinstance(found, CardsFound)
        return found.cards

    async def profile(self, address: Address) -> Mapping[str, Value]:
        """What is held of the person of the address, who must be known."""
        (found,) = await self.ask(address, LookUpPerson())
        assert isinstance(found, PersonFound)
        assert found.answers is not None
        return found.answers

    async def card(self, number: str = CARD) -> CardRecord:
        """What is held of a card that must be known."""
        async with self.database.read() as conn:
            record = await self.registry.card(conn, number, self.now)
        assert record is not None
        return record

    async def hear(self, *changes: RiskChange) -> RiskOutcome:
        """The Ministry's feed brings these records."""
        async with self.database.begin() as conn:
            return await self.registry.risks.take(conn, changes, self.now)

    async def end_due(self, limit: int = 100) -> int:
        """End the suspensions whose time is over."""
        async with self.database.begin() as conn:
            return await self.registry.suspensions.end_due(conn, self.now, limit)

    async def suspend(self, number: str = CARD) -> None:
        """The Ministry says so."""
        key = self.registry._cards.number_key(number)
        async with self.database.begin() as conn:
            await conn.execute(
                update(tables.cards)
                .where(tables.cards.c.number_key == key)
                .values(suspended_at=self.now, status="SUSPENDED", cause="suspended")
            )

    async def rows(self, table: Table) -> list[Any]:
        """All rows of a table, oldest first."""
        async with self.database.read() as conn:
            return list(await conn.execute(select(table).order_by(table.c.id)))

    async def count(self) -> dict[str, int]:
        """How many rows each table has."""
        async with self.database.read() as conn:
            return {
                table.name: (
                    await conn.execute(select(func.count()).select_from(table))
                ).scalar_one()
                for table in tables.metadata.sorted_tables
            }
