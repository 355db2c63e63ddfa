"""Pairing cards with codes, many at once: the rules first, then the writing.

All rules are looked at before anything is written, so that a refusal changes nothing. Whatever the
number of people, a round of them is read, decided and written in a handful of statements; only
those who want the same card, code or person wait for each other's round.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, or_, select, update
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
from storage import gate, tables
from storage.asked import Asked
from storage.cards import VIEWS, Cards
from storage.changes import Recipient, Relinked
from storage.pairing_facts import FactsReader, Wish
from storage.pairing_rules import Plan, Refused, Rules, Target, apart
from storage.people import (
    ADD_CITIZENS,
    GIVE,
    KEEP_SENDERS,
    REWRITE_CITIZENS,
    Consent,
    People,
    Sender,
)
from storage.prepared import Prepared, one, run
from storage.statements import INSERTS, among_numbers, lock, needs_locks
from storage.suspensions import Suspensions
from storage.vault import Vault

Outcome = LinkSaved | LinkRefused


@dataclass(frozen=True, slots=True)
class _Step:
    """A pairing that the rules have let pass, and where it stands in what was asked."""

    place: int
    asked: Asked
    action: SaveLink
    plan: Plan


@dataclass(frozen=True, slots=True)
class _Pair:
    """A card that gets a new link: by whom, for whom, on which row."""

    step: _Step
    target: Target
    card_id: int
    citizen_id: int
    sender_id: int


class Pairing:
    """Carries out SaveLink, and gives back what a denied code had replaced."""

    def __init__(
        self, vault: Vault, people: People, cards: Cards, suspensions: Suspensions, rules: Rules
    ) -> None:
        self._people = people
        self._cards = cards
        self._suspensions = suspensions
        self._rules = rules
        self._facts = FactsReader(vault, people, cards)

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
        await one(conn, _END(link=denied, why="denied", at=now))
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
        steps: list[_Step] = []
        for place, (asked, action, keys) in wishes.items():
            try:
                plan = self._rules.plan(asked.address, action, keys, facts)
            except Refused as refused:
                outcomes[place] = LinkRefused(refused.code)
            else:
                steps.append(_Step(place, asked, action, plan))
        if steps:
            outcomes |= await self._carry_out(conn, steps, now)
        return outcomes

    async def _carry_out(
        self, conn: AsyncConnection, steps: Sequence[_Step], now: datetime
    ) -> dict[int, Outcome]:
        senders, citizens, cards = await self._keep_parties(conn, steps, now)
        pairs = [
            _Pair(
                step,
                target,
                target.id or cards[target.key],
                citizens[step.plan.citizen.identity_key],
                senders[step.asked.address].id,
            )
            for step in steps
            for target in step.plan.targets
        ]
        await self._pair(conn, [pair for pair in pairs if not _is_done(pair)], senders, now)
        await self._record_terms(conn, steps, senders, citizens)
        return await self._saved(conn, steps, pairs, now)

    async def _keep_parties(
        self, conn: AsyncConnection, steps: Sequence[_Step], now: datetime
    ) -> tuple[dict[Any, Sender], dict[bytes, int], dict[bytes, int]]:
        """Write addresses, persons and cards; senders by address, numbers by blind index."""
        addresses = [self._people.address_row(step.asked) for step in steps]
        plans = [step.plan for step in steps]
        new = [
            {
                "identity_key": plan.citizen.identity_key,
                "created_at": now,
                **self._people.sealed(plan.citizen, now),
            }
            for plan in plans
            if plan.is_new
        ]
        known = [plan.citizen for plan in plans if not plan.is_new and plan.rewrite]
        rewritten = [
            {
                "citizen": citizen.id,
                **{f"new_{name}": v for name, v in self._people.sealed(citizen, now).items()},
            }
            for citizen in known
        ]
        targets = [target for plan in plans for target in plan.targets if target.id is None]
        kept, added, _, cards = await run(
            conn,
            KEEP_SENDERS.each(addresses),
            ADD_CITIZENS.each(new),
            REWRITE_CITIZENS.each(rewritten),
            # Rows that an import may be writing at the same moment are taken in one order.
            _ADD_CARDS.each(sorted((self._card(t, now) for t in targets), key=_number_key)),
        )
        by_key = {each.key: Sender(each.id, each.citizen_id) for each in kept}
        senders = {
            step.asked.address: by_key[row["key"]]
            for step, row in zip(steps, addresses, strict=True)
        }
        citizens = {p.citizen.identity_key: p.citizen.id for p in plans if p.citizen.id is not None}
        citizens |= {each.identity_key: each.id for each in added}
        return senders, citizens, {each.number_key: each.id for each in cards}

    def _card(self, target: Target, now: datetime) -> dict[str, Any]:
        return {
            "number_key": target.key,
            "number": self._cards.seal_number(target.number, target.key),
            "status": str(Status.UNPAIRED),
            "cause": "never_paired",
            "changed_at": now,
            "created_at": now,
        }

    async def _pair(
        self,
        conn: AsyncConnection,
        pairs: Sequence[_Pair],
        senders: Mapping[Any, Sender],
        now: datetime,
    ) -> None:
        """Give the cards their new links, and tell whoever is to know of it."""
        owned = [
            {"sender": sender.id, "owner": pair.citizen_id}
            for pair in pairs
            for sender in [senders[pair.step.asked.address]]
            if sender.citizen_id is None and not pair.step.action.relative
        ]
        ended = [
            {"link": pair.target.link.id, "why": "replaced", "at": now}
            for pair in pairs
            if pair.target.link is not None
        ]
        former = {pair.target.link.address_id for pair in pairs if pair.target.link is not None}
        *_, theirs, others = await run(
            conn,
            GIVE.each(owned),
            _END.each(ended),
            _ADD_LINKS.each([self._link(pair, now) for pair in pairs]),
            _ADDRESSES_OF(numbers=sorted({pair.citizen_id for pair in pairs})),
            _ADDRESSES(numbers=sorted(former)),
        )
        # A code may have been called risky before anybody paired it.
        codes = {pair.step.plan.code_key for pair in pairs}
        await self._suspensions.follow(conn, codes, now)
        relinked = {pair.card_id: _relinked(pair, theirs, others) for pair in pairs}
        await self._cards.settle(conn, relinked, now, relinked=relinked)

    def _link(self, pair: _Pair, now: datetime) -> dict[str, Any]:
        plan = pair.step.plan
        return {
            "card_id": pair.card_id,
            "citizen_id": pair.citizen_id,
            "address_id": pair.sender_id,
            "hes_key": plan.code_key,
            "hes_code": self._cards.seal_code(plan.code, plan.code_key),
            "linked_at": now,
            **_judged(pair.target.link if _is_same(pair) else None),
        }

    async def _record_terms(
        self,
        conn: AsyncConnection,
        steps: Sequence[_Step],
        senders: Mapping[Any, Sender],
        citizens: Mapping[bytes, int],
    ) -> None:
        consents = [
            Consent(
                step.asked,
                step.action.terms,
                senders[step.asked.address],
                citizens[step.plan.citizen.identity_key],
            )
            for step in steps
            if step.action.terms is not None
        ]
        await self._people.record(conn, consents)

    async def _saved(
        self, conn: AsyncConnection, steps: Sequence[_Step], pairs: Sequence[_Pair], now: datetime
    ) -> dict[int, Outcome]:
        found = await one(conn, VIEWS(numbers=[pair.card_id for pair in pairs]))
        views = {each.id: self._cards.view(each, now) for each in found}
        newest = {card: place for place, card in enumerate(views)}
        mine: dict[int, list[int]] = {}
        for pair in pairs:
            mine.setdefault(pair.step.place, []).append(pair.card_id)
        return {
            step.place: LinkSaved(
                tuple(views[card] for card in sorted(mine[step.place], key=newest.__getitem__)),
                step.plan.citizen.holder,
            )
            for step in steps
        }


def _is_same(pair: _Pair) -> bool:
    """Whether the card is paired with this code for this person already."""
    old = pair.target.link
    return old is not None and (old.citizen_id, old.hes_key) == (
        pair.citizen_id,
        pair.step.plan.code_key,
    )


def _is_done(pair: _Pair) -> bool:
    """Whether there is nothing left to write: it was paired so from this very address."""
    return _is_same(pair) and bool(pair.target.link.address_id == pair.sender_id)


def _judged(old: Any) -> dict[str, Any]:
    """What is known of a new link's code: what was known of it on the old link, or nothing."""
    if old is None:
        return {"verdict": str(Verdict.UNCHECKED), "checked_at": None, "valid_until": None}
    return {name: getattr(old, name) for name in ("verdict", "checked_at", "valid_until")}


