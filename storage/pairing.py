"""Pairing cards with codes, many at once: the rules first, then the writing.

All rules are looked at before anything is written, so that a refusal changes nothing. Whatever the
number of people, a round of them is read, decided and written in a handful of statements; only
those who want the same card, code or person wait for each other's round.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.actions import (
    Action,
    KeepVerdict,
    LinkRefused,
    LinkSaved,
    SaveLink,
    Verdict,
)
from storage import gate, tables
from storage.asked import Asked
from storage.cards import Cards
from storage.pairing_facts import FactsReader, Wish
from storage.pairing_rules import Refused, Rules, apart
from storage.pairing_writing import END, Step, Writer
from storage.people import (
    People,
)
from storage.prepared import Prepared, one
from storage.statements import among_numbers, lock, needs_locks
from storage.suspensions import Suspensions
from storage.vault import Vault

Outcome = LinkSaved | LinkRefused


class Pairing:
    """Carries out SaveLink, and gives back what a denied code had replaced."""

    def __init__(
        self, vault: Vault, people: People, cards: Cards, suspensions: Suspensions, rules: Rules
    ) -> None:
        self._rules = rules
        self._facts = FactsReader(vault, people, cards)
        self._writer = Writer(people, cards, suspensions)

    async def claim(self, conn: AsyncConnection, actions: Collection[Action]) -> None:
        """Keep other processes away from the persons, cards and codes of these actions.

        One call takes them in the one order of ``lock``; a transaction that claims again may meet
        another that does so too, and one of the two is then ended as ``lock`` says.
        """
        if not needs_locks(conn):
            return
        saving = [action for action in actions if isinstance(action, SaveLink)]
        named = [self._facts.keys(action) for action in saving]
        keys = [key for each in named for key in (each.identity, each.card, each.code) if key]
        wanted = [*keys, *await _keys_on_record(conn, actions)]
        if wanted:
            await gate.enter(conn)
        await lock(conn, wanted)

    async def save(self, conn: AsyncConnection, asked: Sequence[Asked]) -> list[Outcome]:
        """Pair, or say which rule forbids it, for each of these SaveLinks. Call ``claim`` before.

        Those who want the same thing get it in the order asked.
        """
        wishes = [
            (each, each.action, self._facts.keys(each.action))
            for each in asked
            if isinstance(each.action, SaveLink)
        ]
        numbers = await _card_keys(conn, {card for _, action, _ in wishes for card in action.cards})
        wanted = [
            {
                each.address,
                *filter(None, (keys.identity, keys.card, keys.code)),
                *(numbers.get(card, card) for card in action.cards),
            }
            for each, action, keys in wishes
        ]
        outcomes: dict[int, Outcome] = {}
        for places in apart(wanted):
            outcomes |= await self._round(conn, {place: wishes[place] for place in places})
        return [outcomes[place] for place in range(len(wishes))]

    async def restore(self, conn: AsyncConnection, denied: int, now: datetime) -> bool:
        """Give a card back the confirmed code that a denied one had replaced.

        Only if that code still lives and may still be paired with the card. Nobody should lose a
        working card by trying a code that turns out not to be one.
        """
        former = (await conn.execute(_former(denied, now))).first()
        if former is None:
            return False
        link = tables.links.c
        using = select(link.card_id, link.citizen_id, link.verdict).where(
            link.hes_key == former.hes_key, link.ended_at.is_(None)
        )
        users = (await conn.execute(using)).all()
        if self._rules.bar(users, former.citizen_id, {former.card_id}):
            return False
        await one(conn, END(link=denied, why="denied", at=now))
        reopened = {"ended_at": None, "end_cause": None}
        await conn.execute(
            update(tables.links).where(tables.links.c.id == former.id).values(reopened)
        )
        return True

    # --- a round ------------------------------------------------------------------------------

    async def _round(self, conn: AsyncConnection, wishes: Mapping[int, Wish]) -> dict[int, Outcome]:
        now = next(asked.now for asked, _, _ in wishes.values())
        facts = await self._facts.read(conn, list(wishes.values()), now)
        outcomes: dict[int, Outcome] = {}
        steps: list[Step] = []
        for place, (asked, action, keys) in wishes.items():
            try:
                plan = self._rules.plan(asked.address, action, keys, facts)
            except Refused as refused:
                outcomes[place] = LinkRefused(refused.code)
            else:
                steps.append(Step(place, asked, action, plan))
        if steps:
            outcomes |= await self._writer.carry_out(conn, steps, now)
        return outcomes


async def _card_keys(conn: AsyncConnection, cards: Collection[int]) -> dict[int, bytes]:
    """The blind indexes of these cards."""
    found = await one(conn, _CARD_KEYS(numbers=sorted(cards)))
    return {each.id: each.number_key for each in found}


async def _keys_on_record(conn: AsyncConnection, actions: Collection[Action]) -> list[bytes]:
    """Of the cards that are renewed or judged: themselves, and every code they were paired with,
    for one of them may be given back."""
    card, link = tables.cards.c, tables.links.c
    renewed = {id for each in actions if isinstance(each, SaveLink) for id in each.cards}
    judged = {id for each in actions if isinstance(each, KeepVerdict) for id in each.checked.links}
    if not renewed and not judged:
        return []
    of_judged = select(link.card_id).where(link.id.in_(judged))
    found = await conn.execute(
        select(card.number_key, link.hes_key)
        .join_from(tables.cards, tables.links, link.card_id == card.id)
        .where(card.id.in_(renewed) | card.id.in_(of_judged))
    )
    return [key for each in found for key in each]


def _former(denied: int, now: datetime) -> Select[Any]:
    """The confirmed and living link of the same person that the denied one had replaced."""
    link, new = tables.links.c, tables.links.alias("new")
    return (
        select(link.id, link.card_id, link.citizen_id, link.hes_key)
        .join(new, (new.c.card_id == link.card_id) & (new.c.citizen_id == link.citizen_id))
        .where(
            new.c.id == denied,
            link.ended_at == new.c.linked_at,
            link.hes_key != new.c.hes_key,
            link.verdict == str(Verdict.VALID),
            or_(link.valid_until.is_(None), link.valid_until > now),
        )
        .order_by(link.id.desc())
        .limit(1)
    )


_card = tables.cards.c
_CARD_KEYS = Prepared(among_numbers(select(_card.id, _card.number_key).where, _card.id))
