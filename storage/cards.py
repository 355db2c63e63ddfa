"""Cards and their open links: reading them, and bringing a card's status up to its facts.

Who may pair what is not decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.actions import CardView, Status, Verdict
from storage import tables
from storage.changes import Announce, CardChange, Recipient, Relinked, Standing
from storage.people import People, Profile
from storage.prepared import Call, Prepared, Rows, one, run
from storage.settling import held_facts, standings
from storage.statements import among_numbers
from storage.vault import Vault, row

CHUNK = 2_000
"""Cards settled in one go."""

Found = Row[*tuple[Any, ...]]
"""A card with its open link, if it has one."""


Judge = Callable[..., Standing]
"""``registry.status_of`` with the deadline given."""


@dataclass(frozen=True, slots=True)
class LinkRecord:
    """The code a card is paired with."""

    hes_code: str
    linked_at: datetime
    verdict: Verdict
    checked_at: datetime | None
    valid_until: datetime | None

    @property
    def verified(self) -> bool:
        """Whether the HES service confirmed it."""
        return self.verdict is Verdict.VALID


@dataclass(frozen=True, slots=True)
class Change:
    """What a card's status became, when and why.

    Of the causes, ``code_restored`` stands in the history alone: the code before was denied, and
    the confirmed one that it had replaced holds again.
    """

    at: datetime
    status: Status
    cause: str


@dataclass(frozen=True, slots=True)
class CardRecord:
    """All that is held of a card, in full; whoever shows it masks it.

    ``changed_at`` is when the status last changed in the records; the passing of time alone (the
    deadline, the end of a code) shows in ``status`` and ``cause`` at once.
    """

    number: str
    status: Status
    cause: str
    changed_at: datetime
    link: LinkRecord | None
    holder: Profile | None
    history: tuple[Change, ...]


class Cards:
    """Reads cards and settles their status."""

    def __init__(self, vault: Vault, people: People, judge: Judge, announce: Announce) -> None:
        self._vault = vault
        self._people = people
        self._judge = judge
        self._announce = announce

    def number_key(self, number: str) -> bytes:
        """The blind index of a card's number."""
        return self._vault.index("card", number)

    def code_key(self, hes_code: str) -> bytes:
        """The blind index of a HES code."""
        return self._vault.index("hes", hes_code)

    def seal_code(self, hes_code: str, key: bytes) -> bytes:
        """Seal a code for a link that has this blind index."""
        return self._vault.seal(hes_code.encode(), row("links", key))

    def seal_number(self, number: str, key: bytes) -> bytes:
        """Seal a card's number for the card that has this blind index."""
        return self._vault.seal(number.encode(), row("cards", key))

    def newcomer(self, now: datetime) -> Standing:
        """What a card that nobody has paired is."""
        return self._judge(suspended=False, verdict=None, valid_until=None, now=now)

    async def paired_from(
        self, conn: AsyncConnection, addresses: Collection[int]
    ) -> dict[int, list[Found]]:
        """By address, the cards that were paired from there for the very citizen who holds them
        now, newest link first."""
        cards: dict[int, dict[int, Found]] = {}
        for each in await one(conn, _PAIRED_FROM(numbers=list(addresses))):
            cards.setdefault(each.came_from, {})[each.id] = each
        return {address: list(found.values()) for address, found in cards.items()}

    async def held_by(self, conn: AsyncConnection, citizen_id: int | None) -> list[Found]:
        """The cards that are a citizen's now, newest link first."""
        return list(await conn.execute(_paired(tables.links.c.citizen_id == citizen_id)))

    async def settle(
        self,
        conn: AsyncConnection,
        card_ids: Collection[int],
        now: datetime,
        *,
        relinked: Mapping[int, Relinked] = MappingProxyType({}),
        event: str | None = None,
        actor: int | None = None,
    ) -> int:
        """Write the status that follows from the facts, and history where it changed; say how often
        it did.

        Of cards that were ``relinked``, and with an ``event``, history is written in any case: they
        have another code. The history then names the event for a cause. ``actor`` is whose doing
        the others' changes are, see ``CardChange``.
        """
        changed, wanted = 0, sorted(set(card_ids))
        for start in range(0, len(wanted), CHUNK):
            found = await held_facts(conn, wanted[start : start + CHUNK])
            writes, changes = self.settlement(found, now, relinked, event, actor)
            await run(conn, *writes)
            await self.announce(conn, changes)
            changed += len(_moved(changes))
        return changed

    def settlement(
        self,
        found: Rows,
        now: datetime,
        relinked: Mapping[int, Relinked],
        event: str | None = None,
        actor: int | None = None,
    ) -> tuple[list[Call], list[CardChange]]:
        """What ``settle`` writes of cards that are held, from their ``settling.facts``, and what
        is to be announced once it is written."""
        after = [(each, self._standing(each, now)) for each in found]
        told = [
            (card, new)
            for card, new in after
            if event or card.id in relinked or _differs(card, new)
        ]
        history = _REMEMBER.each([_history(card, new, now, event) for card, new in told])
        doing = Relinked(actor)
        changes = [
            _change(card, new, now, relinked.get(card.id, doing), card.id in relinked)
            for card, new in told
        ]
        moved = ((each.card, each.after) for each in _moved(changes))
        return [*standings(moved, now), history], changes

    async def announce(self, conn: AsyncConnection, changes: Sequence[CardChange]) -> None:
        """Tell whoever is to be told of changes."""
        if changes:
            await self._announce(conn, changes)

    async def record(self, conn: AsyncConnection, number: str, now: datetime) -> CardRecord | None:
        """All that is held of the card with that number."""
        wanted = tables.cards.c.number_key == self.number_key(number)
        card = (await conn.execute(_FACTS.where(wanted))).one_or_none()
        if card is None:
            return None
        standing = self._standing(card, now)
        return CardRecord(
            number=self._number(card),
            status=standing.status,
            cause=standing.cause,
            changed_at=card.changed_at,
            link=None if card.link_id is None else self._link(card),
            holder=await self._holder(conn, card),
            history=await _changes(conn, card.id),
        )

    def view(self, found: Found, now: datetime) -> CardView:
        """A paired card as its holder may see it."""
        standing = self._standing(found, now)
        return CardView(
            card=found.id,
            link=found.link_id,
            number=self._number(found),
            hes_code=self._code(found),
            holder=str(found.citizen_id),
            status=standing.status,
            cause=standing.cause,
            verified=found.verdict == Verdict.VALID,
            valid_until=found.valid_until,
        )

    def standing(self, found: Found | None, now: datetime) -> Standing:
        """How a card stands whose facts were read elsewhere; None is a card that nobody knows."""
        if found is None:
            return self._judge(suspended=False, verdict=None, valid_until=None, now=now)
        return self._standing(found, now)

    def _standing(self, found: Found, now: datetime) -> Standing:
        return self._judge(
            suspended=is_held(found, now),
            verdict=None if found.verdict is None else Verdict(found.verdict),
            valid_until=found.valid_until,
            now=now,
        )

    def _number(self, found: Found) -> str:
        return self._vault.open(found.number, row("cards", found.number_key)).decode()

    def _code(self, found: Found) -> str:
        return self._vault.open(found.hes_code, row("links", found.hes_key)).decode()

    def _link(self, found: Found) -> LinkRecord:
        return LinkRecord(
            hes_code=self._code(found),
            linked_at=found.linked_at,
            verdict=Verdict(found.verdict),
            checked_at=found.checked_at,
            valid_until=found.valid_until,
        )

    async def _holder(self, conn: AsyncConnection, found: Found) -> Profile | None:
        if found.citizen_id is None:
            return None
        return (await self._people.citizen(conn, found.citizen_id)).profile


