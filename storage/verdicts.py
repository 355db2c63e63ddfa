"""What the HES service said of links, written down; what follows from it is not decided here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.actions import CodeChecked, Verdict
from storage import tables
from storage.settling import hold
from storage.statements import among_numbers

_former_links = tables.links.alias("former")
_link, _former = tables.links.c, _former_links.c

_OPEN = among_numbers(
    lambda which: select(_link.id, _link.card_id).where(which, _link.ended_at.is_(None)), _link.id
)
_KEEP = (
    update(tables.links)
    .where(_link.id == bindparam("link"))
    .values(
        verdict=bindparam("said"),
        checked_at=bindparam("at"),
        valid_until=bindparam("until", type_=_link.valid_until.type),
    )
)
_RENEWALS = among_numbers(
    lambda which: (
        select(_link.id)
        .join(_former_links, _former.card_id == _link.card_id)
        .where(
            which,
            _former.ended_at == _link.linked_at,
            _former.verdict == str(Verdict.VALID),
        )
    ),
    _link.id,
)
_OPEN_CODES = among_numbers(
    lambda which: select(_link.hes_key).where(which, _link.ended_at.is_(None)), _link.card_id
)


async def keep_verdicts(
    conn: AsyncConnection, checked: Sequence[CodeChecked], now: datetime
) -> dict[int, int]:
    """Write them on the links that are still open; the cards of those, by link, which are held."""
    said = {link: each for each in checked for link in each.links}
    if not said:
        return {}
    numbers, dialect = {"numbers": sorted(said)}, conn.dialect.name
    await hold(conn, [each.card_id for each in await conn.execute(_OPEN[dialect], numbers)])
    judged = {each.id: each.card_id for each in await conn.execute(_OPEN[dialect], numbers)}
    if judged:
        rows = [
            {"link": link, "said": str(each.verdict), "at": now, "until": each.valid_until}
            for link, each in said.items()
            if link in judged
        ]
        await conn.execute(_KEEP, rows)
    return judged


async def renewals_among(conn: AsyncConnection, links: Collection[int]) -> set[int]:
    """Those of the links that had replaced a confirmed code."""
    if not links:
        return set()
    found = await conn.execute(_RENEWALS[conn.dialect.name], {"numbers": list(links)})
    return set(found.scalars())


async def open_codes(conn: AsyncConnection, cards: Collection[int]) -> set[bytes]:
    """The blind indexes of the codes that these cards have."""
    if not cards:
        return set()
    found = await conn.execute(_OPEN_CODES[conn.dialect.name], {"numbers": list(cards)})
    return set(found.scalars())
