"""What is on record after a conversation, as lines: the same on every messenger.

Personal values are masked and moments of writing left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from bot.app import House
from bot.clock import clock
from bot.showing import card_as_json, card_as_text
from conversations.actions import CardsFound, LookUpCards
from conversations.events import Address
from conversations.state import Aside, Place, State, from_plain
from storage import Asked, Connection, Conversations, Vault, tables
from storage.conversations import address_key

_WRITTEN_AT = {"changed_at", "linked_at", "checked_at", "at"}


async def recorded(house: House, people: Mapping[str, Address]) -> list[str]:
    """Everything that is held of these people, person by person."""
    async with house.database.read() as connection:
        return [
            line
            for name, address in people.items()
            for line in (
                f"{name}:",
                *await _place(house, connection, address),
                *await _person(house, connection, address),
                *await _cards(house, connection, address),
            )
        ]


async def _place(house: House, connection: Connection, address: Address) -> list[str]:
    kept = await Conversations(Vault(house.ring)).states(connection, [address])
    if address not in kept:
        return ["  no conversation"]
    state = from_plain(json.loads(kept[address]))
    return [f"  {line}" for line in _standing(state)]


def _standing(state: State) -> list[str]:
    words = [str(state.place), state.form, state.field if state.place is Place.ASKING else ""]
    words += [f"({state.aside})"] if state.aside is not Aside.NONE else []
    words += ["correcting"] if state.correcting else []
    answers = [f"answered: {', '.join(state.answers)}"] if state.answers else []
    return [f"stands at: {' '.join(filter(None, words))}", *answers]


async def _person(house: House, connection: Connection, address: Address) -> list[str]:
    known = tables.addresses.c
    wanted = known.key == address_key(Vault(house.ring), address)
    found = (await connection.execute(select(tables.addresses).where(wanted))).one_or_none()
    if found is None:
        return ["  nothing about the person"]
    notices = "unwanted" if found.opted_out_at else "wanted"
    notices += ", no reminders" if found.reminders_off_at else ""
    consents = await _consents(connection, found.id, address.channel)
    return [f"  language: {found.locale}", f"  notices: {notices}", *consents]


async def _consents(connection: Connection, address_id: int, channel: str) -> list[str]:
    given = tables.consents.c
    found = await connection.execute(
        select(tables.consents).where(given.address_id == address_id).order_by(given.id)
    )
    rows = found.all()
    assert all(row.channel == channel for row in rows)
    return [f"  consent: {row.document} {row.version} {row.locale}" for row in rows]


async def _cards(house: House, connection: Connection, address: Address) -> list[str]:
    now = clock(house.settings.hesbot_now)()
    asked = [Asked(address, LookUpCards(), now, "tr")]
    (found,) = await house.registry.perform(connection, asked)
    assert isinstance(found, CardsFound)
    lines: list[str] = []
    for view in found.cards:
        card = await house.registry.card(connection, view.number, now)
        assert card
        lines += ["  card:", *_indented(card_as_text(_timeless(card_as_json(card))))]
    return lines


def _timeless(plain: Any) -> Any:
    if isinstance(plain, list):
        return [_timeless(each) for each in plain]
    if not isinstance(plain, dict):
        return plain
    return {name: _timeless(each) for name, each in plain.items() if name not in _WRITTEN_AT}


def _indented(text: str) -> list[str]:
    return [f"    {line}" for line in text.split("\n")]