_COLUMNS: tuple[ColumnElement[Any], ...] = (
    tables.cards.c.id,
    tables.cards.c.number_key,
    tables.cards.c.number,
    tables.cards.c.suspended_at,
    tables.cards.c.suspended_until,
    tables.cards.c.status,
    tables.cards.c.cause,
    tables.cards.c.changed_at,
    tables.links.c.id.label("link_id"),
    tables.links.c.citizen_id,
    tables.links.c.address_id,
    tables.addresses.c.channel,
    tables.links.c.hes_key,
    tables.links.c.hes_code,
    tables.links.c.linked_at,
    tables.links.c.verdict,
    tables.links.c.checked_at,
    tables.links.c.valid_until,
)


def _paired(which: ColumnElement[bool], *more: ColumnElement[Any]) -> Select[Any]:
    """Paired cards with their open links, newest link first."""
    link = tables.links.c
    return (
        select(*_COLUMNS, *more)
        .join_from(tables.links, tables.cards, link.card_id == tables.cards.c.id)
        .join(tables.addresses, tables.addresses.c.id == link.address_id)
        .where(link.ended_at.is_(None), which)
        .order_by(link.id.desc())
    )


def _paired_from(which: ColumnElement[bool]) -> Select[Any]:
    link, mine = tables.links.c, _mine.c
    held = (mine.card_id == link.card_id) & (mine.citizen_id == link.citizen_id)
    return _paired(which, mine.address_id.label("came_from")).join(_mine, held)


_mine = tables.links.alias("mine")
_PAIRED_FROM = Prepared(among_numbers(_paired_from, _mine.c.address_id))
VIEWS = Prepared(among_numbers(_paired, tables.links.c.card_id))
"""The paired ones among these cards."""

_FACTS = (
    select(*_COLUMNS)
    .outerjoin_from(
        tables.cards,
        tables.links,
        (tables.links.c.card_id == tables.cards.c.id) & tables.links.c.ended_at.is_(None),
    )
    .outerjoin(tables.addresses, tables.addresses.c.id == tables.links.c.address_id)
)


_REMEMBER = Prepared(tables.card_history.insert())


def is_held(card: Found, now: datetime) -> bool:
    """Whether a card is suspended at that moment; its end counts at once."""
    until = card.suspended_until
    return card.suspended_at is not None and (until is None or until > now)


def _differs(card: Found, new: Standing) -> bool:
    return bool((card.status, card.cause) != (new.status, new.cause))


def _moved(changes: Iterable[CardChange]) -> list[CardChange]:
    """Those by which the status became another."""
    return [each for each in changes if each.before != each.after]


def _change(
    card: Found,
    new: Standing,
    now: datetime,
    doing: Relinked,
    relinked: bool,
) -> CardChange:
    return CardChange(
        card=card.id,
        link=card.link_id,
        before=Standing(Status(card.status), card.cause),
        after=new,
        at=now,
        holder=None if card.link_id is None else Recipient(card.address_id, card.channel),
        actor=doing.actor,
        relinked=relinked,
        others=doing.others,
    )


def _history(card: Found, new: Standing, now: datetime, event: str | None) -> dict[str, object]:
    return {
        "card_id": card.id,
        "at": now,
        "status": str(new.status),
        "cause": event or new.cause,
        "link_id": card.link_id,
    }


async def _changes(conn: AsyncConnection, card_id: int) -> tuple[Change, ...]:
    past = tables.card_history.c
    found = await conn.execute(
        select(past.at, past.status, past.cause).where(past.card_id == card_id).order_by(past.id)
    )
    return tuple(Change(each.at, Status(each.status), each.cause) for each in found)
