"""The list of a broadcast's recipients, masked, for a spreadsheet. Memory stays flat."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from dataclasses import astuple
from datetime import datetime
from io import StringIO
from typing import Any

from bot.notices.planning import Reads
from storage import Vault
from storage.recipients import PAGE, addressed, bounds

HEADING = (
    "id",
    "channel",
    "address",
    "language",
    "state",
    "cause",
    "attempts",
    "repeats",
    "due_at",
    "sent_at",
)
MARK = "\ufeff"
"""Begins the list, so that Excel takes it for UTF-8."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for a formula (OWASP, CSV Injection)."""


async def export(
    records: Reads,
    vault: Vault,
    broadcast: int,
    write: Callable[[str], object],
    progress: Callable[[int, int], object],
    page: int = PAGE,
) -> int:
    """Write a line (RFC 4180) for each delivery there is now; how many. ``progress`` is told how
    far of how much. Raise Unavailable."""
    async with records.read() as connection:
        first, last = await bounds(connection, broadcast)
    write(MARK + _lines([HEADING]))
    count, after, size = 0, first, last - first + 1
    while after <= last:
        async with records.read() as connection:
            found = await addressed(connection, vault, broadcast, after, last, page)
        if not found:
            break
        write(_lines(astuple(each) for each in found))
        count, after = count + len(found), found[-1].id + 1
        progress(after - first, size)
    return count


def _lines(rows: Iterable[Iterable[Any]]) -> str:
    written = StringIO()
    csv.writer(written).writerows([_cell(value) for value in each] for each in rows)
    return written.getvalue()


def _cell(value: Any) -> str:
    """A value as a cell that a spreadsheet shows and never reckons with."""
    if value is None:
        return ""
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    # A lone surrogate could not be written.
    text = text.encode("utf-8", "replace").decode()
    return f"'{text}" if text.startswith(_FORMULA) else text
