"""Cards held for a change: the facts their status follows from, and the writing of it.

What follows from the facts is not decided here, and nobody is told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import tables
from storage.changes import Standing
from storage.prepared import Call, Prepared, Rows, one
from storage.statements import among_numbers, needs_locks

_card, _link, _address = tables.cards.c, tables.links.c, tables.addresses.c

_FACTS = Prepared(
    among_numbers(
        lambda which: (
            select(
                _card.id,
                _card.suspended_at,
                _card.suspended_until,
                _card.status,
                _card.cause,
                _link.id.label("link_id"),
                _link.address_id,
                _address.channel,
                _link.verdict,
                _link.valid_until,
            )
            .outerjoin_from(
                tables.cards, tables.links, (_link.card_id == _card.id) & _link.ended_at.is_(None)
            )
            .outerjoin(tables.addresses, _address.id == _link.address_id)
            .where(which)
            .order_by(_card.id)
        ),
        _card.id,
    )
)
_HOLD = Prepared(
    among_numbers(
        lambda which: (
            select(_card.id)
            .where(which)
            .order_by(_card.id)
            # Rows elsewhere may go on naming the card meanwhile.
            .with_for_update(key_share=True)
        ),
        _card.id,
    )
)
_WRITE = Prepared(
    among_numbers(
        lambda which: (
            update(tables.cards)
            .where(which)
            .values(
                status=bindparam("new_status"),
                cause=bindparam("new_cause"),
                changed_at=bindparam("at"),
            )
        ),
        _card.id,
    )
)


async def hold(conn: AsyncConnection, cards: Collection[int]) -> None:
    """Let nobody else change these cards until the transaction ends. All take them in one order.

    What is read after it is what they are: a statement that locks and reads at once may have to
    wait, and then sees the link as it was before.
    """
    if cards and needs_locks(conn):
        await one(conn, _HOLD(numbers=sorted(cards)))


async def held_facts(conn: AsyncConnection, cards: Collection[int]) -> Rows:
    """Hold these cards; their ``facts``."""
    await hold(conn, cards)
    return await one(conn, facts(cards))


def facts(cards: Collection[int]) -> Call:
    """What the status of these cards follows from, and where their holder is, by number."""
    return _FACTS(numbers=list(cards))


def standings(new: Iterable[tuple[int, Standing]], now: datetime) -> list[Call]:
    """Write the status of cards that are held, without history."""
    alike: dict[Standing, list[int]] = {}
    for card, standing in new:
        alike.setdefault(standing, []).append(card)
    return [
        _WRITE(new_status=str(each.status), new_cause=each.cause, at=now, numbers=cards)
        for each, cards in alike.items()
    ]
