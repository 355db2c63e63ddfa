"""What time alone does to cards, a page at a time, and which codes are asked about every night.

Each function is one short transaction's worth inside the caller's transaction; called again and
again it goes through all. When that is done is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    exists,
    insert,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.actions import Holder, Status, Verdict
from storage import gate, tables
from storage.cards import Cards
from storage.changes import Standing
from storage.people import Citizen, People
from storage.places import found_at, place
from storage.prepared import run
from storage.settling import standings
from storage.statements import among_keys, among_numbers
from storage.vault import Unreadable, Vault, row

_card, _link, _citizen, _past = (
    tables.cards.c,
    tables.links.c,
    tables.citizens.c,
    tables.card_history.c,
)

# --- the deadline ---------------------------------------------------------------------------


async def pass_deadline(
    conn: AsyncConnection, cards: Cards, now: datetime, after: int, limit: int
) -> tuple[int, int]:
    """Bring the next UNPAIRED cards behind number ``after`` up to the deadline, if it has passed.

    Gives the number of the last card looked at and how many changed; 0 when all are done. The
    holders of paired ones are told. A card that somebody else is changing right now is left to a
    later round: it shows as what it is all the same.
    """
    new = cards.newcomer(now)
    if new.status is Status.UNPAIRED:
        return after, 0
    found = (await conn.execute(_unpaired(after, limit))).all()
    if not found:
        return after, 0
    ids = [each.id for each in found]
    linked = set((await conn.execute(_LINKED[conn.dialect.name], {"numbers": ids})).scalars())
    plain = [each.id for each in found if each.id not in linked and each.suspended_at is None]
    await _pass(conn, plain, new, now)
    rest = set(ids) - set(plain)
    return ids[-1], len(plain) + await cards.settle(conn, rest, now)


async def _pass(conn: AsyncConnection, ids: Collection[int], new: Standing, now: datetime) -> None:
    """Cards that nobody is told of: as many statements for thousands as for one."""
    if ids:
        await run(conn, *standings(((card, new) for card in ids), now))
        values = {"numbers": list(ids), "at": now, "status": str(new.status), "cause": new.cause}
        await conn.execute(_REMEMBER[conn.dialect.name], values)


def _unpaired(after: int, limit: int) -> Select[Any]:
    return (
        select(_card.id, _card.suspended_at)
        .where(_card.status == str(Status.UNPAIRED), _card.id > after)
        .order_by(_card.id)
        .limit(limit)
        # People pairing cards are never waited for, so that nobody waits for each other.
        .with_for_update(skip_locked=True, key_share=True)
    )


_LINKED = among_numbers(
    lambda which: select(_link.card_id).where(which, _link.ended_at.is_(None)), _link.card_id
)
_REMEMBER = among_numbers(
    lambda which: insert(tables.card_history).from_select(
        ["card_id", "at", "status", "cause"],
        select(
            _card.id,
            bindparam("at", type_=_past.at.type),
            bindparam("status", type_=_past.status.type),
            bindparam("cause", type_=_past.cause.type),
        ).where(which),
    ),
    _card.id,
)

# --- the end of codes -----------------------------------------------------------------------


async def expire(
    conn: AsyncConnection, cards: Cards, now: datetime, after: int, limit: int
) -> tuple[int, int]:
    """Look at the next codes that have ended and settle those of their cards still ACTIVE.

    ``after`` is a place in the order of ends, 0 for all. Gives the place reached and how many codes
    were looked at; 0 when all are done. What lies before it is settled for good, for whoever
    shortens a code's life settles the card at once: a later round may start at the ``place`` of an
    earlier one's beginning. To be called before anything is locked: it may close the gate.
    """
    found = await _ended(conn, now, after, limit)
    if not found:
        return after, 0
    active = [each.card_id for each in found if each.status == Status.ACTIVE]
    if active:
        await gate.close(conn)
        await cards.settle(conn, active, now)
    return place(found[-1].valid_until, found[-1].id), len(found)


async def _ended(conn: AsyncConnection, now: datetime, after: int, limit: int) -> list[Any]:
    """By moment and number: very many codes end at the same moment."""
    moment, link = found_at(after)
    same = _ENDED.where(_link.valid_until == moment, _link.id > link).limit(limit)
    found = list(await conn.execute(same))
    if len(found) < limit:
        later = _ENDED.where(_link.valid_until > moment, _link.valid_until <= now)
        found += await conn.execute(later.limit(limit - len(found)))
    return found


_ENDED = (
    select(_link.id, _link.card_id, _link.valid_until, _card.status)
    .join_from(tables.links, tables.cards, _card.id == _link.card_id)
    .where(_link.ended_at.is_(None))
    .order_by(_link.valid_until, _link.id)
)

# --- the nightly questions ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CodeQuestion:
    """A code to ask the HES service about: the links it is on, lowest first, and whose it is."""

    hes_code: str = field(repr=False)
    links: tuple[int, ...]
    holder: Holder = field(repr=False)


async def questions(
    conn: AsyncConnection, vault: Vault, before: datetime, after: int, limit: int
) -> tuple[list[CodeQuestion], list[int]]:
    """Codes of open links that were not denied and not checked since ``before``, each once; and the
    first links of those that cannot be opened, or whose holder cannot.

    At most so many together, by the lowest of their links, which is behind number ``after``; go on
    behind the highest of these.
    """
    found = (await conn.execute(_first_of_code(before, after, limit))).all()
    keys = [each.hes_key for each in found]
    same = _SAME_CODE[conn.dialect.name]
    links: dict[tuple[bytes, int], list[int]] = {}
    for each in await conn.execute(same, {"keys": keys, "before": before}):
        links.setdefault((each.hes_key, each.citizen_id), []).append(each.id)
    asked: list[CodeQuestion] = []
    unreadable: list[int] = []
    for each in found:
        try:
            asked.append(_question(vault, each, links[each.hes_key, each.citizen_id]))
        except (Unreadable, ValueError):
            unreadable.append(each.id)
    return asked, unreadable


def _question(vault: Vault, found: Row[Any], links: list[int]) -> CodeQuestion:
    code = vault.open(found.hes_code, row("links", found.hes_key)).decode()
    profile = People(vault).profile(found.profile, found.identity_key)
    citizen = Citizen(found.citizen_id, found.identity_key, profile)
    return CodeQuestion(code, tuple(links), citizen.holder)


def _to_ask(link: Any, before: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    good = [str(verdict) for verdict in Verdict if not verdict.denied]
    return and_(
        link.ended_at.is_(None),
        link.verdict.in_(good),
        or_(link.checked_at.is_(None), link.checked_at < before),
    )


def _first_of_code(before: datetime, after: int, limit: int) -> Select[Any]:
    lower = tables.links.alias("lower").c
    same_code = and_(lower.hes_key == _link.hes_key, lower.citizen_id == _link.citizen_id)
    return (
        select(
            _link.id,
            _link.hes_key,
            _link.hes_code,
            _link.citizen_id,
            _citizen.identity_key,
            _citizen.profile,
        )
        .join_from(tables.links, tables.citizens, _citizen.id == _link.citizen_id)
        .where(
            _link.id > after,
            _to_ask(_link, before),
            ~exists().where(same_code, lower.id < _link.id, _to_ask(lower, before)),
        )
        .order_by(_link.id)
        .limit(limit)
    )


_SAME_CODE = among_keys(
    lambda which: (
        select(_link.id, _link.hes_key, _link.citizen_id)
        .where(which, _to_ask(_link, bindparam("before", type_=_link.checked_at.type)))
        .order_by(_link.id)
    ),
    _link.hes_key,
)
