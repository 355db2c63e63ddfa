"""What is erased of a person who asks for it, what stays and why, and the proof that it was done.

Law 6698, arts. 7 and 11/1-e, and the regulation on erasure of 28 October 2017, art. 7/3: the proof
is kept for three years. An address becomes a stranger's: its row stays, for deliveries were counted
by it, but its blind index is drawn anew, so that nobody can be found by it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.actions import Staying
from conversations.events import Address
from storage import gate, leftovers, tables
from storage.backups import Since
from storage.cards import Cards
from storage.conversations import address_key
from storage.people import People
from storage.statements import lock
from storage.vault import Vault, row

WAITING = ("pending", "held")
"""States of a delivery that has not gone out."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What was erased, by kind and number, and what had to stay."""

    counts: Mapping[str, int]
    staying: tuple[Staying, ...]

    @property
    def anything(self) -> bool:
        """Whether there was anything to erase, besides the talk in which it was asked for."""
        return any(count for name, count in self.counts.items() if name != "conversations")


@dataclass(frozen=True, slots=True)
class _Person:
    """Everything by which somebody can be found."""

    citizen: int | None
    addresses: Mapping[int, bytes]
    """The blind index of each address, by its number."""
    links: Sequence[Any]

    @property
    def link_ids(self) -> list[int]:
        return [each.id for each in self.links]

    @property
    def cards(self) -> set[int]:
        return {each.card_id for each in self.links}


class Erasure:
    """Erases people, inside the caller's transaction."""

    def __init__(self, vault: Vault, people: People, cards: Cards) -> None:
        self._vault = vault
        self._people = people
        self._cards = cards

    async def of_address(
        self, conn: AsyncConnection, address: Address, now: datetime, way: str
    ) -> Erased:
        """Erase whoever writes from there. ``way`` says how it was asked for: a channel's name."""
        key = address_key(self._vault, address)
        sender = await self._people.sender(conn, address)
        own = {} if sender is None else {sender.id: key}
        person = await _person(conn, None if sender is None else sender.citizen_id, own)
        return await self._proved(conn, await self._erase(conn, person, {key}, now), now, way)

    async def of_identity(
        self, conn: AsyncConnection, identity_number: str, now: datetime, way: str
    ) -> Erased:
        """Erase the person with that identity number, wherever they write from."""
        citizen = tables.citizens.c
        wanted = citizen.identity_key == self._people.identity_key(identity_number)
        found = await conn.scalar(select(citizen.id).where(wanted))
        person = await _person(conn, found, {})
        return await self._proved(conn, await self._erase(conn, person, set(), now), now, way)

    async def again(self, conn: AsyncConnection, since: Since, now: datetime) -> int:
        """Erase who is still in a backup that was put back, and keep the proofs; how many."""
        place = tables.addresses.c
        citizens = since.citizens or ()
        for each in citizens:
            await self._erase(conn, await _person(conn, each, {}), set(), now)
        # Theirs were forgotten with them; what is left are strangers'.
        wanted = select(place.id, place.key).where(
            place.id.in_(since.addresses), place.opted_out_at.is_distinct_from(now)
        )
        strangers = (await conn.execute(wanted)).all()
        for id, key in strangers:
            await self._erase(conn, await _person(conn, None, {id: key}), {key}, now)
        for proof in since.proofs:
            await _prove(conn, proof.counts, proof.staying, proof.at, proof.way)
        return len(citizens) + len(strangers)

    async def _proved(
        self, conn: AsyncConnection, erased: Erased, now: datetime, way: str
    ) -> Erased:
        if erased.anything:
            await _prove(conn, erased.counts, " ".join(erased.staying), now, way)
        return erased

    async def _erase(
        self, conn: AsyncConnection, person: _Person, keys: set[bytes], now: datetime
    ) -> Erased:
        leftovers.note(conn)
        await gate.enter(conn)
        await lock(conn, sorted({each.number_key for each in person.links}))
        everywhere = keys | set(person.addresses.values())
        talks = await _talks(conn, everywhere)
        await _end_deliveries(conn, person, now)
        consents = await _loosen_consents(conn, person, now)
        await _forget_links(conn, person)
        await self._cards.settle(conn, person.cards, now)
        staying = await self._forget_cards(conn, person)
        await self._forget_addresses(conn, person, now)
        if person.citizen is not None:
            await conn.execute(
                delete(tables.citizens).where(tables.citizens.c.id == person.citizen)
            )
        counts = {
            "people": 0 if person.citizen is None else 1,
            "links": len(person.links),
            "addresses": len(person.addresses),
            "conversations": talks,
            "consents": consents,
        }
        return Erased(counts, staying)

    async def _forget_cards(self, conn: AsyncConnection, person: _Person) -> tuple[Staying, ...]:
        """Forget the cards that nobody but this person told us of; of the others, why they stay."""
        card, link, boarding = tables.cards.c, tables.links.c, tables.boardings.c
        closed = select(card.id).where(card.id.in_(person.cards), card.suspended_at.is_not(None))
        held = set(await conn.scalars(closed))
        tried = select(boarding.card_id).where(boarding.card_id.in_(person.cards))
        reported = set(await conn.scalars(tried))
        suspension = tables.suspensions.c
        await conn.execute(
            delete(tables.suspensions).where(
                suspension.card_id.in_(person.cards - reported), suspension.ended_at.is_not(None)
            )
        )
        paired = select(link.card_id).where(link.card_id.in_(person.cards))
        own = set(
            await conn.scalars(
                select(card.id).where(
                    card.id.in_(person.cards - held - reported),
                    card.personalised.is_(None),
                    card.id.not_in(paired),
                )
            )
        )
        delivery, past = tables.deliveries.c, tables.card_history.c
        await conn.execute(
            update(tables.deliveries).where(delivery.card_id.in_(own)).values(card_id=None)
        )
        await conn.execute(delete(tables.card_history).where(past.card_id.in_(own)))
        await conn.execute(delete(tables.cards).where(card.id.in_(own)))
        reasons = ((Staying.SUSPENSION, held), (Staying.ATTEMPTS, reported))
        listed = (Staying.CARD, person.cards - own)
        return tuple(why for why, cards in (*reasons, listed) if cards)

    async def _forget_addresses(
        self, conn: AsyncConnection, person: _Person, now: datetime
    ) -> None:
        """Make strangers of the addresses. A member of the staff has to link theirs again."""
        place, member = tables.addresses.c, tables.staff.c
        for id in person.addresses:
            key = self._vault.nobody()
            await conn.execute(
                update(tables.addresses)
                .where(place.id == id)
                .values(
                    key=key,
                    address=self._vault.seal(b"", row("addresses", key)),
                    citizen_id=None,
                    opted_out_at=now,
                    blocked_at=now,
                )
            )
        await conn.execute(
            update(tables.staff)
            .where(member.address_id.in_(person.addresses))
            .values(address_id=None)
        )


