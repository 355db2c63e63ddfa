"""How long each kind of row is kept, and the forgetting of what is older.

The one table of terms. What is personal goes as soon as nothing needs it, at the latest within six
months where no other duty keeps it (regulation on erasure of 28 October 2017, art. 11/2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Table, delete, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import leftovers, tables


@dataclass(frozen=True, slots=True)
class Term:
    """How long rows of a table are kept after the moment in ``since``, and why. Without ``days``
    they stay, for the reason given."""

    why: str
    days: int | None = None
    since: str = ""

    @property
    def kept(self) -> timedelta:
        """Raise ValueError where rows stay."""
        if self.days is None:
            raise ValueError("these rows have no term")
        return timedelta(days=self.days)


TERMS: Mapping[str, Term] = {
    "inbox": Term("a message that comes again gets the same answer", 7, "received_at"),
    "conversations": Term("an unfinished registration can be gone on with", 30, "heard_at"),
    "risks": Term("a riskless word on a code outlives an isolation", 90, "updated_at"),
    "risk_changes": Term("a record of the feed that comes again is known", 90, "received_at"),
    "suspensions": Term("an ended suspension explains a card's past", 180, "ended_at"),
    "card_history": Term("a card's past answers its holder's complaint", 365, "at"),
    "deliveries": Term("what was sent, when and with what outcome", 365, "updated_at"),
    "boardings": Term("attempts to travel, reported by law 1593", 730, "at"),
    "reports": Term("what was reported to the authorities", 730, "made_at"),
    "erasures": Term("proof of erasure, three years by regulation", 1095, "at"),
    "passages": Term("a link that was used opens nothing; cleared by the next one", 1, "used_at"),
    "citizens": Term("until the person asks to be erased"),
    "addresses": Term("until the person asks to be erased; then nobody's"),
    "links": Term("until the person asks to be erased"),
    "consents": Term("evidence; without a person once they are erased"),
    "cards": Term("the card system's list; sealed"),
    "ring": Term("by which keys the records are read; nobody's"),
    "staff": Term("names that the audit speaks of"),
    "visits": Term("until the session ends, twelve hours at most"),
    "audit": Term("a chain, of which nothing can be taken out"),
    "broadcasts": Term("what was said to many; nobody's"),
    "approvals": Term("who answers for a broadcast"),
    "samples": Term("counts; nobody's"),
    "marks": Term("counts; nobody's"),
    "paces": Term("one row a sender; nobody's"),
    "contents": Term("templates at WhatsApp; nobody's"),
    "imports": Term("how far a list was read; nobody's"),
}

_SETTLED = tables.deliveries.c.state.not_in(("pending", "held", "sending"))
_UNREPORTED = tables.reports.c.id.not_in(
    select(tables.boardings.c.report_id).where(tables.boardings.c.report_id.is_not(None))
)
_IN_ORDER: tuple[tuple[Table, ColumnElement[bool]], ...] = (
    (tables.card_history, true()),
    (tables.deliveries, _SETTLED),
    (tables.boardings, tables.boardings.c.report_id.is_not(None)),
    (tables.reports, _UNREPORTED),
    (tables.erasures, true()),
    (tables.suspensions, tables.suspensions.c.ended_at.is_not(None)),
)
"""Tables whose rows come in the order of their time, so that the oldest are the first; and which
of them may go."""


async def forget(conn: AsyncConnection, now: datetime, limit: int) -> int:
    """Delete rows whose term is over, at most so many of each table; how many.

    Messages and words on codes are forgotten by ``Conversations`` and ``Risks``.
    """
    # Every time: also for what other processes deleted, and could not clear away.
    leftovers.note(conn)
    gone = await _unfinished(conn, now, limit)
    for table, may_go in _IN_ORDER:
        gone += await _oldest(conn, table, may_go, now, limit)
    return gone


async def _oldest(
    conn: AsyncConnection, table: Table, may_go: ColumnElement[bool], now: datetime, limit: int
) -> int:
    """Only among the oldest rows is anything looked for, which needs no index of its own."""
    term = TERMS[table.name]
    id = table.c.id
    oldest = select(id).order_by(id).limit(limit)
    over = table.c[term.since] < now - term.kept
    done = await conn.execute(delete(table).where(id.in_(oldest), over, may_go))
    return done.rowcount


async def _unfinished(conn: AsyncConnection, now: datetime, limit: int) -> int:
    """Half-filled forms that nobody came back to; with them goes where the talk stood."""
    talk, term = tables.conversations.c, TERMS["conversations"]
    # The index over open forms holds for exactly this condition.
    over = (talk.step != "") & (talk.heard_at < now - term.kept)
    old = select(talk.address_key).where(over).order_by(talk.heard_at).limit(limit)
    done = await conn.execute(delete(tables.conversations).where(talk.address_key.in_(old), over))
    return done.rowcount
