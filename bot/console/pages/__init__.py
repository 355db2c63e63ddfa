"""What builds the console's pages, by their names in ``places``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from bot.console.pages import account, audit, citizen, feeds, overview
from bot.console.seat import Seat

Build = Callable[[Seat], Awaitable[None]]

BUILDERS: Mapping[str, Build] = {
    "overview": overview.build,
    "feeds": feeds.build,
    "citizen": citizen.build,
    "audit": audit.build,
    "account": account.build,
}
