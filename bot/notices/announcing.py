"""Tells the ledger of changed cards, inside the transaction that changes them.

So nobody's card changes without the notice being on record, and no notice is on record without the
change. Whom it concerns is the rules' affair.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.notices.rules import on_change
from storage import Announce, CardChange, Connection, Ledger


def announcing(ledger: Ledger) -> Announce:
    """What the registry is to call with every change."""

    async def announce(connection: Connection, changes: Sequence[CardChange]) -> None:
        entries = [entry for change in changes for entry in on_change(change)]
        if entries:
            await ledger.write(connection, entries, changes[0].at)

    return announce
