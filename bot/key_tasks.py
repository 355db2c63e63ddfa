"""What ``hesbot keys`` does: a part of the composition root, as ``tasks`` is.

Where we can write the ring, one command leads through all of ``storage.rotation``; where an
operator has to put it there, each step is a command. Only the command imports this.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.clock import clock
from bot.keys import KeyFile, KeySource, key_source
from bot.records import Records, open_records
from bot.settings import Settings
from bot.staff.acting import Declined, named
from conversations.broadcasts import Role
from storage import Connection, KeyRing, private_files
from storage.key_notes import note, noted, strike
from storage.rotation import SETTLED, Sweep, sweep

KEEPERS = frozenset({Role.OPERATOR})
"""Who of the staff may change the keys."""

Tell = Callable[[str], None]
"""Is told a line about what goes on."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Order:
    """How a rotation is to be done: ``by`` whom, how many seconds after the new key's note nobody
    can hold anything sealed with the old one, and how many values that do not open may be lost."""

    by: str | None = None
    settled: float = SETTLED
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Resealed:
    """What was done: the key in force now, how many values there are, how many of them were sealed
    anew, and the keys that were retired."""

    key: int
    values: int
    resealed: int
    retired: tuple[int, ...] = ()


def make_keys(settings: Settings) -> Path:
    """Make a ring where the settings want its file; raise Declined, if there is one or none is
    wanted."""
    source = key_source(settings)
    if not isinstance(source, KeyFile):
        raise Declined("the keys do not come from a file here: print a ring with --print")
    with _writing(source.path):
        made = private_files.publish(source.path, KeyRing.new().text())
    if not made:
        raise Declined(f"{source.path} is there already, and stays as it is")
    return source.path


def is_elsewhere(settings: Settings) -> bool:
    """Whether the ring is where we cannot write it."""
    return not isinstance(key_source(settings), KeyFile)


async def rotate(settings: Settings, order: Order, tell: Tell, progress: Progress) -> Resealed:
    """Let a new key follow the old one everywhere, and retire that; or go on with it."""
    source = key_source(settings)
    if not isinstance(source, KeyFile):
        raise Declined("the ring has to be put in its place by you: begin with --print")
    if not source.path.exists():
        raise source.lost
    with _in_hand(source.path):
        async with _rotating(settings, order) as act:
            ring = source.read()
            if await act.is_settled(ring):
                ring = ring.with_another()
                _put(source.path, ring)
            act.records.vault.learn(ring)
            done = await act.reseal(tell, progress)
            retired = await act.retire()
            _put(source.path, act.newest_only(ring))
    return Resealed(done.key, done.values, done.resealed, retired)


async def next_ring(settings: Settings, order: Order) -> KeyRing:
    """The ring with a further key; nothing is changed."""
    source = await _usable(settings)
    async with _rotating(settings, order) as act:
        ring = source.read()
        if not await act.is_settled(ring):
            raise Declined(f"the ring has key {max(ring.sealing)} already: go on with --reseal")
        return ring.with_another()


async def reseal(settings: Settings, order: Order, tell: Tell, progress: Progress) -> Resealed:
    """Seal everything with the newest key of the ring, which every process must have by now."""
    await _usable(settings)
    async with _rotating(settings, order) as act:
        await act.expect_two()
        return await act.reseal(tell, progress)


async def retire(settings: Settings, order: Order, progress: Progress) -> KeyRing:
    """Refuse all keys but the newest from now on; the ring without them."""
    source = await _usable(settings)
    async with _rotating(settings, order) as act:
        await act.expect_two()
        if act.newest != act.records.vault.ring.current:
            raise Declined(f"nothing is sealed with key {act.newest} yet: --reseal comes first")
        found = await sweep(act.records.database, act.records.vault, progress)
        if found.old:
            raise Declined(
                f"{found.old} values were under older keys still, which was mended: somebody seals"
                " with one; see that every process has the ring, and try again in a minute"
            )
        act.check(found)
        await act.retire()
        return act.newest_only(source.read())


