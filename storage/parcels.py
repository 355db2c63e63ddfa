"""What a sender needs to know to send one delivery, and whether it still holds.

Reads in bulk; changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.actions import Status
from conversations.events import Address
from storage import tables
from storage.campaigns import KIND as BROADCAST
from storage.campaigns import TEST, Campaign, campaigns
from storage.people import People
from storage.vault import Unreadable, Vault, row


@dataclass(frozen=True, slots=True)
class Parcel:
    """A leased delivery, with what holds of its address, card and link at this moment.

    ``last`` is the cause of why it waited before, "" at first. ``number`` is the card's, unmasked.
    ``heard_at`` is when the person last wrote. ``step`` is the form and question that is open
    there. ``travels``: some card paired from this address, or of its citizen, is active or only
    suspended. ``valid_until`` is of the link, if it is still open. ``campaign`` is the broadcast it
    belongs to or is a test of, ``first_name`` the citizen's where that one speaks of it.
    """

    id: int
    key: str
    kind: str
    urgency: int
    recipient: int
    address: Address
    locale: str
    about: Mapping[str, Any]
    attempts: int
    repeats: int
    last: str
    expires_at: datetime | None
    opted_out: bool
    reminders_off: bool
    blocked: bool
    heard_at: datetime | None
    step: str
    travels: bool
    number: str | None = None
    status: Status | None = None
    cause: str = ""
    changed_at: datetime | None = None
    link_open: bool = False
    valid_until: datetime | None = None
    campaign: Campaign | None = None
    first_name: str = ""

    @property
    def broadcast(self) -> int | None:
        """The broadcast that must be running for this to go out."""
        return None if self.campaign is None or self.kind != BROADCAST else self.campaign.id


async def parcels(
    conn: AsyncConnection, vault: Vault, ids: Sequence[int]
) -> tuple[list[Parcel], list[int]]:
    """The parcels of these deliveries, in no order, and those that cannot be opened."""
    found: list[Parcel] = []
    unreadable: list[int] = []
    rows = (await conn.execute(_PARCELS.where(tables.deliveries.c.id.in_(ids)))).all()
    running = await campaigns(conn, {of for each in rows if (of := _campaign_of(each))})
    named = [each for each in rows if _speaks_of_names(running.get(_campaign_of(each) or 0))]
    names = await _first_names(conn, vault, {each.citizen_id for each in named if each.citizen_id})
    for each in rows:
        try:
            campaign = running.get(_campaign_of(each) or 0)
            found.append(_parcel(vault, each, campaign, names.get(each.citizen_id, "")))
        except (Unreadable, ValueError):
            unreadable.append(each.id)
    return found, unreadable


def _campaign_of(found: Any) -> int | None:
    """The broadcast that a delivery belongs to, or that it is a test of."""
    if found.kind == TEST:
        number: int = json.loads(found.about)["broadcast"]
        return number
    return found.broadcast_id  # type: ignore[no-any-return]


def _speaks_of_names(campaign: Campaign | None) -> bool:
    return campaign is not None and any("{ad}" in text for text in campaign.texts.values())


async def _first_names(
    conn: AsyncConnection, vault: Vault, citizens: Collection[int]
) -> dict[int, str]:
    """The first names of these citizens; one that cannot be opened has none."""
    if not citizens:
        return {}
    people = People(vault)
    known = tables.citizens.c
    found = await conn.execute(
        select(known.id, known.identity_key, known.profile).where(known.id.in_(citizens))
    )
    names: dict[int, str] = {}
    for each in found:
        with suppress(Unreadable, ValueError):
            profile = people.profile(each.profile, each.identity_key)
            names[each.id] = str(profile.get("first_name") or "")
    return names


def _parcel(vault: Vault, found: Any, campaign: Campaign | None, first_name: str) -> Parcel:
    sealed_id = vault.open(found.address, row("addresses", found.address_key))
    number = found.number
    if number is not None:
        number = vault.open(number, row("cards", found.number_key)).decode()
    return Parcel(
        id=found.id,
        key=found.key,
        kind=found.kind,
        urgency=found.urgency,
        recipient=found.address_id,
        address=Address(found.channel, sealed_id.decode("utf-8", "surrogatepass")),
        locale=found.locale,
        about=json.loads(found.about),
        attempts=found.attempts,
        repeats=found.repeats,
        last=found.last,
        expires_at=found.expires_at,
        opted_out=found.opted_out_at is not None,
        reminders_off=found.reminders_off_at is not None,
        blocked=_is_blocked(found.blocked_at, found.heard_at),
        heard_at=found.heard_at,
        step=found.step or "",
        travels=bool(found.travels),
        number=number,
        status=None if found.status is None else Status(found.status),
        cause=found.card_cause or "",
        changed_at=found.changed_at,
        link_open=found.link is not None and found.ended_at is None,
        valid_until=found.valid_until,
        campaign=campaign,
        first_name=first_name,
    )


def _is_blocked(blocked_at: datetime | None, heard_at: datetime | None) -> bool:
    """Who wrote after nothing arrived can be reached again; not every messenger says so."""
    return blocked_at is not None and (heard_at is None or heard_at <= blocked_at)


def travels() -> Any:
    """Whether some card paired from the address, or of its citizen, is active or only suspended."""
    link, card, address = (
        tables.links.alias("any_link").c,
        tables.cards.alias("any_card").c,
        _ADDRESS,
    )
    # A suspended card is paired already: nothing is left for its holder to do.
    fine = card.status.in_((str(Status.ACTIVE), str(Status.SUSPENDED)))
    active = and_(card.id == link.card_id, fine, link.ended_at.is_(None))
    return or_(
        exists().where(active, link.address_id == address.id),
        exists().where(active, link.citizen_id == address.citizen_id),
    )


_ADDRESS = tables.addresses.c
_DELIVERY, _CARD, _LINK = tables.deliveries.c, tables.cards.c, tables.links.c
_CONVERSATION = tables.conversations.c
_PARCELS = (
    select(
        _DELIVERY.id,
        _DELIVERY.key,
        _DELIVERY.kind,
        _DELIVERY.urgency,
        _DELIVERY.channel,
        _DELIVERY.address_id,
        _DELIVERY.broadcast_id,
        _DELIVERY.about,
        _DELIVERY.attempts,
        _DELIVERY.repeats,
        _DELIVERY.cause.label("last"),
        _DELIVERY.expires_at,
        _ADDRESS.key.label("address_key"),
        _ADDRESS.address,
        _ADDRESS.citizen_id,
        _ADDRESS.locale,
        _ADDRESS.opted_out_at,
        _ADDRESS.reminders_off_at,
        _ADDRESS.blocked_at,
        _CONVERSATION.heard_at,
        _CONVERSATION.step,
        travels().label("travels"),
        _CARD.number_key,
        _CARD.number,
        _CARD.status,
        _CARD.cause.label("card_cause"),
        _CARD.changed_at,
        _LINK.id.label("link"),
        _LINK.ended_at,
        _LINK.valid_until,
    )
    .join_from(tables.deliveries, tables.addresses, _ADDRESS.id == _DELIVERY.address_id)
    .outerjoin(tables.conversations, _CONVERSATION.address_key == _ADDRESS.key)
    .outerjoin(tables.cards, _CARD.id == _DELIVERY.card_id)
    .outerjoin(tables.links, _LINK.id == _DELIVERY.link_id)
)
