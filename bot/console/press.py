"""What the console's pages need to write broadcasts and to watch them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from bot.standings import Standings
from storage import Broadcasts, Ledger, Vault


@dataclass(frozen=True, slots=True)
class Press:
    """The register of broadcasts, and by what means they go: ``channels`` are those that are set
    up; ``deadline`` is what texts may speak of."""

    broadcasts: Broadcasts
    ledger: Ledger
    standings: Standings
    channels: Collection[str]
    deadline: datetime
    vault: Vault
