"""What is told to the ledger: a delivery to write, and what became of one.

Values only; knows no table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any


class Urgency(IntEnum):
    """What goes first."""

    SUSPENSION = 0
    REMINDER = 1
    BROADCAST = 2


class Post(StrEnum):
    """Where a delivery is.

    ``held`` waits for the operator; ``unknown`` may have gone out and waits for a report;
    ``dropped`` was overtaken by events or declined before it went out.
    """

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    BLOCKED = "blocked"
    UNREACHABLE = "unreachable"
    OPTED_OUT = "opted_out"
    FAILED = "failed"
    UNKNOWN = "unknown"
    HELD = "held"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Entry:
    """A delivery to be written. ``key`` names its cause: one cause is never written twice.

    ``about`` is for the sentence and must not be personal.
    """

    key: str
    kind: str
    urgency: Urgency
    address: int
    channel: str
    due_at: datetime
    expires_at: datetime | None = None
    card: int | None = None
    link: int | None = None
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a leased delivery.

    ``due_at`` is another moment from which it may go, ``rest_until`` the real time until which it
    is left alone. ``charged``: the try counts; ``repeated``: the next try may be the second
    message.
    """

    id: int
    post: Post
    cause: str = ""
    provider_id: str | None = None
    due_at: datetime | None = None
    rest_until: datetime | None = None
    charged: bool = True
    repeated: bool = False
