"""Cards taken in by the thousand, and cards that changed handed out page by page.

How far a file was taken in is written with its cards, in one transaction, so that a process that
died goes on from there. Knows neither files nor the forms in which cards are listed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain

from sqlalchemy import select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.actions import Status
from storage import tables
from storage.cards import Cards
from storage.changes import Standing
from storage.statements import upsert
from storage.vault import Vault, row

Listed = tuple[bytes, bytes, bool | None]
"""A card to take in: its number's blind index, its number sealed, and whether it is personalised;
None if that is not known."""


class Overtaken(Exception):
    """Somebody else has taken in a part of the same file meanwhile. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a file was taken in, in cards, and what they came to.

    ``known`` cards were there and stay as they are. ``line`` and ``bad``, how many lines it has and
    how many of them could not be understood, are told in the end.
    """

    position: int = 0
    line: int = 0
    added: int = 0
    changed: int = 0
    known: int = 0
    bad: int = 0
    finished: bool = False


@dataclass(frozen=True, slots=True)
class ChangedCard:
    """A card's number, in full, and what it has been since when."""

    id: int
    number: str = field(repr=False)
    status: Status
    cause: str
    changed_at: datetime


def seal_all(
    cards: Cards, numbers: Sequence[str], personalised: Sequence[bool | None]
) -> list[Listed]:
    """Seal cards to be taken in."""
    keys = list(map(cards.number_key, numbers))
    return list(zip(keys, map(cards.seal_number, numbers, keys), personalised, strict=True))


class CardFiles:
    """Takes in lists of cards, and tells which cards changed."""

    def __init__(self, vault: Vault, cards: Cards) -> None:
        self._vault = vault
        self._cards = cards

    def fingerprint(self, sha256: str) -> str:
        """What a file is remembered by. Keyed: the plain hash of a short list gives it away."""
        return self._vault.index("imports", sha256).hex()

    async def begin(self, conn: AsyncConnection, fingerprint: str, now: datetime) -> Progress:
        """How far the file was taken in; remembered from now on."""
        counts = dict.fromkeys(_COUNTS, 0)
        await conn.execute(
            upsert(conn, tables.imports)
            .values(fingerprint=fingerprint, updated_at=now, **counts)
            .on_conflict_do_nothing()
        )
        wanted = select(tables.imports).where(tables.imports.c.fingerprint == fingerprint)
        found = (await conn.execute(wanted)).one()
        so_far = {name: getattr(found, name) for name in _COUNTS}
        return Progress(**so_far, finished=found.finished_at is not None)

    async def take(
        self,
        conn: AsyncConnection,
        fingerprint: str,
        before: Progress,
        cards: Sequence[Listed],
        now: datetime,
    ) -> Progress:
        """Take in the cards that follow ``before``; raise Overtaken if somebody else did.

        The cards of a file come in the order of their keys, however the file lists them, so that a
        place in it means the same next time.

        A card that is known keeps all that is known of it; only whether it is personalised is
        brought up to the list, where the list says it. New cards have no history.
        """
        added = changed = 0
        standing = self._cards.newcomer(now)
        for some in _rounds(self._renewed(cards)):
            new = await _ADD[conn.dialect.name](conn, some, standing, now)
            told = [card for card in some if card[2] is not None]
            if told and new < len(some):
                changed += await _TELL[conn.dialect.name](conn, told)
            added += new
        after = Progress(
            position=before.position + len(cards),
            added=before.added + added,
            changed=before.changed + changed,
            known=before.known + len(cards) - added - changed,
        )
        await _advance(conn, fingerprint, before, after, now)
        return after

    def _renewed(self, cards: Sequence[Listed]) -> Sequence[Listed]:
        """The same, sealed anew if another key has taken over since they were sealed."""
        if all(self._vault.is_current(number) for _, number, _ in cards):
            return cards
        renew = self._vault.renewed
        return [(key, renew(number, row("cards", key)), told) for key, number, told in cards]

    async def finish(
        self,
        conn: AsyncConnection,
        fingerprint: str,
        before: Progress,
        lines: int,
        bad: int,
        now: datetime,
    ) -> Progress:
        """The whole file was taken in; it is never taken in again."""
        after = replace(before, line=lines, bad=bad, finished=True)
        await _advance(conn, fingerprint, before, after, now)
        return after

    async def changed(
        self, conn: AsyncConnection, after: tuple[datetime, int], limit: int
    ) -> list[ChangedCard]:
        """Cards whose status changed after that moment and number, by moment and number.

        Statuses are those on record: settle first what time has changed.
        """
        card = tables.cards.c
        wanted = (
            select(card.id, card.number_key, card.number, card.status, card.cause, card.changed_at)
            .where(tuple_(card.changed_at, card.id) > after)
            .order_by(card.changed_at, card.id)
            .limit(limit)
        )
        return [
            ChangedCard(
                id=each.id,
                number=self._vault.open(each.number, row("cards", each.number_key)).decode(),
                status=Status(each.status),
                cause=each.cause,
                changed_at=each.changed_at,
            )
            for each in await conn.execute(wanted)
        ]


_COUNTS = ("position", "line", "added", "changed", "known", "bad")


