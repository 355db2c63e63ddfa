"""A messenger's later word on a delivery: which of its tries that is about, and what it changes.

Reports are repeated, come in any order and may be older than what is known. They find a delivery by
its key or by the message's name at the messenger. Nothing here is personal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import tables
from storage.entries import Post, Settled

_OPEN = (Post.PENDING, Post.SENDING, Post.UNKNOWN)
_UNTIL_SENT = frozenset({*_OPEN, Post.SENT})
_BEFORE: Mapping[Post, frozenset[Post]] = {
    Post.SENT: frozenset(_OPEN),
    # What was given up can still arrive (Twilio), and what arrived must not go out again.
    Post.DELIVERED: frozenset(Post) - {Post.DELIVERED, Post.READ},
    Post.READ: frozenset(Post) - {Post.READ},
    Post.FAILED: _UNTIL_SENT,
    Post.BLOCKED: _UNTIL_SENT,
    Post.UNREACHABLE: _UNTIL_SENT,
    Post.OPTED_OUT: _UNTIL_SENT,
    Post.HELD: _UNTIL_SENT,
    Post.PENDING: _UNTIL_SENT - {Post.PENDING},
}
"""From where a report may move a delivery on."""

_ARRIVED = frozenset({Post.DELIVERED, Post.READ})
_WENT = frozenset({Post.SENT, *_ARRIVED})


@dataclass(frozen=True, slots=True)
class Receipt:
    """A delivery as a report finds it.

    ``recipient`` is the address's number, ``last`` the cause that is written down, ``provider_id``
    the name at the messenger of the message that is known of.
    """

    id: int
    recipient: int
    post: Post
    last: str
    provider_id: str | None
    attempts: int
    channel: str = ""

    def is_news(self, provider_id: str, post: Post) -> bool:
        """Whether that became of the present try, and further than is known.

        What arrived has arrived, by whichever try. Anything else counts for the present try alone:
        while that one is open, the message known of is one of an earlier try.
        """
        if self.post not in _BEFORE.get(post, ()):
            return False
        if post in _ARRIVED or not provider_id or self.provider_id is None:
            return True
        return (self.provider_id == provider_id) == (self.post is Post.SENT)


async def find(
    conn: AsyncConnection, key: str, provider_id: str, *, lock: bool = False
) -> Receipt | None:
    """The delivery with that key, or without one that of the message; None if there is none.

    ``lock`` keeps others from changing it until the end of the transaction.
    """
    which = _row.key == key if key else _row.provider_id == provider_id
    wanted = _RECEIPT.where(which).with_for_update() if lock else _RECEIPT.where(which)
    found = (await conn.execute(wanted)).first()
    return found and Receipt(found[0], found[1], Post(found[2]), *found[3:])


async def move(
    conn: AsyncConnection, receipt: Receipt, settled: Settled, provider_id: str, now: datetime
) -> None:
    """Write what became of a delivery that was found and locked."""
    values: dict[str, Any] = {
        "state": str(settled.post),
        "cause": settled.cause,
        "rest_until": settled.rest_until,
        # What the sender has yet to write down of this very message says less.
        "worker": None,
        "attempts": _row.attempts - (0 if settled.charged else 1),
        "updated_at": now,
    }
    if provider_id:
        values["provider_id"] = provider_id
    if settled.post in _WENT:
        values["sent_at"] = func.coalesce(_row.sent_at, now)
    await conn.execute(update(tables.deliveries).where(_row.id == receipt.id).values(values))


_row = tables.deliveries.c
_RECEIPT = select(
    _row.id,
    _row.address_id,
    _row.state,
    _row.cause,
    _row.provider_id,
    _row.attempts,
    _row.channel,
)
