"""What became of a card, as a value for whoever has to tell somebody.

Knows no table and no sentence.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.actions import Status


@dataclass(frozen=True, slots=True)
class Standing:
    """A card's status and why: suspended, paired, never_paired, deadline_passed, code_…"""

    status: Status
    cause: str


@dataclass(frozen=True, slots=True)
class Recipient:
    """An address by its row, and the messenger it is at."""

    address: int
    channel: str


@dataclass(frozen=True, slots=True)
class CardChange:
    """A card's status changed, or the card got another link.

    ``holder`` is where the card was paired from; None for a card without a link. ``actor`` is the
    address whose own doing it was, if it was somebody's: they know already. ``others`` are the
    holder's other addresses and the one that lost the card, told only of a new link.
    """

    card: int
    link: int | None
    before: Standing
    after: Standing
    at: datetime
    holder: Recipient | None
    actor: int | None = None
    relinked: bool = False
    others: tuple[Recipient, ...] = ()


@dataclass(frozen=True, slots=True)
class Relinked:
    """That a card got another link: by whose doing, and who else is to know of it, as in
    ``CardChange``."""

    actor: int | None = None
    others: tuple[Recipient, ...] = ()


Announce = Callable[[AsyncConnection, Sequence[CardChange]], Awaitable[None]]
"""Is given every change inside the transaction that makes it."""


async def unannounced(_conn: AsyncConnection, _changes: Sequence[CardChange]) -> None:
    """Nobody is told."""
