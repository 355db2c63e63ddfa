"""Sends what the ledger holds for one messenger, at the pace all processes share.

In short rounds: one transaction writes what became of the last messages, takes the next ones that
are due and books their slots; between two rounds the messages go out, each in its slot. Whatever
was taken is called ``sending`` before the call, so a killed process loses nothing.

Knows neither messengers nor sentences: an outlet sends, ``word`` words.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from bot.channels.base import Fate, Letter, NotNow, Outcome, Outlet
from bot.clock import Clock, wall
from bot.notices import hops, outcomes, rules
from bot.notices.gaps import Gaps
from bot.notices.gauges import Gauges
from bot.notices.slots import OwnTurn, Slots
from bot.stopping import CALLS, WRITING, Left
from bot.telemetry import DELIVERIES, FAULTS, HALTED, LIMITER_WAIT, PAUSES, fault, place_of
from storage import (
    Connection,
    Database,
    Ledger,
    Parcel,
    Post,
    Settled,
    Unavailable,
    campaigns,
    pace,
    tallies,
)
from storage.queues import Queue

log = logging.getLogger("hesbot.sender")

HORIZON = 0.5
"""Seconds for which slots are booked ahead: what is urgent waits no longer than that."""
HORIZON_REPORTED = 0.15
"""The same where a report is awaited for what a killed process held: that should not be much."""
LEASE = timedelta(seconds=30)
"""How long a delivery is left to the process that took it."""
MOST_IN_FLIGHT = 1024
URGENT_SHARE = 0.25
"""Share of the messages in flight that only suspensions may use."""
POLL, SHORTEST_ROUND = 1.0, 0.05
"""Seconds between two rounds: with nothing to do, and at least."""
RECOVER_EVERY = 5.0
RECOVER_AT_ONCE = 1000
HALT = 300.0
"""Seconds to wait after the messenger refused our account."""
Word = Callable[[Parcel, datetime], Letter]
"""Words a delivery as it is true at that moment."""

_Round = list[tuple[Parcel, Letter, float]]
"""What one round sends, each in its slot."""


class Sender:
    """Sends through one outlet until cancelled.

    ``worker`` names this process in the ledger, and no other one alive. ``reports``: the messenger
    reports later what became of a message.
    """

    def __init__(
        self,
        outlet: Outlet,
        database: Database,
        ledger: Ledger,
        word: Word,
        clock: Clock,
        worker: str,
        *,
        reports: bool = False,
        left: Left = float,
    ) -> None:
        self._outlet, self._left = outlet, left
        self._database = database
        self._ledger = ledger
        self._word = word
        self._clock = clock
        self._worker = worker
        self._reports = reports
        self._slots = Slots(outlet.name, outlet.rate)
        self._horizon = HORIZON_REPORTED if reports else HORIZON
        self._flying: dict[asyncio.Task[None], Parcel] = {}
        self._results: list[tuple[Parcel, Outcome]] = []
        self._late: list[tuple[Parcel, Letter]] = []
        self._broadcasts, self._under_way = True, frozenset[int]()
        self._gaps = Gaps(outlet.gap)
        self._gauges = Gauges(outlet.name, database, clock)
        self._pause_to_tell = 0.0
        self._recovered_at = 0.0
        self._bell = asyncio.Event()
        self.done: Counter[str] = Counter()

    async def run(self) -> None:
        """Send until cancelled; what is under way is finished and written down first."""
        async with self._outlet:
            await self._begin()
            try:
                while True:
                    await self._turn_round()
                    await self._rest()
            finally:
                await asyncio.shield(self._stop())

    async def drain(self, patience: float = 60.0, *, broadcasts: bool = False) -> Mapping[str, int]:
        """Send until nothing is due, or nothing moves for so many seconds; outcomes, counted."""
        self._broadcasts = broadcasts
        async with self._outlet:
            await self._begin()
            try:
                await self._drain(patience)
            finally:
                await asyncio.shield(self._stop())
        return self.done

    async def _drain(self, patience: float) -> None:
        moved = _seconds()
        while _seconds() - moved < patience:
            before = self.done.total()
            await self._turn_round()
            await self._rest()
            if self.done.total() > before:
                moved = _seconds()
            elif not (self._flying or self._results or self._late or await self._waiting()):
                break

    async def _begin(self) -> None:
        """Take over from whoever had our name before, and try again what may be mended by now."""
        name = self._outlet.name
        while True:
            try:
                async with self._database.begin() as connection:
                    await self._ledger.abandon(connection, name, self._worker, wall())
                    await self._ledger.release_held(connection, name, self._clock())
                return
            except Unavailable:
                await asyncio.sleep(POLL)

    async def _turn_round(self) -> None:
        try:
            await self._gauges.show()
            if not await self._is_needed():
                return
            found = await self._transacted()
        except Unavailable as error:
            FAULTS.labels("sender").inc()
            log.warning("records unavailable", extra={"why": str(error)})
            await asyncio.sleep(POLL)
            return
        for parcel, letter, slot in found:
            task = asyncio.create_task(self._send(parcel, letter, slot))
            self._flying[task] = parcel
            task.add_done_callback(self._landed)

    async def _transacted(self) -> _Round:
        """One round, finished even when told to stop; what it takes is then given back."""
        work = asyncio.ensure_future(self._transact())
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            with suppress(Unavailable):
                self._late += [(parcel, letter) for parcel, letter, _ in await work]
            raise

    async def _is_needed(self) -> bool:
        """Whether a round would write anything: an idle one must not keep other writers waiting."""
        if self._results or self._late or self._pause_to_tell or self._may_recover():
            return True
        async with self._database.read() as connection:
            await self._slots.heed(connection)
            queues, name = await self._queues(connection), self._outlet.name
            return await self._ledger.is_due(connection, name, self._clock(), wall(), queues)

    async def _queues(self, connection: Connection) -> list[Queue]:
        """What may go, in its order; broadcasts by what is known of them at this moment."""
        running = await campaigns.running(connection) if self._broadcasts else {}
        self._under_way = frozenset(running)
        return rules.queues(running, self._clock())

    async def _rest(self) -> None:
        """Until there is something to write down, or slots to book."""
        ahead = self._slots.booked - _seconds() - self._horizon / 2
        until = max(SHORTEST_ROUND, min(ahead, POLL)) if self._flying or self._late else POLL
        if self._results:
            until = SHORTEST_ROUND
        self._bell.clear()
        try:
            async with asyncio.timeout(until):
                await self._bell.wait()
            await asyncio.sleep(SHORTEST_ROUND)
        except TimeoutError:
            pass

    async def _transact(self) -> _Round:
        """One round's writing and taking. What it writes down is forgotten only once committed."""
        results, late, pause = list(self._results), list(self._late), self._pause_to_tell
        async with self._database.begin() as connection:
            await self._write_down(connection, results)
            if pause:
                await pace.pause(connection, self._outlet.name, pause)
            await self._recover(connection)
            found = await self._take(connection, late)
        del self._results[: len(results)]
        del self._late[: len(late)]
        if self._pause_to_tell == pause:
            self._pause_to_tell = 0.0
        return found

    async def _write_down(
        self, connection: Connection, results: Sequence[tuple[Parcel, Outcome]]
    ) -> None:
        now, real = self._clock(), wall()
        settled = [
            outcomes.settled(parcel, outcome, real, reports=self._reports)
            for parcel, outcome in results
        ]
        await self._ledger.settle(connection, settled, now, self._worker)
        for post, lost in outcomes.dead_ends((each[0] for each in results), settled).items():
            await self._ledger.mark_address(connection, lost, post, now)

    async def _recover(self, connection: Connection) -> None:
        """What other processes left behind."""
        if not self._may_recover():
            return
        name, real = self._outlet.name, wall()
        by = real + outcomes.REPORT_WITHIN if self._reports else None
        await self._ledger.recover(connection, name, real, RECOVER_AT_ONCE, reported_by=by)
        self._recovered_at = _seconds()

    def _may_recover(self) -> bool:
        # Also where the clock was put back.
        return abs(_seconds() - self._recovered_at) >= RECOVER_EVERY

    async def _waiting(self) -> bool:
        async with self._database.read() as connection:
            return (await tallies.waiting(connection, self._outlet.name, self._clock()))[0] > 0

    async def _take(self, connection: Connection, late: Sequence[tuple[Parcel, Letter]]) -> _Round:
        now, real = self._clock(), wall()
        queues = await self._queues(connection)
        late = await self._put_back_stopped(connection, late, now)
        free_at = await self._slots.free_at(connection)
        if free_at > _seconds() + 2 * HORIZON:
            rest = datetime.fromtimestamp(min(free_at, _seconds() + HALT), UTC)
            back = [outcomes.put_back(parcel, rest) for parcel, _ in late]
            await self._ledger.settle(connection, back, now, self._worker)
            return []
        held = [parcel.id for parcel, _ in late]
        ours = await self._ledger.renew(connection, held, real + LEASE, self._worker)
        late = [letter for letter in late if letter[0].id in ours]
        fresh = await self._lease(connection, now, real, len(late), queues)
        ready, settled = self._sort(fresh, now, real)
        await self._ledger.settle(connection, settled, now, self._worker)
        letters = [*late, *ready]
        slots = await self._slots.book(connection, len(letters))
        return [(*letter, slot) for letter, slot in zip(letters, slots, strict=True)]

    async def _put_back_stopped(
        self, connection: Connection, late: Sequence[tuple[Parcel, Letter]], now: datetime
    ) -> list[tuple[Parcel, Letter]]:
        """Without those whose broadcast was paused or cancelled meanwhile, which wait again."""
        stopped = [parcel for parcel, _ in late if not self._may_go(parcel)]
        back = map(outcomes.put_back, stopped)
        await self._ledger.settle(connection, list(back), now, self._worker)
        return [each for each in late if self._may_go(each[0])]

    def _may_go(self, parcel: Parcel) -> bool:
        return parcel.broadcast is None or parcel.broadcast in self._under_way

    async def _lease(
        self,
        connection: Connection,
        now: datetime,
        real: datetime,
        late: int,
        queues: Sequence[Queue],
    ) -> list[Parcel]:
        """As many as there are slots before the horizon; the last places are for urgent ones."""
        name, until = self._outlet.name, real + LEASE
        ahead = max(self._slots.booked - _seconds(), 0.0)
        slots = math.ceil((self._horizon - ahead) / self._slots.interval) - late
        flying = len(self._flying)
        room = min(slots, MOST_IN_FLIGHT - flying - late)
        if room <= 0:
            return []
        crowded = flying >= MOST_IN_FLIGHT * (1 - URGENT_SHARE)
        some = queues[:1] if crowded else queues
        return await self._ledger.lease(
            connection, name, room, now, real, until, self._worker, some
        )

    def _sort(
        self, parcels: Iterable[Parcel], now: datetime, real: datetime
    ) -> tuple[list[tuple[Parcel, Letter]], list[Settled]]:
        """Those that go out now, and what becomes of the others."""
        ready: list[tuple[Parcel, Letter]] = []
        settled: list[Settled] = []
        for parcel in parcels:
            verdict = self._verdict(parcel, now, real)
            if isinstance(verdict, Settled):
                settled.append(verdict)
                hops.kept_back(parcel, verdict)
                if verdict.post is not Post.PENDING:
                    self._count(parcel, str(verdict.post))
            else:
                ready.append((parcel, verdict))
        return ready, settled

    def _verdict(self, parcel: Parcel, now: datetime, real: datetime) -> Letter | Settled:
        if (pause := self._gaps.left(parcel.recipient)) > 0:
            return outcomes.put_back(parcel, real + timedelta(seconds=pause))
        try:
            if obstacle := outcomes.obstacle(parcel, now):
                return obstacle
            letter = self._word(parcel, now)
        except Exception as error:
            of = hops.trail_of(parcel)
            fault(log, "letter", "letter failed", error, of, kind=parcel.kind)
            return Settled(parcel.id, Post.HELD, "wording", charged=False)
        self._gaps.begin(parcel.recipient)
        return letter

    # --- one letter --------------------------------------------------------------------------

    async def _send(self, parcel: Parcel, letter: Letter, slot: float) -> None:
        hops.taken(parcel)
        waited = LIMITER_WAIT.labels(self._outlet.name).observe
        turn = OwnTurn(self._slots, slot, lambda: self._may_go(parcel), waited)
        try:
            await turn.near()
            outcome = await hops.pushed(self._outlet, parcel, letter, turn)
        except NotNow:
            self._late.append((parcel, letter))
        except Exception as error:
            FAULTS.labels("push").inc()
            log.error("push failed", extra={"error": place_of(error)})
            self._learn(parcel, Outcome(Fate.UNKNOWN, "fault"))
        else:
            self._learn(parcel, outcome)

    def _learn(self, parcel: Parcel, outcome: Outcome) -> None:
        self._count(parcel, str(outcome.fate))
        hops.tried(parcel, outcome)
        if outcome.fate is Fate.BUSY:
            self._pause(outcome.retry_after)
            PAUSES.labels(self._outlet.name).inc()
        if outcome.fate is Fate.HALTED:
            log.error("%s refuses our account: nothing is sent", self._outlet.name)
            # Not for the others: their account may be the right one.
            self._slots.pause(_seconds() + HALT)
            HALTED.labels(self._outlet.name).set(1)
        if outcome.fate is Fate.SENT:
            HALTED.labels(self._outlet.name).set(0)
        self._results.append((parcel, outcome))

    def _pause(self, seconds: float) -> None:
        until = _seconds() + seconds
        self._slots.pause(until)
        self._pause_to_tell = max(self._pause_to_tell, until)

    def _count(self, parcel: Parcel, outcome: str) -> None:
        DELIVERIES.labels(self._outlet.name, parcel.kind, outcome).inc()
        self.done[outcome] += 1

    def _landed(self, task: asyncio.Task[None]) -> None:
        del self._flying[task]
        self._bell.set()

    # --- the end -----------------------------------------------------------------------------

    async def _stop(self) -> None:
        """Let calls under way end; give back what was not called."""
        self._slots.pause(math.inf)
        if self._flying:
            await asyncio.wait(self._flying, timeout=self._left(CALLS))
        back = [outcomes.put_back(parcel) for parcel, _ in self._late]
        try:
            async with self._database.begin(self._left(WRITING)) as connection:
                await self._write_down(connection, self._results)
                await self._ledger.settle(connection, back, self._clock(), self._worker)
        except Unavailable:
            log.warning("the last outcomes could not be written down")


def _seconds() -> float:
    return wall().timestamp()