def _relinked(pair: _Pair, theirs: Iterable[Any], others: Iterable[Any]) -> Relinked:
    """The person's other addresses, and the former one of the card, are to know."""
    former = None if pair.target.link is None else pair.target.link.address_id
    known = {
        each.id: Recipient(each.id, each.channel)
        for each in (*theirs, *others)
        if each.id != pair.sender_id and (each.citizen_id == pair.citizen_id or each.id == former)
    }
    return Relinked(pair.sender_id, tuple(known[number] for number in sorted(known)))


def _number_key(row: Mapping[str, Any]) -> bytes:
    key: bytes = row["number_key"]
    return key


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


# --- statements -----------------------------------------------------------------------------

_of_card, _of_link, _of_address = tables.cards.c, tables.links.c, tables.addresses.c
_WHERE_TO = (_of_address.id, _of_address.channel, _of_address.citizen_id)


def _add_cards(insert: Any) -> Any:
    # An import may have brought the card since it was looked for; then it is that one.
    adding = insert(tables.cards)
    return adding.on_conflict_do_update(
        index_elements=["number_key"], set_={"number_key": adding.excluded.number_key}
    ).returning(_of_card.number_key, _of_card.id)


_ADD_CARDS = Prepared({dialect: _add_cards(insert) for dialect, insert in INSERTS.items()})
_ADD_LINKS = Prepared(tables.links.insert())
_END = Prepared(
    update(tables.links)
    .where(_of_link.id == bindparam("link"))
    .values(ended_at=bindparam("at"), end_cause=bindparam("why"))
)
_CARD_KEYS = Prepared(among_numbers(select(_of_card.id, _of_card.number_key).where, _of_card.id))
_ADDRESSES = Prepared(among_numbers(select(*_WHERE_TO).where, _of_address.id))
_ADDRESSES_OF = Prepared(among_numbers(select(*_WHERE_TO).where, _of_address.citizen_id))
