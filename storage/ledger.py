"""Deliveries: a row for every message that goes out unasked, from its cause to its outcome.

A row is ``sending`` before the call is made, so that after a crash it is known what may have gone
out. Nothing here sends, words or decides whom to tell; and nothing here is personal but the
addresses that are opened for the sender.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    Boolean,
    String,
    and_,
    bindparam,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import campaigns, receipts, tables
from storage.entries import Entry, Post, Settled, Urgency
from storage.parcels import Parcel, parcels
from storage.queues import Queue, due, has_come, is_now, may_be_shown
from storage.statements import INSERTS, add_many, needs_locks
from storage.vault import Vault

CHUNK = 500
"""Rows named in one statement."""


class Ledger:
    """Writes, leases and settles deliveries inside the caller's transaction."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def write(self, conn: AsyncConnection, entries: Iterable[Entry], now: datetime) -> int:
        """Write the deliveries whose cause is new; how many those are.

        PostgreSQL does not tell: what another process writes at the same moment may be counted by
        both there, though it is written once.
        """
        # In one order, so that two who write the same cannot wait for each other.
        rows = sorted((_row(entry, now) for entry in entries), key=itemgetter("key"))
        if not rows:
            return 0
        known = await _count_known(conn, rows) if needs_locks(conn) else 0
        written = await add_many(conn, _WRITE[conn.dialect.name], rows)
        return len({row["key"] for row in rows}) - known if needs_locks(conn) else written

    async def lease(
        self,
        conn: AsyncConnection,
        channel: str,
        room: int,
        now: datetime,
        real: datetime,
        until: datetime,
        worker: str,
        queues: Sequence[Queue] = tuple(Urgency),
    ) -> list[Parcel]:
        """Take at most ``room`` deliveries that are due, queue by queue, and call them ``sending``.
        Others leave them alone until ``until``, which like ``real`` is real time."""
        ids: list[int] = []
        for queue in queues:
            if len(ids) < room:
                waiting = due(channel, queue, room - len(ids), now, real)
                ids += (await conn.execute(waiting)).scalars()
        return await self._take(conn, ids, now, until, worker)

    async def lease_for(
        self,
        conn: AsyncConnection,
        addresses: Collection[int],
        now: datetime,
        until: datetime,
        worker: str,
    ) -> list[Parcel]:
        """Take all that is due for these addresses, for a messenger where people come by."""
        row = tables.deliveries.c
        waiting = (
            select(row.id)
            .where(
                row.address_id.in_(addresses), is_now(Post.PENDING), has_come(now), may_be_shown()
            )
            .order_by(row.urgency, row.id)
            .with_for_update(skip_locked=True)
        )
        ids = list((await conn.execute(waiting)).scalars())
        return await self._take(conn, ids, now, until, worker)

    async def renew(
        self, conn: AsyncConnection, ids: Sequence[int], until: datetime, worker: str
    ) -> set[int]:
        """Hold these longer; those that are still this worker's."""
        row, ours = tables.deliveries.c, set[int]()
        for some in _chunks(ids):
            held = (row.id.in_(some), is_now(Post.SENDING), row.worker == worker)
            renewed = update(tables.deliveries).where(*held).values(rest_until=until)
            ours |= set((await conn.execute(renewed.returning(row.id))).scalars())
        return ours

    async def is_due(
        self,
        conn: AsyncConnection,
        channel: str,
        now: datetime,
        real: datetime,
        queues: Sequence[Queue] = tuple(Urgency),
    ) -> bool:
        """Whether ``lease`` would find anything."""
        for queue in queues:
            if (await conn.execute(due(channel, queue, 1, now, real, lock=False))).first():
                return True
        return False

    async def settle(
        self,
        conn: AsyncConnection,
        settled: Sequence[Settled],
        now: datetime,
        worker: str | None = None,
    ) -> None:
        """Write what became of leased deliveries. One that is further by now stays there.

        With ``worker``, what this worker has lost to another is left alone, and what it lost to
        nobody yet is not sent again if its outcome is known after all.
        """
        rows = [_settled(each, now, worker) for each in settled]
        if rows:
            await conn.execute(_SETTLE, sorted(rows, key=itemgetter("row")))

    async def report(
        self,
        conn: AsyncConnection,
        key: str,
        provider_id: str,
        post: Post,
        cause: str,
        now: datetime,
    ) -> bool:
        """A messenger's report, by the delivery's key or by the message's name there. It only moves
        forward; whether it did."""
        receipt = await receipts.find(conn, key, provider_id, lock=True)
        if receipt is None or not receipt.is_news(provider_id, post):
            return False
        await receipts.move(conn, receipt, Settled(receipt.id, post, cause), provider_id, now)
        return True

    async def recover(
        self,
        conn: AsyncConnection,
        channel: str,
        real: datetime,
        limit: int,
        *,
        reported_by: datetime | None = None,
    ) -> int:
        """Deal with deliveries whose process is gone or whose report never came: how many.

        They may have gone out, so they go again and are counted as repeated. Where the messenger
        reports what became of a message, one whose process is gone is unknown first, and waits for
        that until ``reported_by``.
        """
        lost = await self._overdue(conn, channel, Post.SENDING, real, limit)
        silent = await self._overdue(conn, channel, Post.UNKNOWN, real, limit)
        if reported_by is None:
            await self._again(conn, [*lost, *silent])
        else:
            await self._change(conn, lost, _unknown(reported_by))
            await self._again(conn, silent)
        return len(lost) + len(silent)

    async def abandon(
        self, conn: AsyncConnection, channel: str, worker: str, real: datetime
    ) -> None:
        """What this worker held on the channel in an earlier life is overdue at once."""
        row = tables.deliveries.c
        await conn.execute(
            update(tables.deliveries)
            .where(is_now(Post.SENDING), row.channel == channel, row.worker == worker)
            .values(rest_until=real)
        )

    async def _overdue(
        self, conn: AsyncConnection, channel: str, post: Post, real: datetime, limit: int
    ) -> list[int]:
        row = tables.deliveries.c
        overdue = (
            select(row.id)
            .where(is_now(post), row.rest_until <= real, row.channel == channel)
            .order_by(row.rest_until)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return list((await conn.execute(overdue)).scalars())

    async def _again(self, conn: AsyncConnection, ids: Sequence[int]) -> None:
        """They go once more, but those of a broadcast that leaves it at what is not known."""
        repeats = tables.deliveries.c.repeats + 1
        left = await campaigns.left_unknown(conn, ids)
        await self._change(conn, sorted(left), _unknown(None))
        again = [id for id in ids if id not in left]
        values = {"state": str(Post.PENDING), "repeats": repeats, "rest_until": None}
        await self._change(conn, again, values)

    async def _change(
        self, conn: AsyncConnection, ids: Sequence[int], values: Mapping[str, Any]
    ) -> None:
        for some in _chunks(ids):
            await conn.execute(
                update(tables.deliveries)
                .where(tables.deliveries.c.id.in_(some))
                .values(dict(values))
            )

    async def release_held(
        self, conn: AsyncConnection, channel: str, now: datetime, cause: str | None = None
    ) -> int:
        """Let go on the notices that are held, for one cause or for any. How many."""
        row = tables.deliveries.c
        held = [is_now(Post.HELD), row.channel == channel, row.broadcast_id.is_(None)]
        if cause is not None:
            held.append(row.cause == cause)
        freed = await conn.execute(
            update(tables.deliveries)
            .where(*held)
            .values(state=str(Post.PENDING), cause="", rest_until=None, updated_at=now)
        )
        return freed.rowcount

    async def mark_address(
        self, conn: AsyncConnection, addresses: Collection[int], post: Post, now: datetime
    ) -> None:
        """Remember since when nothing arrives there (blocked, unreachable), or may (opted out)."""
        address = tables.addresses.c
        # Who wrote in between could be reached then; a wish is not taken back by writing.
        values = (
            {"opted_out_at": func.coalesce(address.opted_out_at, now)}
            if post is Post.OPTED_OUT
            else {"blocked_at": now}
        )
        for some in _chunks(sorted(addresses)):
            # In one order, or two processes could wait for each other.
            those = select(address.id).where(address.id.in_(some)).order_by(address.id)
            await conn.execute(those.with_for_update())
            await conn.execute(update(tables.addresses).where(address.id.in_(some)).values(values))

    async def _take(
        self,
        conn: AsyncConnection,
        ids: Sequence[int],
        now: datetime,
        until: datetime,
        worker: str,
    ) -> list[Parcel]:
        row = tables.deliveries.c
        taken: list[Parcel] = []
        for some in _chunks(ids):
            await conn.execute(
                update(tables.deliveries)
                .where(row.id.in_(some))
                .values(
                    state=str(Post.SENDING),
                    rest_until=until,
                    worker=worker,
                    attempts=row.attempts + 1,
                    updated_at=now,
                )
            )
            found, unreadable = await parcels(conn, self._vault, some)
            taken += found
            await self._change(conn, unreadable, {"state": str(Post.HELD), "cause": "unreadable"})
        place = {id: number for number, id in enumerate(ids)}
        return sorted(taken, key=lambda parcel: place[parcel.id])


def _unknown(reported_by: datetime | None) -> dict[str, Any]:
    return {"state": str(Post.UNKNOWN), "cause": "lost", "rest_until": reported_by}


def _row(entry: Entry, now: datetime) -> dict[str, Any]:
    return {
        "key": entry.key,
        "kind": entry.kind,
        "urgency": int(entry.urgency),
        "channel": entry.channel,
        "address_id": entry.address,
        "card_id": entry.card,
        "link_id": entry.link,
        "about": json.dumps(dict(entry.about), sort_keys=True),
        "state": str(Post.PENDING),
        "cause": "",
        "due_at": entry.due_at,
        "expires_at": entry.expires_at,
        "attempts": 0,
        "repeats": 0,
        "created_at": now,
        "updated_at": now,
    }


def _settled(each: Settled, now: datetime, worker: str | None) -> dict[str, Any]:
    return {
        "row": each.id,
        "new_state": str(each.post),
        "new_cause": each.cause,
        "new_provider": each.provider_id,
        "new_due": each.due_at,
        "new_rest": each.rest_until,
        "charge": 0 if each.charged else -1,
        "repeat": int(each.repeated),
        "at": now,
        "went": now if each.post is Post.SENT else None,
        "whose": worker,
        "final": worker is not None and each.post not in (Post.PENDING, Post.UNKNOWN),
    }


_MOMENT = tables.deliveries.c.due_at.type
_row_of = tables.deliveries.c
_SETTLE = (
    update(tables.deliveries)
    # A report may have come before the answer to the call, and knows more.
    .where(
        _row_of.id == bindparam("row"),
        _row_of.worker == func.coalesce(bindparam("whose", type_=String), _row_of.worker),
        or_(
            _row_of.state == str(Post.SENDING),
            and_(
                bindparam("final", type_=Boolean),
                or_(_row_of.state == str(Post.PENDING), _row_of.state == str(Post.UNKNOWN)),
            ),
        ),
    )
    .values(
        state=bindparam("new_state"),
        cause=bindparam("new_cause"),
        provider_id=func.coalesce(bindparam("new_provider"), _row_of.provider_id),
        due_at=func.coalesce(bindparam("new_due", type_=_MOMENT), _row_of.due_at),
        attempts=_row_of.attempts + bindparam("charge"),
        repeats=_row_of.repeats + bindparam("repeat"),
        sent_at=func.coalesce(bindparam("went", type_=_MOMENT), _row_of.sent_at),
        rest_until=bindparam("new_rest", type_=_MOMENT),
        updated_at=bindparam("at"),
    )
)


_WRITE = {
    dialect: insert(tables.deliveries).on_conflict_do_nothing(index_elements=["key"])
    for dialect, insert in INSERTS.items()
}


async def _count_known(conn: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> int:
    known = 0
    for some in _chunks(sorted({row["key"] for row in rows})):
        count = select(func.count()).where(_row_of.key.in_(some))
        known += (await conn.execute(count)).scalar_one()
    return known


def _chunks(ids: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))
