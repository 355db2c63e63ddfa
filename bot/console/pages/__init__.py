"""What builds the console's pages, by their names in ``places``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from bot.console.pages import (
    account,
    audit,
    broadcast,
    broadcast_writing,
    broadcasts,
    citizen,
    feeds,
    overview,
)
from bot.console.seat import Seat

Build = Callable[[Seat], Awaitable[None]]

BUILDERS: Mapping[str, Build] = {
    "overview": overview.build,
    "broadcasts": broadcasts.build,
    "broadcast": broadcast.build,
    "broadcast_new": broadcast_writing.build,
    "broadcast_write": broadcast_writing.build,
    "feeds": feeds.build,
    "citizen": citizen.build,
    "audit": audit.build,
    "account": account.build,
}
