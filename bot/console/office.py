"""What the console's pages work with, put together by the composition root."""

from __future__ import annotations

from dataclasses import dataclass

from bot.clock import Clock
from bot.console.press import Press
from bot.console.signing import Doors
from bot.feeds.feeds import Feeds
from bot.figures import Figures
from bot.wording import Wording
from storage import Audit, Database, Staff
from storage.lookups import Lookups


@dataclass(frozen=True, slots=True)
class Office:
    """The parts that pages share."""

    wording: Wording
    now: Clock
    database: Database
    staff: Staff
    audit: Audit
    doors: Doors
    figures: Figures
    press: Press
    feeds: Feeds
    lookups: Lookups
