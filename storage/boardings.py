"""Attempts to travel: how a card stands at the gate, which attempts are kept, and their reports.

Every attempt that is kept goes into exactly one report. Knows no HTTP and no file.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    ScalarSelect,
    Select,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.actions import Status
from storage import tables
from storage.cards import Cards
from storage.changes import Standing
from storage.people import People, Profile
from storage.prepared import Prepared, one
from storage.statements import among_keys, lock, upsert
from storage.vault import Vault, row

CHUNK = 500
"""Rows marked in one statement; SQLite takes 32,766 parameters at most."""

_REPORTING = b"reports\0"
"""The lock under which reports are numbered."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Somebody held a card to a validator."""

    card_number: str
    validator_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Passage:
    """How a card stands; ``card`` is its row, None for one that nobody knows."""

    card: int | None
    standing: Standing

    @property
    def allowed(self) -> bool:
        """Whether it opens the gate."""
        return self.standing.status in (Status.ACTIVE, Status.UNPAIRED)

    @property
    def recorded(self) -> bool:
        """Whether the attempt is kept for the authorities."""
        return self.standing.status is Status.SUSPENDED


@dataclass(frozen=True, slots=True)
class Reported:
    """An attempt in full, as the authorities get it. ``holder`` is whose card it was then.

    ``late``: a report of that time had been made before the attempt became known.
    """

    card_number: str
    holder: Profile
    validator_id: str
    at: datetime
    received_at: datetime
    late: bool


@dataclass(frozen=True, slots=True)
class Draft:
    """What the next report will hold, before it is made; ``rows`` are the attempts' own.

    ``left`` are kept attempts of other times that no report has had yet.
    """

    number: int
    rows: tuple[int, ...]
    attempts: tuple[Reported, ...]
    left: int


@dataclass(frozen=True, slots=True)
class Summary:
    """A report that was made: of the attempts from ``first`` on, before ``last``."""

    number: int
    first: datetime
    last: datetime
    made_at: datetime
    attempts: int
    sha256: str


class Boardings:
    """Answers for the gate, keeps attempts on suspended cards, and remembers reports of them."""

    def __init__(self, vault: Vault, cards: Cards) -> None:
        self._vault = vault
        self._cards = cards
        self._people = People(vault)

    async def look(
        self, conn: AsyncConnection, numbers: Collection[str], now: datetime
    ) -> dict[str, Passage]:
        """How these cards stand at that moment. One indexed read, however many."""
        keys = {self._cards.number_key(number): number for number in numbers}
        found = await one(conn, _LOOK(keys=list(keys)))
        passages = {
            keys[each.number_key]: Passage(each.id, self._cards.standing(each, now))
            for each in found
        }
        unknown = Passage(None, self._cards.standing(None, now))
        return {number: passages.get(number, unknown) for number in numbers}

    async def keep(
        self, conn: AsyncConnection, attempts: Mapping[Attempt, int], now: datetime
    ) -> None:
        """Keep attempts, each with its card's row; one that is kept already is not kept twice."""
        rows = [
            {
                "key": self._vault.index("boarding", _spelt(attempt)),
                "card_id": card,
                "validator_id": attempt.validator_id,
                "at": attempt.at,
                "received_at": now,
            }
            # Each locks its card, and cards are locked in this order everywhere.
            for attempt, card in sorted(attempts.items(), key=_by_card)
        ]
        inserting = upsert(conn, tables.boardings).on_conflict_do_nothing(index_elements=["key"])
        await conn.execute(inserting, rows)

    async def draft(self, conn: AsyncConnection, first: datetime, last: datetime) -> Draft:
        """What a report of that time would hold: its attempts that are in no report, and those of
        any time that came after its report."""
        number = await _newest(conn) + 1
        found = (await conn.execute(_UNREPORTED, {"first": first, "last": last})).all()
        column = tables.boardings.c.report_id
        counted = select(func.count()).select_from(tables.boardings).where(column.is_(None))
        return Draft(
            number,
            tuple(each.id for each in found),
            tuple(self._reported(each) for each in found),
            max(0, (await conn.execute(counted)).scalar_one() - len(found)),
        )

    async def file(
        self, conn: AsyncConnection, draft: Draft, summary: Summary, content: bytes
    ) -> bool:
        """Make the report: its content (sealed) and its attempts are bound to it.

        False if another report was made since the draft; then nothing is changed.
        """
        await lock(conn, [_REPORTING])
        if await _newest(conn) + 1 != draft.number:
            return False
        await conn.execute(tables.reports.insert(), self._report_row(summary, content))
        column = tables.boardings.c
        for start in range(0, len(draft.rows), CHUNK):
            some = column.id.in_(draft.rows[start : start + CHUNK])
            await conn.execute(
                update(tables.boardings).where(some).values(report_id=summary.number)
            )
        return True

    async def report(self, conn: AsyncConnection, number: int) -> tuple[Summary, bytes] | None:
        """An earlier report and its content; None if there is none of that number."""
        wanted = select(tables.reports).where(tables.reports.c.id == number)
        found = (await conn.execute(wanted)).one_or_none()
        if found is None:
            return None
        sealed = self._vault.open(found.content, _place(found.sha256))
        return _summary(found), zlib.decompress(sealed)

    async def reports(self, conn: AsyncConnection) -> list[Summary]:
        """All reports that were made, oldest first."""
        found = await conn.execute(select(*_SUMMED).order_by(tables.reports.c.id))
        return [_summary(each) for each in found]

    def _reported(self, found: Row[Any]) -> Reported:
        number = self._vault.open(found.number, row("cards", found.number_key)).decode()
        return Reported(
            card_number=number,
            holder={}
            if found.profile is None
            else self._people.profile(found.profile, found.identity_key),
            validator_id=found.validator_id,
            at=found.at,
            received_at=found.received_at,
            late=bool(found.late),
        )

    def _report_row(self, summary: Summary, content: bytes) -> dict[str, object]:
        return {
            "id": summary.number,
            "from_at": summary.first,
            "to_at": summary.last,
            "made_at": summary.made_at,
            "attempts": summary.attempts,
            "sha256": summary.sha256,
            "content": self._vault.seal(zlib.compress(content), _place(summary.sha256)),
        }


