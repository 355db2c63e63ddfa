"""What the staff did and looked at: a chain of rows that nobody changes unnoticed.

Each row holds the hash of the one before, and its own hash is keyed: whoever has the database alone
can neither change a row nor make one. The chain cannot know of rows cut off its end, so whoever
watches it notes its head now and then, and asks later whether that is still a part of it. This
module knows no act's meaning.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import tables
from storage.statements import lock
from storage.vault import Tampered, UnknownKey, Unreadable, Vault, row

HASH_BYTES = 32
NO_HASH = bytes(HASH_BYTES)
"""What the first row has before it."""

PAGE = 1000
"""Rows that are looked at together."""

_LOWEST = -(2**63)

_row = tables.audit.c
_LAST = select(_row.id, _row.hash).order_by(_row.id.desc()).limit(1)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One row as it is read; ``detail`` is None if it does not open, which ``verify`` explains."""

    id: int
    at: datetime
    who: str
    act: str
    subject: str
    detail: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Head:
    """How long a chain is and the hash of its last row; as text ``N:HASH`` in hexadecimal."""

    rows: int = 0
    hash: bytes = NO_HASH

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what ``str`` gives; raise ValueError for anything else."""
        rows, mark, digits = text.strip().partition(":")
        if not mark or not (rows.isascii() and rows.isdecimal()):
            raise ValueError("not a number of rows and a hash")
        head = cls(int(rows), bytes.fromhex(digits))
        if len(head.hash) != HASH_BYTES:
            raise ValueError("not a whole hash")
        return head

    def __str__(self) -> str:
        return f"{self.rows}:{self.hash.hex()}"


class Flaw(StrEnum):
    """What is wrong with a row. ``MISSING``: it is not there. ``LOOSE``: it does not follow the row
    before it. ``CHANGED``: it is not as it was written. ``SEALED``: its key is not in the ring.
    ``NOTED``: it is not the one that was noted."""

    MISSING = "missing"
    LOOSE = "loose"
    CHANGED = "changed"
    SEALED = "sealed"
    NOTED = "noted"


@dataclass(frozen=True, slots=True)
class Break:
    """The first row that shows that somebody was at the chain."""

    id: int
    flaw: Flaw


@dataclass(frozen=True, slots=True)
class Chain:
    """What was found; ``head`` is as far as the chain holds."""

    head: Head
    broken: Break | None = None


class Audit:
    """Writes the chain, reads it and tells whether it holds."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._turn = vault.index("audit", "turn")

    async def add(
        self,
        conn: AsyncConnection,
        who: str,
        act: str,
        subject: str,
        now: datetime,
        **detail: Any,
    ) -> None:
        """Append a row. It stands if the caller's transaction does; ``detail`` is sealed JSON.

        Writers queue from here to the end of their transactions, so this is best done last.
        """
        await lock(conn, [self._turn])
        last = (await conn.execute(_LAST)).first()
        number, before = (last.id + 1, last.hash) if last else (1, NO_HASH)
        plain = json.dumps(detail).encode()
        content = _content(number, now, (who, act, subject), plain, before)
        values = {
            "id": number,
            "at": now,
            "who": who,
            "act": act,
            "subject": subject,
            "detail": self._vault.seal(plain, _place(number)),
            "before": before,
            "hash": self._vault.mac("audit", content),
        }
        await conn.execute(insert(tables.audit).values(values))

    async def entries(
        self,
        conn: AsyncConnection,
        *,
        before: int | None = None,
        limit: int = 50,
        subject: str | None = None,
        who: str | None = None,
    ) -> list[AuditEntry]:
        """The newest rows first; ``before`` is the id where the last page ended."""
        wanted = select(tables.audit).order_by(_row.id.desc()).limit(limit)
        if before is not None:
            wanted = wanted.where(_row.id < before)
        if subject is not None:
            wanted = wanted.where(_row.subject == subject)
        if who is not None:
            wanted = wanted.where(_row.who == who)
        return [self._entry(each) for each in await conn.execute(wanted)]

    async def verify(self, conn: AsyncConnection, noted: Head | None = None) -> Chain:
        """Follow the chain from its first row, a page at a time, as far as it holds; ``noted`` is a
        head of former times, which still has to be part of it."""
        head = Head()
        while rows := await _page(conn, head):
            for each in rows:
                broken = self._broken(each, head, noted)
                if each is None or broken:
                    return Chain(head, broken)
                head = Head(each.id, each.hash)
        if noted and noted.rows > head.rows:
            return Chain(head, Break(head.rows + 1, Flaw.MISSING))
        return Chain(head)

    def _broken(self, found: Row[Any] | None, head: Head, noted: Head | None) -> Break | None:
        """What is wrong with the row that follows ``head``."""
        expected = head.rows + 1
        if found is None:
            return Break(expected, Flaw.CHANGED)
        if found.id > expected:
            return Break(expected, Flaw.MISSING)
        if found.id < expected or found.before != head.hash:
            return Break(found.id, Flaw.LOOSE)
        try:
            plain = self._vault.open(found.detail, _place(found.id))
        except UnknownKey:
            return Break(found.id, Flaw.SEALED)
        except Tampered:
            return Break(found.id, Flaw.CHANGED)
        words = (found.who, found.act, found.subject)
        content = _content(found.id, found.at, words, plain, found.before)
        if not hmac.compare_digest(self._vault.mac("audit", content), found.hash):
            return Break(found.id, Flaw.CHANGED)
        if noted and noted.rows == found.id and noted.hash != found.hash:
            return Break(found.id, Flaw.NOTED)
        return None

    def _entry(self, found: Row[Any]) -> AuditEntry:
        try:
            detail = json.loads(self._vault.open(found.detail, _place(found.id)))
        except Unreadable:
            detail = None
        return AuditEntry(found.id, found.at, found.who, found.act, found.subject, detail)


async def _page(conn: AsyncConnection, head: Head, limit: int = PAGE) -> Sequence[Row[Any] | None]:
    """The rows that follow; None stands for one that is not even of its columns' types."""
    wanted = select(tables.audit).where(_row.id >= (head.rows + 1 if head.rows else _LOWEST))
    # SQLite takes anything in any column.
    try:
        found = (await conn.execute(wanted.order_by(_row.id).limit(limit))).all()
    except (TypeError, ValueError):
        # One by one, the row is found that cannot be read.
        return [None] if limit == 1 else await _page(conn, head, 1)
    return [each if _is_whole(each) else None for each in found]


def _is_whole(found: Row[Any]) -> bool:
    words = (found.who, found.act, found.subject)
    sealed = (found.detail, found.before, found.hash)
    return all(isinstance(each, str) for each in words) and all(
        isinstance(each, bytes) for each in sealed
    )


def _place(number: int) -> bytes:
    return row("audit", str(number).encode())


def _content(
    number: int, at: datetime, words: Sequence[str], detail: bytes, before: bytes
) -> bytes:
    """What a row's hash is made of. The detail is taken as it was before it was sealed, so that
    the chain still holds when the sealing keys have changed."""
    moment = at.astimezone(UTC).isoformat(timespec="microseconds")
    return json.dumps([number, moment, *words, detail.decode(), before.hex()]).encode()
