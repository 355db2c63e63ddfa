"""What the records say of the lists they are fed with: of risky codes, and of cards.

Read-only, for those who watch over the feeds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import tables

LISTS = 5
"""How many lists of cards are told."""

_risk, _change, _list = tables.risks.c, tables.risk_changes.c, tables.imports.c
_mark = tables.marks.c


@dataclass(frozen=True, slots=True)
class Source:
    """A system that sends risk records by itself: its name, the hour in which it last did (UTC),
    and how often."""

    name: str
    hour: datetime
    count: int


@dataclass(frozen=True, slots=True)
class RiskState:
    """How many codes are risky, and when the newest record was taken, if that is still known."""

    risky: int
    received_at: datetime | None


@dataclass(frozen=True, slots=True)
class ListState:
    """A list of cards: when it was last worked at, and what it came to so far.

    ``position`` is how many of its cards are written; an unfinished one goes on from there.
    """

    updated_at: datetime
    finished: bool
    position: int
    added: int
    changed: int
    known: int
    bad: int


def mark(source: str) -> str:
    """What is counted when a system sends records, see ``storage.marks``."""
    return f"{_FED}{source}"


_FED = "fed:"


async def risks(conn: AsyncConnection, now: datetime) -> RiskState:
    """The words on codes, counted. It looks at all of them: there are as many as risky people."""
    holds = or_(_risk.until.is_(None), _risk.until > now)
    risky = await conn.scalar(
        select(func.count()).select_from(tables.risks).where(_risk.risky, holds)
    )
    return RiskState(int(risky or 0), await conn.scalar(select(func.max(_change.received_at))))


async def sources(conn: AsyncConnection, first: datetime) -> list[Source]:
    """The systems that sent records from that hour on, who did so last first."""
    found = await conn.execute(
        select(_mark.name, func.max(_mark.hour), func.sum(_mark.count))
        .where(_mark.hour >= first, _mark.name.startswith(_FED, autoescape=True))
        .group_by(_mark.name)
        .order_by(func.max(_mark.hour).desc(), _mark.name)
    )
    return [Source(each[0].removeprefix(_FED), each[1], int(each[2])) for each in found]


async def lists(conn: AsyncConnection) -> list[ListState]:
    """The lists of cards that were worked at last, newest first."""
    found = await conn.execute(
        select(tables.imports).order_by(_list.updated_at.desc()).limit(LISTS)
    )
    return [
        ListState(
            each.updated_at,
            each.finished_at is not None,
            each.position,
            each.added,
            each.changed,
            each.known,
            each.bad,
        )
        for each in found
    ]
