"""What waits in the ledger: in which queues, and what of them may go.

Conditions and statements only; changes nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, literal, or_, select

from conversations.broadcasts import Stage
from storage import tables
from storage.entries import Post, Urgency

Queue = Urgency | int
"""What deliveries wait in: notices by their urgency, a broadcast's by its number."""


def due(
    channel: str,
    queue: Queue,
    room: int,
    now: datetime,
    real: datetime,
    *,
    lock: bool = True,
) -> Any:
    """The statement for the numbers of those that may go, the longest due first."""
    row = tables.deliveries.c
    if isinstance(queue, Urgency):
        waiting = [row.urgency == int(queue), row.broadcast_id.is_(None)]
    else:
        waiting = [row.broadcast_id == queue]
    waiting_now = (
        select(row.id)
        .where(
            row.channel == channel,
            *waiting,
            is_now(Post.PENDING),
            *(() if queue is Urgency.SUSPENSION else (row.due_at <= now,)),
            or_(row.rest_until.is_(None), row.rest_until <= real),
        )
        .order_by(row.due_at, row.id)
        .limit(room)
    )
    return waiting_now.with_for_update(skip_locked=True) if lock else waiting_now


def has_come(now: datetime) -> ColumnElement[bool]:
    """Whether a delivery may go by its own time. A suspension may from the moment it is written: a
    pinned clock has perhaps jumped back since."""
    row = tables.deliveries.c
    return or_(row.urgency == int(Urgency.SUSPENSION), row.due_at <= now)


def may_be_shown() -> ColumnElement[bool]:
    """Whether a delivery is a notice, or of a broadcast that is under way or over."""
    row, broadcast = tables.deliveries.c, tables.broadcasts.c
    shown = select(broadcast.id).where(
        broadcast.stage.in_((str(Stage.RUNNING), str(Stage.FINISHED)))
    )
    return or_(row.broadcast_id.is_(None), row.broadcast_id.in_(shown))


def is_now(post: Post) -> ColumnElement[bool]:
    """Whether a delivery is there. Spelt out in the statement: PostgreSQL may plan it once for all
    parameters, and then would not use an index over the rows of one state."""
    return tables.deliveries.c.state == literal(str(post), literal_execute=True)
