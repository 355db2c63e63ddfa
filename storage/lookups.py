"""A citizen as the duty desk may see them: found by a whole number alone, masked before they leave.

Look-ups go by blind index, so nothing can be found by a part of it. No value that is personal
leaves this module unmasked. Who may look, and that it is written down, is the caller's affair.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.actions import Status
from conversations.calendar import today
from conversations.masks import card as masked_card
from conversations.masks import email as masked_email
from conversations.masks import hes as masked_code
from conversations.masks import identity as masked_identity
from conversations.masks import name as masked_name
from conversations.masks import phone as masked_phone
from storage import tables
from storage.cards import Cards
from storage.entries import Post
from storage.people import People, Profile
from storage.vault import Vault, row

HANDFUL = 5
"""Citizens that are shown at once; they share a phone number."""
CARDS, DELIVERIES, CONSENTS = 20, 10, 20
"""How many of each a view has, the newest."""

_card, _link, _address = tables.cards.c, tables.links.c, tables.addresses.c
_sent, _given = tables.deliveries.c, tables.consents.c


@dataclass(frozen=True, slots=True)
class HeldCard:
    """A card, masked, with what it is paired with.

    ``by_relative``: it was paired from an address that is not its holder's.
    """

    id: int
    number: str
    status: Status
    cause: str
    hes_code: str | None
    valid_until: datetime | None
    linked_at: datetime | None
    by_relative: bool


@dataclass(frozen=True, slots=True)
class AddressView:
    """Where the person writes from; ``heard_at`` is when they last did, if that is still known."""

    channel: str
    locale: str
    opted_out: bool
    reminders_off: bool
    blocked: bool
    heard_at: datetime | None


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """What was sent unasked, or is to be; ``at`` is when it was sent, or else written down."""

    kind: str
    channel: str
    state: Post
    cause: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ConsentView:
    """What the person was shown or accepted."""

    document: str
    version: str
    channel: str
    at: datetime
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class CitizenView:
    """A person, masked; ``id`` is the number of the row. ``registered`` is a day in Istanbul."""

    id: int
    name: str
    identity_number: str
    phone: str | None
    email: str | None
    registered: date
    addresses: tuple[AddressView, ...]
    cards: tuple[HeldCard, ...]
    deliveries: tuple[DeliveryView, ...]
    consents: tuple[ConsentView, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """Who was found, the newest first; ``more``: there are others.

    ``card`` is the one that was looked for, if it is known but paired with nobody.
    """

    citizens: tuple[CitizenView, ...] = ()
    card: HeldCard | None = None
    more: bool = False


class Lookups:
    """Finds people by a whole number, and shows them masked."""

    def __init__(self, vault: Vault, cards: Cards) -> None:
        self._vault = vault
        self._people = People(vault)
        self._cards = cards

    async def by_card(self, conn: AsyncConnection, number: str, now: datetime) -> Found:
        """Whom the card with these 16 digits is paired with."""
        wanted = _CARDS.where(_card.number_key == self._cards.number_key(number))
        card = (await conn.execute(wanted)).one_or_none()
        if card is None:
            return Found()
        if card.citizen_id is None:
            return Found(card=self._held(card, now))
        return await self._citizens(conn, tables.citizens.c.id == card.citizen_id, now)

    async def by_identity_number(self, conn: AsyncConnection, number: str, now: datetime) -> Found:
        """The person with these 11 digits."""
        key = self._people.identity_key(number)
        return await self._citizens(conn, tables.citizens.c.identity_key == key, now)

    async def by_phone(self, conn: AsyncConnection, phone: str, now: datetime) -> Found:
        """Those who gave this number (E.164) as theirs."""
        key = self._vault.index("phone", phone)
        return await self._citizens(conn, tables.citizens.c.phone_key == key, now)

    async def _citizens(
        self, conn: AsyncConnection, which: ColumnElement[bool], now: datetime
    ) -> Found:
        newest = select(tables.citizens).where(which).order_by(tables.citizens.c.id.desc())
        found = (await conn.execute(newest.limit(HANDFUL + 1))).all()
        views = [await self._view(conn, each, now) for each in found[:HANDFUL]]
        return Found(tuple(views), more=len(found) > HANDFUL)

    async def _view(self, conn: AsyncConnection, citizen: Row[Any], now: datetime) -> CitizenView:
        profile = self._people.profile(citizen.profile, citizen.identity_key)
        cards = _CARDS.where(_link.citizen_id == citizen.id).order_by(_link.id.desc())
        return CitizenView(
            id=citizen.id,
            name=_name(profile),
            identity_number=masked_identity(str(profile.get("identity_number") or "")),
            phone=masked_phone(str(profile["phone"])) if profile.get("phone") else None,
            email=masked_email(str(profile["email"])) if profile.get("email") else None,
            registered=today(citizen.created_at),
            addresses=await _addresses(conn, citizen.id),
            cards=tuple(self._held(each, now) for each in await conn.execute(cards.limit(CARDS))),
            deliveries=await _deliveries(conn, citizen.id),
            consents=await _consents(conn, citizen.id),
        )

    def _held(self, card: Row[*tuple[Any, ...]], now: datetime) -> HeldCard:
        standing = self._cards.standing(card, now)
        number = self._vault.open(card.number, row("cards", card.number_key)).decode()
        code = None
        if card.hes_code is not None:
            code = self._vault.open(card.hes_code, row("links", card.hes_key)).decode()
        return HeldCard(
            id=card.id,
            number=masked_card(number),
            status=standing.status,
            cause=standing.cause,
            hes_code=None if code is None else masked_code(code),
            valid_until=card.valid_until,
            linked_at=card.linked_at,
            by_relative=card.citizen_id is not None and card.owner_id != card.citizen_id,
        )


_COLUMNS: tuple[ColumnElement[Any], ...] = (
    _card.id,
    _card.number_key,
    _card.number,
    _card.suspended_at,
    _card.suspended_until,
    _link.citizen_id,
    _link.hes_key,
    _link.hes_code,
    _link.linked_at,
    _link.verdict,
    _link.valid_until,
    _address.citizen_id.label("owner_id"),
)
_CARDS = (
    select(*_COLUMNS)
    .outerjoin_from(
        tables.cards, tables.links, (_link.card_id == _card.id) & _link.ended_at.is_(None)
    )
    .outerjoin(tables.addresses, _address.id == _link.address_id)
)
"""Cards with the link that is open, and whose the address is that it was paired from."""


def _name(profile: Profile) -> str:
    names = (profile.get("first_name"), profile.get("last_name"))
    return masked_name(" ".join(str(name) for name in names if name))


def _own(citizen_id: int) -> Select[tuple[int]]:
    return select(_address.id).where(_address.citizen_id == citizen_id)


async def _addresses(conn: AsyncConnection, citizen_id: int) -> tuple[AddressView, ...]:
    talk = tables.conversations.c
    found = await conn.execute(
        select(tables.addresses, talk.heard_at, talk.updated_at)
        .outerjoin_from(tables.addresses, tables.conversations, talk.address_key == _address.key)
        .where(_address.citizen_id == citizen_id)
        .order_by(_address.id)
    )
    return tuple(
        AddressView(
            each.channel,
            each.locale,
            opted_out=each.opted_out_at is not None,
            reminders_off=each.reminders_off_at is not None,
            blocked=each.blocked_at is not None,
            heard_at=each.heard_at or each.updated_at,
        )
        for each in found
    )


async def _deliveries(conn: AsyncConnection, citizen_id: int) -> tuple[DeliveryView, ...]:
    # Not in the order of the row's number: PostgreSQL might go through all rows backwards then.
    newest = (
        select(_sent.kind, _sent.channel, _sent.state, _sent.cause, _sent.sent_at, _sent.created_at)
        .where(_sent.address_id.in_(_own(citizen_id)))
        .order_by(_sent.created_at.desc(), _sent.id.desc())
        .limit(DELIVERIES)
    )
    return tuple(
        DeliveryView(
            each.kind, each.channel, Post(each.state), each.cause, each.sent_at or each.created_at
        )
        for each in await conn.execute(newest)
    )


async def _consents(conn: AsyncConnection, citizen_id: int) -> tuple[ConsentView, ...]:
    """What was accepted for the person, and at their addresses before they were known."""
    before = _given.citizen_id.is_(None) & _given.address_id.in_(_own(citizen_id))
    newest = (
        select(_given.document, _given.version, _given.channel, _given.at, _given.withdrawn_at)
        .where(or_(_given.citizen_id == citizen_id, before))
        .order_by(_given.at.desc(), _given.id.desc())
        .limit(CONSENTS)
    )
    return tuple(ConsentView(*each) for each in await conn.execute(newest))
