"""What the Ministry says of HES codes, whether or not somebody paired them.

The newest word on a code holds, in whatever order the words arrive. Knows no file, no HTTP and
nobody who is told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import and_, delete, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import gate, tables
from storage.cards import Cards
from storage.statements import INSERTS, add_many, among_keys, among_numbers
from storage.suspensions import CHUNK, Suspensions
from storage.vault import Vault, row


@dataclass(frozen=True, slots=True)
class RiskChange:
    """One record of the feed: from ``changed_at`` on the code is risky, or no longer.

    ``until``: when the word loses its force by itself.
    """

    id: str
    hes_code: str
    risky: bool
    changed_at: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class RiskOutcome:
    """What a batch of records came to.

    ``repeated`` were known by their id, ``older`` came after a newer word on the same code,
    ``unknown`` are about codes that nobody has paired. ``cards`` changed their status.
    """

    taken: int = 0
    repeated: int = 0
    older: int = 0
    unknown: int = 0
    cards: int = 0

    def __add__(self, other: RiskOutcome) -> RiskOutcome:
        return RiskOutcome(
            self.taken + other.taken,
            self.repeated + other.repeated,
            self.older + other.older,
            self.unknown + other.unknown,
            self.cards + other.cards,
        )


class Risks:
    """Takes the records of the feed and lets suspensions follow."""

    def __init__(self, vault: Vault, cards: Cards, suspensions: Suspensions) -> None:
        self._vault = vault
        self._cards = cards
        self._suspensions = suspensions

    async def take(
        self, conn: AsyncConnection, changes: Sequence[RiskChange], now: datetime
    ) -> RiskOutcome:
        """Take a batch inside the caller's transaction. Records that are known change nothing.

        To be called before anything is locked: it closes the gate, so that no card that is paired
        meanwhile slips through.
        """
        await gate.close(conn)
        fresh = await self._first_seen(conn, changes, now)
        newest, older = _newest(fresh)
        keys = {self._cards.code_key(code): change for code, change in newest.items()}
        held = await _known(conn, keys)
        winners = {
            key: change
            for key, change in keys.items()
            if key not in held or _rank(change) > _rank_of(held[key])
        }
        await self._keep(conn, winners, now)
        words = {key: (change.risky, change.until) for key, change in winners.items()}
        cards = await self._suspensions.apply(conn, words, now)
        return RiskOutcome(
            taken=len(winners),
            repeated=len(changes) - len(fresh),
            older=older + len(keys) - len(winners),
            unknown=len(winners) - await _paired(conn, winners),
            cards=cards,
        )

    async def told_by_service(
        self, conn: AsyncConnection, links: Collection[int], risky: bool, now: datetime
    ) -> None:
        """The HES service said so of the codes of these links. The cards are not settled.

        The service tells no end of a risk, so its word counts only where it says something else
        than what is known.
        """
        found = await conn.execute(_CODES_OF[conn.dialect.name], {"numbers": list(links)})
        codes = {each.hes_key: each.hes_code for each in found}
        held = await _known(conn, codes)
        news = {
            key: RiskChange("", self._opened(sealed, key), risky, now)
            for key, sealed in codes.items()
            if _is_live(held.get(key), now) != risky
        }
        await self._keep(conn, news, now)
        await self._suspensions.follow(conn, news, now)

    async def forget(self, conn: AsyncConnection, before: datetime, limit: int) -> int:
        """Delete what no longer matters: record ids, and words that hold nobody back, kept before
        that moment. At most so many rows; how many."""
        over = and_(_risk.updated_at < before, or_(~_risk.risky, _risk.until < before))
        old = select(_risk.hes_key).where(over).limit(limit)
        # Asked of the row itself once more: a new word may have come between finding and deleting.
        gone = await conn.execute(delete(tables.risks).where(_risk.hes_key.in_(old), over))
        rest = limit - gone.rowcount
        old = select(_change.id_key).where(_change.received_at < before).limit(rest)
        ids = await conn.execute(delete(tables.risk_changes).where(_change.id_key.in_(old)))
        return gone.rowcount + ids.rowcount

    async def _first_seen(
        self, conn: AsyncConnection, changes: Sequence[RiskChange], now: datetime
    ) -> list[RiskChange]:
        """The records whose id is new; the ids are remembered."""
        by_id = {self._vault.index("risk", change.id): change for change in reversed(changes)}
        rows = await _all(conn, _SEEN, by_id)
        seen = {each.id_key for each in rows}
        fresh = {key: change for key, change in by_id.items() if key not in seen}
        rows = [{"id_key": key, "received_at": now} for key in sorted(fresh)]
        await add_many(conn, _REMEMBER[conn.dialect.name], rows)
        return list(fresh.values())

    async def _keep(
        self, conn: AsyncConnection, changes: Mapping[bytes, RiskChange], now: datetime
    ) -> None:
        rows = [self._row(key, change, now) for key, change in sorted(changes.items(), key=_KEY)]
        await add_many(conn, _KEEP[conn.dialect.name], rows)

    def _row(self, key: bytes, change: RiskChange, now: datetime) -> dict[str, object]:
        return {
            "hes_key": key,
            "hes_code": self._sealed(change.hes_code, key) if change.risky else None,
            "risky": change.risky,
            "changed_at": change.changed_at,
            "until": change.until if change.risky else None,
            "updated_at": now,
        }

    def _sealed(self, hes_code: str, key: bytes) -> bytes:
        return self._vault.seal(hes_code.encode(), row("risks", key))

    def _opened(self, sealed: bytes, key: bytes) -> str:
        return self._vault.open(sealed, row("links", key)).decode()


def _newest(changes: Iterable[RiskChange]) -> tuple[dict[str, RiskChange], int]:
    """The last word on each code, and how many words were older."""
    newest: dict[str, RiskChange] = {}
    count: Counter[str] = Counter()
    for change in changes:
        count[change.hes_code] += 1
        known = newest.get(change.hes_code)
        if known is None or _rank(change) > _rank(known):
            newest[change.hes_code] = change
    return newest, sum(count.values()) - len(count)


_ENDLESS = float("inf")


def _rank(change: RiskChange) -> tuple[datetime, bool, float]:
    """Which word wins: the later; of two at the same moment the one that protects longer."""
    until = _ENDLESS if change.until is None else change.until.timestamp()
    return change.changed_at, change.risky, until


def _rank_of(held: Any) -> tuple[datetime, bool, float]:
    until = _ENDLESS if held.until is None else held.until.timestamp()
    return held.changed_at, held.risky, until


def _is_live(held: Any, now: datetime) -> bool:
    return held is not None and held.risky and (held.until is None or held.until > now)


async def _known(conn: AsyncConnection, keys: Collection[bytes]) -> dict[bytes, Any]:
    return {each.hes_key: each for each in await _all(conn, _KNOWN, keys)}


async def _paired(conn: AsyncConnection, keys: Collection[bytes]) -> int:
    """How many of the codes are on a card."""
    return len({each.hes_key for each in await _all(conn, _PAIRED, keys)})


async def _all(
    conn: AsyncConnection, statement: Mapping[str, Any], keys: Collection[bytes]
) -> list[Any]:
    """What the statement finds for all these keys, asked in parts."""
    found: list[Any] = []
    wanted = list(keys)
    for start in range(0, len(wanted), CHUNK):
        some = {"keys": wanted[start : start + CHUNK]}
        found += await conn.execute(statement[conn.dialect.name], some)
    return found


_KEY = itemgetter(0)


def _keeping(dialect: str) -> Any:
    inserting = INSERTS[dialect](tables.risks)
    names = ("hes_code", "risky", "changed_at", "until", "updated_at")
    written = {name: getattr(inserting.excluded, name) for name in names}
    return inserting.on_conflict_do_update(index_elements=["hes_key"], set_=written)


_KEEP = {dialect: _keeping(dialect) for dialect in INSERTS}
_REMEMBER = {
    dialect: insert(tables.risk_changes).on_conflict_do_nothing()
    for dialect, insert in INSERTS.items()
}
_risk, _change, _link = tables.risks.c, tables.risk_changes.c, tables.links.c
_SEEN = among_keys(lambda which: select(_change.id_key).where(which), _change.id_key)
_KNOWN = among_keys(
    lambda which: select(_risk.hes_key, _risk.risky, _risk.changed_at, _risk.until).where(which),
    _risk.hes_key,
)
_PAIRED = among_keys(
    lambda which: select(_link.hes_key).where(which, _link.ended_at.is_(None)), _link.hes_key
)
_CODES_OF = among_numbers(
    lambda which: select(_link.hes_key, _link.hes_code).where(which), _link.id
)
