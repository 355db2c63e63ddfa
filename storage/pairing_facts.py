"""Reads what the rules of pairing need to know, for many actions at once.

However many there are, it is a handful of statements. Nothing is decided or written here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.actions import SaveLink
from conversations.events import Address
from storage import tables
from storage.asked import Asked
from storage.cards import Cards, is_held
from storage.conversations import address_key
from storage.pairing_rules import Facts, Keys, Target
from storage.people import CITIZENS, FIND_CITIZENS, FIND_SENDERS, Citizen, People, Sender
from storage.prepared import Prepared, run
from storage.settling import hold
from storage.statements import among_keys, among_numbers
from storage.vault import Vault

Wish = tuple[Asked, SaveLink, Keys]
"""Who asks for which pairing."""


class FactsReader:
    """Finds people, cards and codes that actions name."""

    def __init__(self, vault: Vault, people: People, cards: Cards) -> None:
        self._vault = vault
        self._people = people
        self._cards = cards

    def keys(self, action: SaveLink) -> Keys:
        """The blind indexes of what the action names."""
        answers = action.answers
        identity, card = answers.get("identity_number"), answers.get("card_number")
        return Keys(
            self._cards.code_key(str(answers["hes_code"])),
            self._people.identity_key(str(identity)) if identity else None,
            self._cards.number_key(str(card)) if card else None,
        )

    async def read(self, conn: AsyncConnection, wishes: Sequence[Wish], now: datetime) -> Facts:
        """What is on record of them. The cards are held until the transaction ends."""
        addresses = {address_key(self._vault, each.address): each.address for each, _, _ in wishes}
        codes = _unique(keys.code for _, _, keys in wishes)
        senders, known, numbered, users = await run(
            conn,
            FIND_SENDERS(keys=list(addresses)),
            FIND_CITIZENS(keys=_unique(keys.identity for _, _, keys in wishes)),
            _NUMBERED(keys=_unique(keys.card for _, _, keys in wishes)),
            _USERS(keys=codes),
        )
        by_address = {addresses[each.key]: Sender(each.id, each.citizen_id) for each in senders}
        ids = {each.id for each in numbered}.union(*(action.cards for _, action, _ in wishes))
        targets = await self._targets(conn, ids, wishes, now)
        citizens, came_from = await self._owners(conn, wishes, by_address, targets)
        return Facts(
            senders=by_address,
            known={each.identity_key: self._people.read(each) for each in known},
            citizens=citizens,
            by_number={target.key: target for target in targets.values()},
            by_id=targets,
            users=_grouped(users),
            came_from=came_from,
        )

    async def _targets(
        self, conn: AsyncConnection, ids: Collection[int], wishes: Sequence[Wish], now: datetime
    ) -> dict[int, Target]:
        """The cards by number, as they are once nobody else can change them."""
        if not ids:
            return {}
        await hold(conn, ids)
        cards, links = await run(conn, _CARDS(numbers=list(ids)), _OPEN(numbers=list(ids)))
        paired = {each.card_id: each for each in links}
        named = {
            keys.card: action.answers["card_number"] for _, action, keys in wishes if keys.card
        }
        return {
            card.id: Target(
                str(named.get(card.number_key, "")),
                card.number_key,
                card.id,
                paired.get(card.id),
                is_held(card, now),
            )
            for card in cards
        }

    async def _owners(
        self,
        conn: AsyncConnection,
        wishes: Sequence[Wish],
        senders: Mapping[Address, Sender],
        targets: Mapping[int, Target],
    ) -> tuple[dict[int, Citizen], set[tuple[int, int]]]:
        """Those who act without naming themselves, and where their cards were paired from."""
        renewed = {card for _, action, _ in wishes for card in action.cards if card in targets}
        of_cards = {each.link.citizen_id for card in renewed if (each := targets[card]).link}
        nameless = {
            sender.citizen_id
            for asked, action, keys in wishes
            if keys.identity is None
            and not action.cards
            and (sender := senders.get(asked.address))
            and sender.citizen_id
        }
        found, pairs = await run(
            conn,
            CITIZENS(numbers=sorted(of_cards | nameless)),
            _CAME_FROM(numbers=sorted(renewed)),
        )
        citizens = {each.id: self._people.read(each) for each in found}
        return citizens, {(each.card_id, each.address_id) for each in pairs}


def _unique(keys: Iterable[bytes | None]) -> list[bytes]:
    return list(dict.fromkeys(key for key in keys if key is not None))


def _grouped(users: Iterable[Any]) -> dict[bytes, list[Any]]:
    by_code: dict[bytes, list[Any]] = {}
    for each in users:
        by_code.setdefault(each.hes_key, []).append(each)
    return by_code


# --- statements -----------------------------------------------------------------------------

_card, _link, _present = tables.cards.c, tables.links.c, tables.links.alias("present")


def _came_from(which: ColumnElement[bool]) -> Select[Any]:
    return (
        select(_link.card_id, _link.address_id)
        .join(
            _present,
            (_present.c.card_id == _link.card_id) & (_present.c.citizen_id == _link.citizen_id),
        )
        .where(which, _present.c.ended_at.is_(None))
    )


_NUMBERED = Prepared(among_keys(select(_card.id).where, _card.number_key))
_CARDS = Prepared(
    among_numbers(
        select(_card.id, _card.number_key, _card.suspended_at, _card.suspended_until).where,
        _card.id,
    )
)
_OPEN = Prepared(
    among_numbers(
        lambda which: select(tables.links).where(which, _link.ended_at.is_(None)), _link.card_id
    )
)
_USERS = Prepared(
    among_keys(
        lambda which: select(_link.hes_key, _link.card_id, _link.citizen_id, _link.verdict).where(
            which, _link.ended_at.is_(None)
        ),
        _link.hes_key,
    )
)
_CAME_FROM = Prepared(among_numbers(_came_from, _link.card_id))
