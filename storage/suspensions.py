"""Which cards are held back, because of which code, and until when.

A suspension belongs to a card and to the code that caused it: pairing another code does not end it.
Who calls a code risky is not decided here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    case,
    exists,
    func,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import gate, tables
from storage.cards import Cards
from storage.prepared import Call, Prepared, Rows, one
from storage.settling import hold
from storage.statements import INSERTS, among_keys, among_numbers

Word = tuple[bool, datetime | None]
"""Whether a code is risky, and until when."""

CHUNK = 500
"""Codes looked at in one statement; SQLite takes 32,766 parameters at most."""


class Suspensions:
    """Begins and ends suspensions, and settles the cards."""

    def __init__(self, cards: Cards) -> None:
        self._cards = cards

    async def follow(self, conn: AsyncConnection, codes: Collection[bytes], now: datetime) -> int:
        """Bring the suspensions in line with what is known of these codes (blind indexes).

        The cards are not settled: whoever calls does that, with what else has changed. Gives the
        number of cards touched.
        """
        return await self.follow_words(conn, await one(conn, self.known(codes)), now)

    def known(self, codes: Collection[bytes]) -> Call:
        """What is known of these codes."""
        return _KNOWN(keys=list(codes))

    async def follow_words(self, conn: AsyncConnection, found: Rows, now: datetime) -> int:
        """The same for what ``known`` found."""
        words = {each.hes_key: (each.risky, each.until) for each in found}
        return len(await _follow(conn, words, now)) if words else 0

    async def apply(self, conn: AsyncConnection, words: Mapping[bytes, Word], now: datetime) -> int:
        """Let the suspensions follow these words, which are on record, and settle the cards; how
        many changed their status."""
        return await self._cards.settle(conn, await _follow(conn, words, now), now)

    async def end_due(self, conn: AsyncConnection, now: datetime, limit: int) -> int:
        """End the suspensions whose time is over, at most so many; how many there were.

        To be called before anything is locked: where something is due, it closes the gate.
        """
        if (await conn.execute(_due(now, 1))).first() is None:
            return 0
        await gate.close(conn)
        found = (await conn.execute(_due(now, limit))).all()
        numbers = {"numbers": [each.id for each in found], "now": now, "cause": "until"}
        await conn.execute(_END[conn.dialect.name], numbers)
        cards = {each.card_id for each in found}
        await _sum_up(conn, cards)
        await self._cards.settle(conn, cards, now)
        return len(found)


_open, _risk, _link, _card = (
    tables.suspensions.c,
    tables.risks.c,
    tables.links.c,
    tables.cards.c,
)


async def _follow(conn: AsyncConnection, words: Mapping[bytes, Word], now: datetime) -> set[int]:
    """Of these codes: end what is no longer risky, then begin or prolong what is.

    A code of which nothing is known holds nobody back and never did. Rows of cards come last and
    all at once, so that two who do this cannot wait for each other.
    """
    by_effect: dict[str, list[bytes]] = {}
    for code in sorted(words):
        by_effect.setdefault(_effect(words[code], now), []).append(code)
    touched: set[int] = set()
    for effect, codes in by_effect.items():
        for statement in _STATEMENTS.get(effect, (_END_CODES,)):
            for some in _chunks(codes):
                values = {"keys": some, "now": now, "cause": effect}
                found = await conn.execute(statement[conn.dialect.name], values)
                touched |= set(found.scalars())
    await _sum_up(conn, touched)
    return touched


def _effect(word: Word, now: datetime) -> str:
    """``holds``, or why it does not."""
    risky, until = word
    if not risky:
        return "riskless"
    return "until" if until is not None and until <= now else "holds"


async def _sum_up(conn: AsyncConnection, cards: Collection[int]) -> None:
    """Write on the cards since when and until when they are held back, if they are."""
    if cards:
        await hold(conn, cards)
        await conn.execute(_SUM_UP[conn.dialect.name], {"numbers": sorted(cards)})


def _chunks(codes: list[bytes]) -> Iterator[list[bytes]]:
    return (codes[start : start + CHUNK] for start in range(0, len(codes), CHUNK))


# --- statements -----------------------------------------------------------------------------


def _due(now: datetime, limit: int) -> Any:
    return (
        select(_open.id, _open.card_id)
        .where(_open.ended_at.is_(None), _open.until <= now)
        .order_by(_open.until)
        .limit(limit)
    )


def _end(which: ColumnElement[bool]) -> Any:
    return (
        update(tables.suspensions)
        .where(which, _open.ended_at.is_(None))
        .values(ended_at=bindparam("now"), end_cause=bindparam("cause"))
        .returning(_open.card_id)
    )


def _prolong(which: ColumnElement[bool]) -> Any:
    """Also of cards that have another code by now."""
    until = select(_risk.until).where(_risk.hes_key == _open.hes_key).scalar_subquery()
    return (
        update(tables.suspensions)
        .where(which, _open.ended_at.is_(None), _open.until.is_distinct_from(until))
        .values(until=until)
        .returning(_open.card_id)
    )


def _begin(dialect: str, which: ColumnElement[bool]) -> Any:
    now = bindparam("now", type_=_open.started_at.type)
    to_hold = (
        select(_link.card_id, _link.hes_key, now, _risk.until)
        .join_from(tables.links, tables.risks, _risk.hes_key == _link.hes_key)
        .where(which, _link.ended_at.is_(None))
    )
    return (
        INSERTS[dialect](tables.suspensions)
        .from_select(["card_id", "hes_key", "started_at", "until"], to_hold)
        .on_conflict_do_nothing()
        .returning(_open.card_id)
    )


def _summing_up(which: ColumnElement[bool]) -> Any:
    mine = and_(_open.card_id == _card.id, _open.ended_at.is_(None))
    since = select(func.min(_open.started_at)).where(mine).scalar_subquery()
    # One suspension without an end has none, whatever the others say.
    endless = exists().where(mine, _open.until.is_(None))
    latest = select(func.max(_open.until)).where(mine).scalar_subquery()
    until = case((endless, None), else_=latest)
    return update(tables.cards).where(which).values(suspended_at=since, suspended_until=until)


_KNOWN = Prepared(
    among_keys(
        lambda which: select(_risk.hes_key, _risk.risky, _risk.until).where(which), _risk.hes_key
    )
)
_END = among_numbers(_end, _open.id)
_END_CODES = among_keys(_end, _open.hes_key)
_BEGIN = {
    dialect: among_keys(partial(_begin, dialect), _link.hes_key)[dialect] for dialect in INSERTS
}
_STATEMENTS = {"holds": (among_keys(_prolong, _open.hes_key), _BEGIN)}
_SUM_UP = among_numbers(_summing_up, _card.id)