async def _person(conn: AsyncConnection, citizen: int | None, own: Mapping[int, bytes]) -> _Person:
    if citizen is None:
        return _Person(None, own, ())
    place, link, card = tables.addresses.c, tables.links.c, tables.cards.c
    addresses = await conn.execute(
        select(place.id, place.key).where(place.citizen_id == citizen).order_by(place.id)
    )
    links = await conn.execute(
        select(link.id, link.card_id, link.address_id, card.number_key)
        .join_from(tables.links, tables.cards, card.id == link.card_id)
        .where(link.citizen_id == citizen)
        .order_by(link.id)
    )
    return _Person(citizen, {**own, **{each.id: each.key for each in addresses}}, links.all())


async def _talks(conn: AsyncConnection, keys: Collection[bytes]) -> int:
    """Delete what was said: where the talk stands, and the answers that are kept; how many."""
    inbox, talk = tables.inbox.c, tables.conversations.c
    await conn.execute(delete(tables.inbox).where(inbox.address_key.in_(keys)))
    return (
        await conn.execute(delete(tables.conversations).where(talk.address_key.in_(keys)))
    ).rowcount


async def _end_deliveries(conn: AsyncConnection, person: _Person, now: datetime) -> None:
    """What has not gone out never will; of what has, only that it did is left."""
    delivery = tables.deliveries.c
    theirs = _of(delivery, person)
    await conn.execute(
        update(tables.deliveries)
        .where(theirs, delivery.state.in_(WAITING))
        .values(state="dropped", cause="erased", updated_at=now)
    )
    await conn.execute(
        update(tables.deliveries)
        .where(theirs)
        .values(link_id=None, card_id=None, provider_id=None, about="{}")
    )


def _of(delivery: Any, person: _Person) -> ColumnElement[bool]:
    return or_(delivery.address_id.in_(person.addresses), delivery.link_id.in_(person.link_ids))


async def _loosen_consents(conn: AsyncConnection, person: _Person, now: datetime) -> int:
    """That a text was shown and accepted stays as evidence; by whom does not. How many."""
    given = tables.consents.c
    theirs: ColumnElement[bool] = given.address_id.in_(person.addresses)
    if person.citizen is not None:
        theirs |= given.citizen_id == person.citizen
    loosened = await conn.execute(
        update(tables.consents)
        .where(theirs)
        .values(citizen_id=None, withdrawn_at=func.coalesce(given.withdrawn_at, now))
    )
    return loosened.rowcount


async def _forget_links(conn: AsyncConnection, person: _Person) -> None:
    past, link = tables.card_history.c, tables.links.c
    await conn.execute(
        update(tables.card_history).where(past.link_id.in_(person.link_ids)).values(link_id=None)
    )
    await conn.execute(delete(tables.links).where(link.id.in_(person.link_ids)))


async def _prove(
    conn: AsyncConnection, counts: Mapping[str, int], staying: str, now: datetime, way: str
) -> None:
    await conn.execute(
        tables.erasures.insert().values(
            at=now, way=way, counts=json.dumps(dict(counts)), staying=staying
        )
    )
