"""What is forgotten by itself: messages and their answers, once no messenger sends them again.

Knows how long and how often, not what a message is.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from bot.clock import Clock
from bot.telemetry import FAULTS
from storage import Conversations, Database, Unavailable

log = logging.getLogger("hesbot.retention")

INBOX_KEPT = timedelta(days=7)
"""Telegram repeats an update for a day, Twilio a message for hours; the rest is for a long fault
of ours."""

EVERY = 3600.0
"""Seconds from one look to the next."""


async def forget(
    database: Database, conversations: Conversations, clock: Clock, every: float = EVERY
) -> None:
    """Forget old messages until cancelled. While the records are down, wait for the next time."""
    while True:
        try:
            async with database.begin() as connection:
                count = await conversations.forget_inbox(connection, clock() - INBOX_KEPT)
        except Unavailable as error:
            FAULTS.labels("retention").inc()
            log.warning("old messages not forgotten", extra={"why": str(error)})
        else:
            if count:
                log.info("old messages forgotten", extra={"count": count})
        await asyncio.sleep(every)
