"""Pairing cards with codes: the rules, then the writing.

All rules are looked at before anything is written, so that a refusal changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Set
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.actions import (
    Action,
    KeepVerdict,
    LinkRefused,
    LinkSaved,
    SaveLink,
    Status,
    Verdict,
)
from conversations.turkish import fold
from storage import gate, tables
from storage.asked import Asked
from storage.cards import Cards, is_held, once_paired_from
from storage.people import Citizen, Consent, People, Profile, Sender, profile_of
from storage.statements import lock, needs_locks, upsert
from storage.suspensions import Suspensions


class _Refused(Exception):
    """A rule forbids the pairing."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class _Target:
    """A card to pair: one that is known by ``id``, or a new one. ``link`` is its open link."""

    number: str
    id: int | None = None
    link: Row[Any] | None = None
    suspended: bool = False

    def bars(self, citizen_id: int | None) -> bool:
        """Whether it is another's: suspended, or with a code that the HES service did not deny."""
        if self.link is None or self.link.citizen_id == citizen_id:
            return False
        return self.suspended or not Verdict(self.link.verdict).denied


@dataclass(frozen=True, slots=True)
class _Plan:
    """What to write once every rule has let it pass."""

    citizen: Citizen
    rewrite: bool
    targets: tuple[_Target, ...]
    code: str
    code_key: bytes


class Pairing:
    """Carries out SaveLink, and gives back what a denied code had replaced.

    ``code_on_several_cards`` lets one person use a code more than once.
    """

    def __init__(
        self,
        people: People,
        cards: Cards,
        suspensions: Suspensions,
        *,
        code_on_several_cards: bool,
    ) -> None:
        self._people = people
        self._cards = cards
        self._suspensions = suspensions
        self._code_on_several_cards = code_on_several_cards

    async def claim(self, conn: AsyncConnection, actions: Collection[Action]) -> None:
        """Keep other processes away from the persons, cards and codes of these actions.

        One call takes them in the one order of ``lock``; a transaction that claims again may meet
        another that does so too, and one of the two is then ended as ``lock`` says.
        """
        if not needs_locks(conn):
            return
        saving = [action for action in actions if isinstance(action, SaveLink)]
        keys = [key for action in saving for key in self._keys(action)]
        wanted = [*keys, *await _keys_on_record(conn, actions)]
        if wanted:
            await gate.enter(conn)
        await lock(conn, wanted)

    async def save(
        self, conn: AsyncConnection, asked: Asked, action: SaveLink
    ) -> LinkSaved | LinkRefused:
        """Pair, or say which rule forbids it. Call ``claim`` before."""
        sender = await self._people.sender(conn, asked.address)
        try:
            plan = await self._plan(conn, sender, action, asked.now)
        except _Refused as refused:
            return LinkRefused(refused.code)
        return await self._carry_out(conn, asked, action, plan)

    async def restore(self, conn: AsyncConnection, denied: int, now: datetime) -> bool:
        """Give a card back the confirmed code that a denied one had replaced.

        Only if that code still lives and may still be paired with the card. Nobody should lose a
        working card by trying a code that turns out not to be one.
        """
        former = (await conn.execute(_former(denied, now))).first()
        if former is None:
            return False
        if await self._bar(conn, former.hes_key, former.citizen_id, {former.card_id}):
            return False
        await _end(conn, denied, "denied", now)
        reopened = {"ended_at": None, "end_cause": None}
        await conn.execute(
            update(tables.links).where(tables.links.c.id == former.id).values(reopened)
        )
        return True

    def _keys(self, action: SaveLink) -> list[bytes]:
        kinds = {
            "identity_number": self._people.identity_key,
            "card_number": self._cards.number_key,
            "hes_code": self._cards.code_key,
        }
        answers = action.answers
        return [key(str(answers[name])) for name, key in kinds.items() if answers.get(name)]

    # --- the rules ----------------------------------------------------------------------------

    async def _plan(
        self, conn: AsyncConnection, sender: Sender | None, action: SaveLink, now: datetime
    ) -> _Plan:
        code = str(action.answers["hes_code"])
        citizen, rewrite = await self._person(conn, sender, action)
        targets = await self._targets(conn, action, now)
        if any(target.bars(citizen.id) for target in targets):
            raise _Refused("card_taken")
        key = self._cards.code_key(code)
        if bar := await self._bar(conn, key, citizen.id, {target.id for target in targets}):
            raise _Refused(bar)
        return _Plan(citizen, rewrite, targets, code, key)

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
        if not _is_same_person(known.profile, given):
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

    async def _targets(
        self, conn: AsyncConnection, action: SaveLink, now: datetime
    ) -> tuple[_Target, ...]:
        number, column = action.answers.get("card_number"), tables.cards.c
        if not number:
            return await self._known(conn, "", column.id.in_(action.cards), now)
        key = self._cards.number_key(str(number))
        known = await self._known(conn, str(number), column.number_key == key, now)
        return known or (_Target(str(number)),)

    async def _known(
        self, conn: AsyncConnection, number: str, which: ColumnElement[bool], now: datetime
    ) -> tuple[_Target, ...]:
        column = tables.cards.c
        wanted = select(column.id, column.suspended_at, column.suspended_until).where(which)
        cards = (await conn.execute(wanted.order_by(column.id).with_for_update())).all()
        links = await _open_links(conn, [card.id for card in cards])
        return tuple(
            _Target(number, card.id, links.get(card.id), is_held(card, now)) for card in cards
        )

    async def _bar(
        self,
        conn: AsyncConnection,
        code_key: bytes,
        citizen_id: int | None,
        cards: Set[int | None],
    ) -> str | None:
        """Why the code may not go on these cards of the citizen, if it may not.

        A code that the HES service denied its present user is free for its owner.
        """
        link = tables.links.c
        wanted = select(link.card_id, link.citizen_id, link.verdict).where(
            link.hes_key == code_key, link.ended_at.is_(None)
        )
        using = (await conn.execute(wanted)).all()
        others = [each for each in using if each.citizen_id != citizen_id]
        if any(not Verdict(each.verdict).denied for each in others):
            return "code_taken"
        mine = {each.card_id for each in using if each.citizen_id == citizen_id}
        if not self._code_on_several_cards and len(mine | cards) > 1:
            return "code_in_use"
        return None

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
        same = old is not None and (old.citizen_id, old.hes_key) == (citizen_id, plan.code_key)
        if old is not None and same and old.address_id == address_id:
            return
        card_id = target.id or await self._new_card(conn, asked, target.number)
        if old is not None:
            await _end(conn, old.id, "replaced", asked.now)
        link = {
            "card_id": card_id,
            "citizen_id": citizen_id,
            "address_id": address_id,
            "hes_key": plan.code_key,
            "hes_code": self._cards.seal_code(plan.code, plan.code_key),
            "linked_at": asked.now,
            **_judged(old if same else None),
        }
        await conn.execute(tables.links.insert().values(link))
        # A code may have been called risky before anybody paired it.
        await self._suspensions.follow(conn, [plan.code_key], asked.now)
        before = None if old is None else old.address_id
        others = await self._people.other_addresses(conn, citizen_id, before, address_id)
        await self._cards.settle(
            conn, [card_id], asked.now, relinked=True, actor=address_id, others=others
        )

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


