"""The list of a broadcast's recipients, masked, for a spreadsheet. Memory stays flat."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import astuple, dataclass
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
    count = 0
    async for piece in pieces(records, vault, broadcast, page):
        write(piece.text)
        if piece.count:
            count += piece.count
            progress(piece.done, piece.whole)
    return count


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the list: its lines, how many deliveries those are, how far it is of how much."""

    text: str
    count: int
    done: int
    whole: int


async def pieces(
    records: Reads, vault: Vault, broadcast: int, page: int = PAGE
) -> AsyncIterator[Piece]:
    """The list piece by piece, its heading first. Raise Unavailable."""
    async with records.read() as connection:
        first, last = await bounds(connection, broadcast)
    after, size = first, last - first + 1
    yield Piece(MARK + _lines([HEADING]), 0, 0, size)
    while after <= last:
        async with records.read() as connection:
            found = await addressed(connection, vault, broadcast, after, last, page)
        if not found:
            return
        after = found[-1].id + 1
        yield Piece(_lines(astuple(each) for each in found), len(found), after - first, size)


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
