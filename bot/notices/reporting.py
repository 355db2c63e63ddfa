"""What messengers report later: what became of a notice, and who can be reached.

Knows neither messengers nor sentences: what an error number means is handed in.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from bot.channels import base
from bot.channels.base import Fate, Outcome
from bot.clock import Clock, wall
from bot.notices import outcomes
from bot.telemetry import HALTED, PAUSES
from bot.trail import begin, delivery
from conversations.events import Address
from storage import (
    ANSWER_WITHIN,
    Connection,
    Database,
    Ledger,
    Post,
    Receipt,
    Registry,
    Settled,
    Unavailable,
    pace,
    receipts,
)

log = logging.getLogger("hesbot.reports")

Meaning = Callable[[str], Outcome | None]
"""What an error number of the messenger means; None if that is not known."""

ARRIVED = {"delivered": Post.DELIVERED, "read": Post.READ}
ON_THE_WAY = frozenset({"accepted", "scheduled", "queued", "sending", "sent"})
LOST = frozenset({"failed", "undelivered", "canceled"})
"""The statuses of a message (Twilio, Message resource)."""

SETTLING = timedelta(seconds=10)
"""How long a delivery is left alone before it goes again: its report may be here before the sender
has written down that it went, and that must not be taken for the next try."""

HALT = 300.0
"""Seconds for which nothing is sent after our account was refused."""

_DEAD_ENDS = frozenset({Post.BLOCKED, Post.UNREACHABLE, Post.OPTED_OUT})


class Reports:
    """Writes down what a messenger reports of a notice (``bot.channels.base.Report``)."""

    def __init__(self, database: Database, ledger: Ledger, clock: Clock, meaning: Meaning) -> None:
        self._database = database
        self._ledger = ledger
        self._clock = clock
        self._meaning = meaning

    async def __call__(self, reference: str, provider_id: str, status: str, error: str) -> None:
        """``reference`` is the delivery's key. Raises ``bot.channels.base.Unavailable``."""
        try:
            # Most reports say nothing new, and reading waits for no writer.
            async with self._database.read(ANSWER_WITHIN) as connection:
                receipt = await receipts.find(connection, reference, provider_id)
            news = bool(receipt and self._news(receipt, provider_id, status, error))
            if receipt:
                begin(delivery(reference, receipt.id))
            log.debug("report read", extra={"known": receipt is not None, "news": news})
            if news:
                await self._write_down(reference, provider_id, status, error)
        except Unavailable as pause:
            raise base.Unavailable from pause

    async def _write_down(self, reference: str, provider_id: str, status: str, error: str) -> None:
        now = self._clock()
        async with self._database.begin(ANSWER_WITHIN) as connection:
            receipt = await receipts.find(connection, reference, provider_id, lock=True)
            news = receipt and self._news(receipt, provider_id, status, error)
            if not (receipt and news):
                return
            await receipts.move(connection, receipt, news, provider_id, now)
            await self._slow_down(connection, receipt, status, error)
            if news.post in _DEAD_ENDS:
                await self._ledger.mark_address(connection, [receipt.recipient], news.post, now)

    async def _slow_down(
        self, connection: Connection, receipt: Receipt, status: str, error: str
    ) -> None:
        """A refusal of our pace means the same whether it comes at once or as a report."""
        outcome = self._meaning(error) if status in LOST else None
        if outcome is None or outcome.fate not in (Fate.BUSY, Fate.HALTED):
            return
        seconds = outcome.retry_after or HALT
        await pace.pause(connection, receipt.channel, wall().timestamp() + seconds)
        PAUSES.labels(receipt.channel).inc()
        if outcome.fate is Fate.HALTED:
            log.error("%s refuses our account: nothing is sent", receipt.channel)
            HALTED.labels(receipt.channel).set(1)

    def _news(self, receipt: Receipt, provider_id: str, status: str, error: str) -> Settled | None:
        became = settled(receipt, status, error, self._meaning, wall())
        return became if became and receipt.is_news(provider_id, became.post) else None


def settled(
    receipt: Receipt, status: str, error: str, meaning: Meaning, real: datetime
) -> Settled | None:
    """What becomes of a delivery by a status and an error number; None if the status says nothing.

    A refusal means the same whether it comes at once or as a report. ``real`` is the real time.
    """
    if status in ARRIVED:
        return Settled(receipt.id, ARRIVED[status])
    if status in ON_THE_WAY:
        return outcomes.settled(receipt, Outcome(Fate.SENT), real, reports=True)
    if status not in LOST:
        return None
    outcome = meaning(error) or Outcome(Fate.FAILED, "other" if error else status)
    became = outcomes.settled(receipt, outcome, real, reports=True)
    if became.post is Post.PENDING:
        rest = max(became.rest_until or real, real + SETTLING)
        return Settled(
            receipt.id, Post.PENDING, became.cause, rest_until=rest, charged=became.charged
        )
    return became


class Reach:
    """Writes down who shut us out and who let us in again (``bot.channels.base.Reach``)."""

    def __init__(self, database: Database, registry: Registry, clock: Clock) -> None:
        self._database = database
        self._registry = registry
        self._clock = clock

    async def __call__(self, address: Address, reachable: bool) -> None:
        """Raises ``bot.channels.base.Unavailable``."""
        try:
            async with self._database.begin(ANSWER_WITHIN) as connection:
                await self._registry.set_reach(connection, address, reachable, self._clock())
        except Unavailable as pause:
            raise base.Unavailable from pause