def _judged(old: Row[Any] | None) -> dict[str, object]:
    """What is known of a new link's code: what was known of it on the old link, or nothing."""
    if old is None:
        return {"verdict": str(Verdict.UNCHECKED)}
    return {name: getattr(old, name) for name in ("verdict", "checked_at", "valid_until")}


def _is_same_person(known: Profile, given: Profile) -> bool:
    """Whether birth date and name agree, however the name is spelt and with or without a second
    first name."""
    first, other = _words(known, "first_name"), _words(given, "first_name")
    common = min(len(first), len(other))
    return (
        known.get("birth_date") == given.get("birth_date")
        and _words(known, "last_name") == _words(given, "last_name")
        and common > 0
        and first[:common] == other[:common]
    )


def _words(profile: Profile, name: str) -> list[str]:
    return fold(str(profile.get(name) or "")).split()


async def _open_links(conn: AsyncConnection, card_ids: Collection[int]) -> dict[int, Row[Any]]:
    link = tables.links.c
    wanted = select(tables.links).where(link.card_id.in_(card_ids), link.ended_at.is_(None))
    return {each.card_id: each for each in await conn.execute(wanted)}


async def _end(conn: AsyncConnection, link_id: int, cause: str, now: datetime) -> None:
    ended = {"ended_at": now, "end_cause": cause}
    await conn.execute(update(tables.links).where(tables.links.c.id == link_id).values(ended))


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