def _by_card(kept: tuple[Attempt, int]) -> tuple[int, str]:
    attempt, card = kept
    return card, _spelt(attempt)


def _spelt(attempt: Attempt) -> str:
    at = attempt.at.astimezone(UTC).isoformat()
    return "\0".join((attempt.card_number, attempt.validator_id, at))


def _place(sha256: str) -> bytes:
    return row("reports", bytes.fromhex(sha256))


def _summary(found: Row[Any]) -> Summary:
    return Summary(
        found.id, found.from_at, found.to_at, found.made_at, found.attempts, found.sha256
    )


async def _newest(conn: AsyncConnection) -> int:
    """The number of the last report. Numbers have no gaps: the authorities would ask."""
    return int((await conn.execute(_NEWEST)).scalar_one())


_card, _link, _citizen = tables.cards.c, tables.links.c, tables.citizens.c
_boarding, _report = tables.boardings.c, tables.reports.c

_NEWEST = select(func.coalesce(func.max(_report.id), 0))
_SUMMED = tuple(column for column in tables.reports.c if column.name != "content")


def _standings(which: Any) -> Select[Any]:
    return (
        select(
            _card.id,
            _card.number_key,
            _card.suspended_at,
            _card.suspended_until,
            _link.verdict,
            _link.valid_until,
        )
        .outerjoin_from(
            tables.cards, tables.links, and_(_link.card_id == _card.id, _link.ended_at.is_(None))
        )
        .where(which)
    )


_LOOK = Prepared(among_keys(_standings, _card.number_key))


def _last_holder(*which: ColumnElement[bool]) -> ScalarSelect[int]:
    """Whose the attempt's card is by the last of its links that ``which`` picks."""
    return (
        select(_link.citizen_id)
        .where(_link.card_id == _boarding.card_id, *which)
        .order_by(_link.id.desc())
        .limit(1)
        .correlate(tables.boardings)
        .scalar_subquery()
    )


def _unreported() -> Select[Any]:
    first = bindparam("first", type_=_boarding.at.type)
    last = bindparam("last", type_=_boarding.at.type)
    late = exists().where(_report.from_at <= _boarding.at, _boarding.at < _report.to_at)
    begun = _link.linked_at <= _boarding.received_at
    held = or_(_link.ended_at.is_(None), _link.ended_at > _boarding.received_at)
    # A card may have had no link for a while: it was still its last holder's. And clocks of two
    # machines differ: a card may be suspended a moment before it was paired.
    holder = func.coalesce(_last_holder(begun, held), _last_holder(begun), _last_holder())
    wanted = or_(and_(_boarding.at >= first, _boarding.at < last), late)
    found = (
        select(tables.boardings, late.label("late"), holder.label("holder_id"))
        .where(_boarding.report_id.is_(None), wanted)
        .subquery()
    )
    return (
        select(found, _card.number_key, _card.number, _citizen.identity_key, _citizen.profile)
        .join_from(found, tables.cards, _card.id == found.c.card_id)
        .outerjoin(tables.citizens, _citizen.id == found.c.holder_id)
        .order_by(found.c.at, found.c.id)
    )


_UNREPORTED = _unreported()