async def _advance(
    conn: AsyncConnection, fingerprint: str, before: Progress, after: Progress, now: datetime
) -> None:
    column = tables.imports.c
    moved = await conn.execute(
        update(tables.imports)
        .where(
            column.fingerprint == fingerprint,
            column.position == before.position,
            column.finished_at.is_(None),
        )
        .values(
            **{name: getattr(after, name) for name in _COUNTS},
            updated_at=now,
            finished_at=now if after.finished else None,
        )
    )
    if moved.rowcount != 1:
        raise Overtaken


def _rounds(cards: Sequence[Listed]) -> Iterator[Sequence[Listed]]:
    """The cards in parts in which none comes twice, in order; what only repeats itself is left out.

    Without repetitions, as nearly always, there is one part.
    """
    if len({key for key, _, _ in cards}) == len(cards):
        return iter([cards] if cards else [])
    rounds: list[list[Listed]] = []
    seen: dict[bytes, tuple[int, bool | None]] = {}
    for card in cards:
        key, _, personalised = card
        place, last = seen.get(key, (-1, None))
        if place >= 0 and personalised in (None, last):
            continue
        seen[key] = (place + 1, personalised)
        if place + 1 == len(rounds):
            rounds.append([])
        rounds[place + 1].append(card)
    return iter(rounds)


# --- the two databases ----------------------------------------------------------------------
# The drivers get the rows as they are: for millions of them SQLAlchemy's own way costs several
# times the insert itself.


async def _add_sqlite(
    conn: AsyncConnection, cards: Sequence[Listed], standing: Standing, now: datetime
) -> int:
    same = (str(standing.status), standing.cause, _as_sqlite_keeps(conn, now))
    even = len(cards) - len(cards) % _GROUP
    added = 0
    for size, some in ((_GROUP, cards[:even]), (1, cards[even:])):
        groups = (some[first : first + size] for first in range(0, len(some), size))
        if rows := [(*same, *chain.from_iterable(group)) for group in groups]:
            added += (await conn.exec_driver_sql(_ADD_SQLITE[size], rows)).rowcount
    return added


async def _tell_sqlite(conn: AsyncConnection, cards: Sequence[Listed]) -> int:
    rows = [(personalised, key, personalised) for key, _, personalised in cards]
    return (await conn.exec_driver_sql(_TELL_SQLITE, rows)).rowcount


def _as_sqlite_keeps(conn: AsyncConnection, now: datetime) -> object:
    kind = tables.cards.c.changed_at.type.dialect_impl(conn.dialect)
    process = kind.bind_processor(conn.dialect)
    return now if process is None else process(now)


async def _add_postgresql(
    conn: AsyncConnection, cards: Sequence[Listed], standing: Standing, now: datetime
) -> int:
    columns = (*map(list, zip(*cards, strict=True)), str(standing.status), standing.cause, now)
    return (await conn.exec_driver_sql(_ADD_POSTGRESQL, columns)).rowcount


async def _tell_postgresql(conn: AsyncConnection, cards: Sequence[Listed]) -> int:
    keys, _, personalised = map(list, zip(*cards, strict=True))
    return (await conn.exec_driver_sql(_TELL_POSTGRESQL, (keys, personalised))).rowcount


def _add_to_sqlite(count: int) -> str:
    """The statement that adds so many cards: what all of them share first, then each card's own."""
    own = range(4, 4 + 3 * count, 3)
    values = ",".join(f"(?{first}, ?{first + 1}, ?{first + 2}, ?1, ?2, ?3, ?3)" for first in own)
    # Nothing but the numbers of the parameters is put in.
    return f"""
INSERT INTO cards (number_key, number, personalised, status, cause, changed_at, created_at)
VALUES {values} ON CONFLICT (number_key) DO NOTHING
"""  # noqa: S608


_GROUP = 100
"""Cards in one statement of SQLite's: half the time of a statement for each."""
_ADD_SQLITE = {count: _add_to_sqlite(count) for count in (_GROUP, 1)}
_TELL_SQLITE = """
UPDATE cards SET personalised = ? WHERE number_key = ? AND personalised IS NOT ?
"""
# A row that meets a conflict uses up a row number in PostgreSQL; there are two milliards of them.
_ADD_POSTGRESQL = """
INSERT INTO cards (number_key, number, personalised, status, cause, changed_at, created_at)
SELECT new.number_key, new.number, new.personalised, $4::text, $5::text, $6::timestamptz, $6
FROM unnest($1::bytea[], $2::bytea[], $3::boolean[]) AS new (number_key, number, personalised)
WHERE NOT EXISTS (SELECT 1 FROM cards AS old WHERE old.number_key = new.number_key)
ON CONFLICT (number_key) DO NOTHING
"""
_TELL_POSTGRESQL = """
UPDATE cards SET personalised = new.personalised
FROM unnest($1::bytea[], $2::boolean[]) AS new (number_key, personalised)
WHERE cards.number_key = new.number_key
AND cards.personalised IS DISTINCT FROM new.personalised
"""
_ADD = {"sqlite": _add_sqlite, "postgresql": _add_postgresql}
_TELL = {"sqlite": _tell_sqlite, "postgresql": _tell_postgresql}
