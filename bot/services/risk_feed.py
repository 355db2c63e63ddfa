"""The Ministry's list of risky codes: a line in, a change or the reason why it is none out.

A record is ``{"id", "hes_code", "status": "RISKY"|"RISKLESS", "changed_at", "until"?}``, one a line
(JSON Lines). A line that cannot be read never stops the rest. Knows no HTTP, no file and no card.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from bot.clock import Clock
from bot.services.json_keys import RepeatedKey, quoted, refuse_repeated
from bot.services.moments import moment
from bot.services.packed_lines import Line
from conversations.outcomes import Doubt, Invalid
from conversations.parsers import hes_code
from storage import Database, Registry, RiskChange, RiskOutcome

LONGEST_ID = 200
FUTURE = timedelta(days=1)
"""How far ahead of ours the Ministry's clock may be."""

Take = Callable[[Sequence[RiskChange]], Awaitable[RiskOutcome]]
"""Takes a batch of records in one transaction. Raise storage.Unavailable."""

_STATUSES = {"RISKY": True, "RISKLESS": False}
_STORED = re.compile(r"[A-Z][0-9][A-Z][0-9]{7}", re.ASCII)
_ANY_DAY = date.min
"""The parser of codes looks at no calendar."""
_LINES_AT_ONCE = 64
"""Lines read before others have a turn: about a millisecond."""


# --- one line -------------------------------------------------------------------------------


class _Record(msgspec.Struct):
    """A line as it came. Keys that are not ours are passed over."""

    id: Any = None
    hes_code: Any = None
    status: Any = None
    changed_at: Any = None
    until: Any = None


_DECODER = msgspec.json.Decoder(_Record)
_KEYS = quoted(_Record.__struct_fields__)


class _Unusable(Exception):
    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def read_change(line: bytes, now: datetime) -> RiskChange | str:
    """The record on a line; or why it is none: the key that is wrong, ``json`` for no JSON object,
    ``repeated_key``."""
    try:
        return _change(_decoded(line), now)
    except _Unusable as error:
        return error.why


def _decoded(line: bytes) -> _Record:
    try:
        record = _DECODER.decode(line)
        refuse_repeated(line, _KEYS)
    except RepeatedKey:
        raise _Unusable("repeated_key") from None
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise _Unusable("json") from None
    return record


def _change(record: _Record, now: datetime) -> RiskChange:
    changed_at = _moment(record.changed_at, "changed_at")
    if changed_at > now + FUTURE:
        raise _Unusable("changed_at")
    until = None if record.until is None else _moment(record.until, "until")
    if until is not None and until <= changed_at:
        raise _Unusable("until")
    return RiskChange(
        id=_id(record.id),
        hes_code=_code(record.hes_code),
        risky=_risky(record.status),
        changed_at=changed_at,
        until=until,
    )


def _id(value: Any) -> str:
    # To Python, true and false are integers; and it writes out none of thousands of digits.
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**LONGEST_ID:
        return str(value)
    if isinstance(value, str) and value.strip() and len(value) <= LONGEST_ID:
        return value
    raise _Unusable("id")


def _code(value: Any) -> str:
    if not isinstance(value, str):
        raise _Unusable("hes_code")
    # Most come as they are stored; the parser, made for people, takes ten times as long.
    if _STORED.fullmatch(value):
        return value
    try:
        return str(hes_code(value, _ANY_DAY))
    except (Invalid, Doubt):
        raise _Unusable("hes_code") from None


def _risky(value: Any) -> bool:
    risky = _STATUSES.get(value.strip().upper()) if isinstance(value, str) else None
    if risky is None:
        raise _Unusable("status")
    return risky


def _moment(value: Any, name: str) -> datetime:
    found = moment(value) if isinstance(value, str) else None
    if found is None:
        raise _Unusable(name)
    return found


# --- many lines -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no record, and why: see ``read_change`` and ``packed_lines.Line``."""

    number: int
    why: str
    text: bytes


class Intake:
    """Takes the records of one feed, a batch in a transaction, and counts.

    ``lines`` are those that were not empty, ``good`` those that are records, ``outcome`` what came
    of what is taken so far.
    """

    def __init__(
        self, take: Take, now: datetime, batch: int, bad: Callable[[BadLine], None]
    ) -> None:
        self._take = take
        self._now = now
        self._batch = batch
        self._bad = bad
        self._waiting: list[RiskChange] = []
        self.lines = 0
        self.good = 0
        self.outcome = RiskOutcome()

    async def read(self, lots: Iterable[Sequence[Line]]) -> None:
        """Read the lines; take what is a full batch. Others have a turn after every lot."""
        for lot in lots:
            for line in lot:
                self._sort(line)
                if len(self._waiting) >= self._batch:
                    await self.finish()
                if self.lines % _LINES_AT_ONCE == 0:
                    await asyncio.sleep(0)
            await asyncio.sleep(0)

    async def finish(self) -> None:
        """Take what is left."""
        if self._waiting:
            self.outcome += await self._take(self._waiting)
            self._waiting = []

    def _sort(self, line: Line) -> None:
        self.lines += 1
        read = line.why or read_change(line.text, self._now)
        if isinstance(read, str):
            self._bad(BadLine(line.number, read, line.text))
        else:
            self.good += 1
            self._waiting.append(read)


def taking(database: Database, registry: Registry, clock: Clock) -> Take:
    """Take batches into the records."""

    async def take(changes: Sequence[RiskChange]) -> RiskOutcome:
        async with database.begin() as connection:
            return await registry.risks.take(connection, changes, clock())

    return take
