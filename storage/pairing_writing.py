"""Writes a round of pairings that the rules have let pass, and says what each person then has.

However many there are, it is a handful of statements. Nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.actions import LinkSaved, SaveLink, Status, Verdict
from storage import tables
from storage.asked import Asked
from storage.cards import VIEWS, Cards
from storage.changes import Recipient, Relinked
from storage.pairing_rules import Plan, Target
from storage.people import (
    ADD_CITIZENS,
    GIVE,
    REWRITE_CITIZENS,
    Consent,
    People,
    Sender,
    keep_senders,
    record,
)
from storage.prepared import Call, Prepared, Rows, one, run
from storage.settling import facts
from storage.statements import INSERTS, among_numbers
from storage.suspensions import Suspensions


@dataclass(frozen=True, slots=True)
class Step:
    """A pairing that the rules have let pass, and where it stands in what was asked."""

    place: int
    asked: Asked
    action: SaveLink
    plan: Plan


@dataclass(frozen=True, slots=True)
class _Pair:
    """A card that gets a new link: by whom, for whom, on which row."""

    step: Step
    target: Target
    card_id: int
    citizen_id: int
    sender_id: int


class Writer:
    """Writes what was planned, in the caller's transaction."""

    def __init__(self, people: People, cards: Cards, suspensions: Suspensions) -> None:
        self._people = people
        self._cards = cards
        self._suspensions = suspensions

    async def carry_out(
        self, conn: AsyncConnection, steps: Sequence[Step], now: datetime
    ) -> dict[int, LinkSaved]:
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
        terms = record(_terms(steps, senders, citizens))
        fresh = [pair for pair in pairs if not _is_done(pair)]
        views = await self._pair(conn, fresh, senders, terms, VIEWS(numbers=_cards(pairs)), now)
        return self._saved(steps, pairs, views, now)

    async def _keep_parties(
        self, conn: AsyncConnection, steps: Sequence[Step], now: datetime
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
            keep_senders(conn, addresses),
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
        terms: Call,
        then: Call,
        now: datetime,
    ) -> Rows:
        """Give the cards their new links, and tell whoever is to know of it; what ``then`` finds
        after it."""
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
        codes = {pair.step.plan.code_key for pair in pairs}
        # Nobody else can change these cards: they were held when they were read, or are new.
        *_, theirs, others, words, found = await run(
            conn,
            GIVE.each(owned),
            END.each(ended),
            _ADD_LINKS.each([self._link(pair, now) for pair in pairs]),
            terms,
            _ADDRESSES_OF(numbers=sorted({pair.citizen_id for pair in pairs})),
            _ADDRESSES(numbers=sorted(former)),
            self._suspensions.known(codes),
            facts(_cards(pairs)),
        )
        if words:
            # A code may have been called risky before anybody paired it.
            await self._suspensions.follow_words(conn, words, now)
            found = await one(conn, facts(_cards(pairs)))
        relinked = {pair.card_id: _relinked(pair, theirs, others) for pair in pairs}
        writes, changes = self._cards.settlement(found, now, relinked)
        *_, views = await run(conn, *writes, then)
        await self._cards.announce(conn, changes)
        return views

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

    def _saved(
        self, steps: Sequence[Step], pairs: Sequence[_Pair], found: Rows, now: datetime
    ) -> dict[int, LinkSaved]:
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


def _cards(pairs: Iterable[_Pair]) -> list[int]:
    return sorted(pair.card_id for pair in pairs)


def _terms(
    steps: Iterable[Step], senders: Mapping[Any, Sender], citizens: Mapping[bytes, int]
) -> Iterator[Consent]:
    for step in steps:
        if step.action.terms is not None:
            citizen = citizens[step.plan.citizen.identity_key]
            yield Consent(step.asked, step.action.terms, senders[step.asked.address], citizen)


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
END = Prepared(
    update(tables.links)
    .where(_of_link.id == bindparam("link"))
    .values(ended_at=bindparam("at"), end_cause=bindparam("why"))
)
"""A link is over, and why."""

_ADDRESSES = Prepared(among_numbers(select(*_WHERE_TO).where, _of_address.id))
_ADDRESSES_OF = Prepared(among_numbers(select(*_WHERE_TO).where, _of_address.citizen_id))