@dataclass(frozen=True, slots=True)
class _Act:
    """A rotation under way, and who does it."""

    records: Records
    order: Order
    who: str
    newest: int

    async def is_settled(self, ring: KeyRing) -> bool:
        """Whether no rotation is half done: one key is there, and the one in force."""
        return len(ring.sealing) == 1 and len(await self._noted()) <= 1

    async def expect_two(self) -> None:
        """Raise Declined if no key is to follow another."""
        if await self.is_settled(self.records.vault.whole):
            raise Declined("the ring has one key only, which is in force: begin with --print")

    async def reseal(self, tell: Tell, progress: Progress) -> Resealed:
        loop, vault = asyncio.get_running_loop(), self.records.vault
        newest = await self._put_in_force()
        settled = loop.time() + self.order.settled
        values = renewed = 0
        while True:
            began = loop.time()
            found = await sweep(self.records.database, vault, progress)
            values, renewed = found.values, renewed + found.old
            if began >= settled and not found.old:
                self.check(found)
                return Resealed(newest, values, renewed)
            if (rest := settled - loop.time()) > 0:
                tell(f"waiting {rest:.0f} seconds, until nothing of the old key is on its way")
                await asyncio.sleep(rest)

    def check(self, found: Sweep) -> None:
        """Raise Declined if values would be lost with the old key that nobody agreed to lose."""
        lost = found.lost.total()
        if lost > self.order.lost:
            where = ", ".join(f"{name}: {count}" for name, count in sorted(found.lost.items()))
            raise Declined(
                f"{lost} values do not open ({where}), and the old key was kept: put back the ring"
                f" that opens them, or give them up with --give-up {lost}"
            )

    async def retire(self) -> tuple[int, ...]:
        """Put all keys but the newest out of force."""
        async with self.records.database.begin() as conn:
            notes = await noted(conn)
            old = tuple(sorted(notes))[:-1]
            if old:
                await strike(conn, old)
                await self._write_down(conn, "keys_retire", max(notes), old)
            self.records.vault.use(await noted(conn))
        return old

    def newest_only(self, ring: KeyRing) -> KeyRing:
        """The ring with nothing but the key that is in force."""
        return ring.only(self.records.vault.ring.current)

    async def _put_in_force(self) -> int:
        vault = self.records.vault
        async with self.records.database.begin() as conn:
            notes = await noted(conn)
            ring = vault.whole
            newest = max(ring.sealing)
            if newest not in notes:
                await note(conn, ring, [newest])
                vault.use(await noted(conn))
                await self._write_down(conn, "keys_rotate", newest, tuple(sorted(notes)))
        return newest

    async def _noted(self) -> Collection[int]:
        async with self.records.database.read() as conn:
            return await noted(conn)

    async def _write_down(
        self, conn: Connection, act: str, newest: int, old: tuple[int, ...]
    ) -> None:
        now = clock(self.records.settings.hesbot_now)()
        detail = {"newest": newest, "older": list(old)}
        await self.records.audit.add(conn, self.who, act, f"keys:{newest}", now, **detail)


@asynccontextmanager
async def _rotating(settings: Settings, order: Order) -> AsyncIterator[_Act]:
    async with open_records(settings, new_keys=False) as records:
        async with records.database.read() as conn:
            who = await named(conn, records.staff, order.by, KEEPERS)
        yield _Act(records, order, who, max(records.vault.whole.sealing))


async def _usable(settings: Settings) -> KeySource:
    source = key_source(settings)
    if isinstance(source, KeyFile) and not source.path.exists():
        raise source.lost
    return source


def _put(path: Path, ring: KeyRing) -> None:
    with _writing(path):
        private_files.replace(path, ring.text())


@contextmanager
def _in_hand(path: Path) -> Iterator[None]:
    """Keep others from changing the file; raise Declined if somebody is at it."""
    try:
        with private_files.in_hand(path):
            yield
    except private_files.InOtherHands:
        raise Declined(f"{path}: another process is changing the keys") from None


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Raise Declined where the key file cannot be written."""
    try:
        yield
    except OSError as error:
        why = error.strerror or "no"
        raise Declined(
            f"{path} cannot be written here ({why}); to put a ring in its place yourself: --print"
        ) from None
