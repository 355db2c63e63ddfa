"""Pairing cards with codes: the rules, then the writing.

All rules are looked at before anything is written, so that a refusal changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.actions import LinkRefused, LinkSaved, SaveLink, Status, Verdict
from storage import tables
from storage.asked import Asked
from storage.cards import Cards, once_paired_from
from storage.people import Citizen, Consent, People, Sender, profile_of
from storage.standing import DEAD_CODES
from storage.statements import lock, upsert


class _Refused(Exception):
    """A rule forbids the pairing."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class _Target:
    """A card to pair: one that is known by ``id``, or a new one. ``link`` is its open link."""

    number: str
    id: int | None
    link: Row[Any] | None


@dataclass(frozen=True, slots=True)
class _Plan:
    """What to write once every rule has let it pass."""

    citizen: Citizen
    rewrite: bool
    targets: tuple[_Target, ...]
    code: str
    code_key: bytes


class Pairing:
    """Carries out SaveLink. ``code_on_several_cards`` lets one person use a code more than once."""

    def __init__(self, people: People, cards: Cards, *, code_on_several_cards: bool) -> None:
        self._people = people
        self._cards = cards
        self._code_on_several_cards = code_on_several_cards

    async def claim(self, conn: AsyncConnection, actions: Collection[SaveLink]) -> None:
        """Keep other processes away from the persons, cards and codes of these actions."""
        await lock(conn, [key for action in actions for key in self._keys(action)])

    async def save(
        self, conn: AsyncConnection, asked: Asked, action: SaveLink
    ) -> LinkSaved | LinkRefused:
        """Pair, or say which rule forbids it. Call ``claim`` before."""
        sender = await self._people.sender(conn, asked.address)
        try:
            plan = await self._plan(conn, sender, action)
        except _Refused as refused:
            return LinkRefused(refused.code)
        return await self._carry_out(conn, asked, action, plan)

    def _keys(self, action: SaveLink) -> list[bytes]:
        kinds = {
            "identity_number": self._people.identity_key,
            "card_number": self._cards.number_key,
            "hes_code": self._cards.code_key,
        }
        answers = action.answers
        return [key(str(answers[name])) for name, key in kinds.items() if answers.get(name)]

    # --- the rules ----------------------------------------------------------------------------

    async def _plan(self, conn: AsyncConnection, sender: Sender | None, action: SaveLink) -> _Plan:
        code = str(action.answers["hes_code"])
        citizen, rewrite = await self._person(conn, sender, action)
        targets = await self._targets(conn, action)
        if any(target.link and target.link.citizen_id != citizen.id for target in targets):
            raise _Refused("card_taken")
        plan = _Plan(citizen, rewrite, targets, code, self._cards.code_key(code))
        await self._allow_code(conn, plan)
        return plan

    async def _person(
        self, conn: AsyncConnection, sender: Sender | None, action: SaveLink
    ) -> tuple[Citizen, bool]:
        """Whose the cards are to be, and whether the answers rewrite what is held of them."""
        if action.answers.get("identity_number"):
            return await self._registering(conn, sender, action)
        if action.cards:
            return await self._owner(conn, sender, action.cards), False
        if sender is None or sender.citizen_id is None:
            raise _Refused("person_unknown")
        return await self._people.citizen(conn, sender.citizen_id), False

    async def _registering(
        self, conn: AsyncConnection, sender: Sender | None, action: SaveLink
    ) -> tuple[Citizen, bool]:
        identity_number = str(action.answers["identity_number"])
        given = profile_of(action.answers)
        known = await self._people.find(conn, identity_number)
        if known is None:
            return Citizen(None, self._people.identity_key(identity_number), given), True
        if sender is not None and sender.citizen_id == known.id:
            return replace(known, profile={**known.profile, **given}), True
        if known.profile.get("birth_date") != given.get("birth_date"):
            raise _Refused("identity_conflict")
        return known, False

    async def _owner(
        self, conn: AsyncConnection, sender: Sender | None, card_ids: Collection[int]
    ) -> Citizen:
        """The one citizen who holds all these cards and paired each from this address."""
        if sender is None:
            raise _Refused("person_unknown")
        link = tables.links.c
        held = select(link.card_id, link.citizen_id).where(
            link.card_id.in_(card_ids), link.ended_at.is_(None), once_paired_from(sender.id)
        )
        found = (await conn.execute(held)).all()
        owners = {each.citizen_id for each in found}
        if len(found) != len(set(card_ids)) or len(owners) != 1:
            raise _Refused("person_unknown")
        return await self._people.citizen(conn, owners.pop())

    async def _targets(self, conn: AsyncConnection, action: SaveLink) -> tuple[_Target, ...]:
        number = action.answers.get("card_number")
        if not number:
            return tuple([await self._known(conn, "", card) for card in sorted(set(action.cards))])
        key = self._cards.number_key(str(number))
        wanted = select(tables.cards.c.id).where(tables.cards.c.number_key == key)
        return (await self._known(conn, str(number), await conn.scalar(wanted)),)

    async def _known(self, conn: AsyncConnection, number: str, card_id: int | None) -> _Target:
        if card_id is None:
            return _Target(number, None, None)
        card, link = tables.cards.c, tables.links.c
        await conn.execute(select(card.id).where(card.id == card_id).with_for_update())
        opened = select(tables.links).where(link.card_id == card_id, link.ended_at.is_(None))
        return _Target(number, card_id, (await conn.execute(opened)).one_or_none())

    async def _allow_code(self, conn: AsyncConnection, plan: _Plan) -> None:
        """A code that the HES service denied its present user is free for its owner."""
        link = tables.links.c
        using = (
            await conn.execute(
                select(link.card_id, link.citizen_id, link.verdict).where(
                    link.hes_key == plan.code_key, link.ended_at.is_(None)
                )
            )
        ).all()
        mine = {each.card_id for each in using if each.citizen_id == plan.citizen.id}
        if any(
            each.citizen_id != plan.citizen.id and each.verdict not in DEAD_CODES for each in using
        ):
            raise _Refused("code_taken")
        wanted = {target.id for target in plan.targets}
        if not self._code_on_several_cards and len(mine | wanted) > 1:
            raise _Refused("code_in_use")

    # --- the writing --------------------------------------------------------------------------

    async def _carry_out(
        self, conn: AsyncConnection, asked: Asked, action: SaveLink, plan: _Plan
    ) -> LinkSaved:
        sender = (await self._people.keep_senders(conn, [asked]))[asked.address]
        citizen_id = await self._keep_citizen(conn, asked, plan)
        if sender.citizen_id is None and not action.relative:
            await self._people.give(conn, sender, citizen_id)
        for target in plan.targets:
            await self._pair(conn, asked, plan, target, sender.id, citizen_id)
        if action.terms is not None:
            await self._people.record(conn, [Consent(asked, action.terms, sender, citizen_id)])
        return await self._saved(conn, asked, plan)

    async def _keep_citizen(self, conn: AsyncConnection, asked: Asked, plan: _Plan) -> int:
        if plan.citizen.id is not None and not plan.rewrite:
            return plan.citizen.id
        return await self._people.keep(conn, plan.citizen, asked.now)

    async def _pair(
        self,
        conn: AsyncConnection,
        asked: Asked,
        plan: _Plan,
        target: _Target,
        address_id: int,
        citizen_id: int,
    ) -> None:
        old = target.link
        if old is not None and (old.hes_key, old.address_id) == (plan.code_key, address_id):
            return
        card_id = target.id or await self._new_card(conn, asked, target.number)
        if old is not None:
            await _end(conn, old.id, asked)
        link = {
            "card_id": card_id,
            "citizen_id": citizen_id,
            "address_id": address_id,
            "hes_key": plan.code_key,
            "hes_code": self._cards.seal_code(plan.code, plan.code_key),
            "linked_at": asked.now,
            "verdict": str(Verdict.UNCHECKED),
        }
        await conn.execute(tables.links.insert().values(link))
        await self._cards.settle(conn, [card_id], asked.now, relinked=True)

    async def _new_card(self, conn: AsyncConnection, asked: Asked, number: str) -> int:
        key = self._cards.number_key(number)
        card = {
            "number_key": key,
            "number": self._cards.seal_number(number, key),
            "status": str(Status.UNPAIRED),
            "cause": "never_paired",
            "changed_at": asked.now,
            "created_at": asked.now,
        }
        # An import may have brought the card since it was looked for; then it is that one.
        inserting = upsert(conn, tables.cards).values(card)
        known = inserting.on_conflict_do_update(
            index_elements=["number_key"], set_={"number_key": inserting.excluded.number_key}
        )
        return int((await conn.execute(known.returning(tables.cards.c.id))).scalar_one())

    async def _saved(self, conn: AsyncConnection, asked: Asked, plan: _Plan) -> LinkSaved:
        card, link = tables.cards.c, tables.links.c
        ids = [target.id for target in plan.targets if target.id is not None]
        keys = [self._cards.number_key(target.number) for target in plan.targets if target.number]
        views = await self._cards.views(
            conn, asked.now, link.card_id.in_(ids) | card.number_key.in_(keys)
        )
        return LinkSaved(views, plan.citizen.holder)


async def _end(conn: AsyncConnection, link_id: int, asked: Asked) -> None:
    ended = {"ended_at": asked.now, "end_cause": "replaced"}
    await conn.execute(update(tables.links).where(tables.links.c.id == link_id).values(ended))


async def restore(conn: AsyncConnection, denied: int, now: datetime) -> bool:
    """Give a card back the confirmed code that a denied one had replaced, if it still lives.

    Nobody should lose a working card by trying a code that turns out not to be one.
    """
    link, new = tables.links.c, tables.links.alias("new")
    former = (
        select(link.id)
        .join(new, (new.c.card_id == link.card_id) & (new.c.citizen_id == link.citizen_id))
        .where(
            new.c.id == denied,
            link.ended_at == new.c.linked_at,
            link.verdict == str(Verdict.VALID),
            or_(link.valid_until.is_(None), link.valid_until > now),
        )
        .order_by(link.id.desc())
        .limit(1)
    )
    id = await conn.scalar(former)
    if id is None:
        return False
    links = tables.links
    ended = update(links).where(link.id == denied).values(ended_at=now, end_cause="denied")
    await conn.execute(ended)
    await conn.execute(update(links).where(link.id == id).values(ended_at=None, end_cause=None))
    return True
