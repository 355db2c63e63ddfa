"""Who is signed in at the console. Of what the cookie holds, only a hash is kept here.

How long a visit lasts is decided by those who ask.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import tables
from storage.staff import MEMBER, Member, member_of

_visit = tables.visits.c
_staff = tables.staff.c


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody signed in; ``ends_at`` is its end however busy they are."""

    member: Member
    seen_at: datetime
    ends_at: datetime


async def begin(
    conn: AsyncConnection, token: str, member: Member, now: datetime, ends_at: datetime
) -> None:
    """They are signed in, wherever the token is shown."""
    values = {"key": _key(token), "staff_id": member.id, "began_at": now, "seen_at": now}
    await conn.execute(insert(tables.visits).values(**values, ends_at=ends_at))


async def find(conn: AsyncConnection, token: str) -> Visit | None:
    """Whose token that is; nobody's who has left."""
    wanted = (
        select(*MEMBER, _visit.seen_at, _visit.ends_at)
        .join(tables.visits, _visit.staff_id == _staff.id)
        .where(_visit.key == _key(token), _staff.left_at.is_(None))
    )
    found = (await conn.execute(wanted)).first()
    return Visit(member_of(found), found.seen_at, found.ends_at) if found else None


async def see(conn: AsyncConnection, token: str, now: datetime) -> None:
    """They did something just now."""
    await conn.execute(update(tables.visits).where(_visit.key == _key(token)).values(seen_at=now))


async def end(conn: AsyncConnection, token: str) -> None:
    """The token opens nothing more."""
    await conn.execute(delete(tables.visits).where(_visit.key == _key(token)))


async def clear(conn: AsyncConnection, now: datetime, idle_since: datetime) -> None:
    """Forget the visits that are over, and those that nobody was seen at since then."""
    over = or_(_visit.ends_at <= now, _visit.seen_at <= idle_since)
    await conn.execute(delete(tables.visits).where(over))


def _key(token: str) -> bytes:
    # A cookie may hold anything.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
