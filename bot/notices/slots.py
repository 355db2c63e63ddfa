"""Slots of the shared limiter, as one process uses them: never more in a second than the limit.

All processes book slots one after another on one row (``storage.pace``). A slot that is missed by
more than a moment is given up, for what is sent late meets what others send in time. Only a process
that has been alone for a while may be later, as long as its own last second has room.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from bot.channels.base import NotNow
from bot.clock import wall
from storage import Connection, pace

EXACTNESS = 0.982
"""Share of a limit that is used. The rest covers what a message is late on its way, so that no
second at the other end ever sees more than the limit."""
LATEST = 0.005
"""Seconds by which a slot may be missed."""
LATEST_ALONE = 0.25
"""The same, for a process that is alone."""
TOGETHER = 2.0
"""Seconds for which others are reckoned with after they booked."""
EARLY = 0.004
"""Seconds before its slot at which a message is made ready."""
AHEAD = 60.0
"""Seconds, or ten slots, by which nobody books ahead: what is further was booked by a clock that
has been put back since."""
PUT_BACK = 1.0
"""Seconds by which the clock must have gone back to be said to be put back."""
LEAD = 0.03
"""Seconds from booking to the first slot: the commit takes some of them."""


@dataclass(slots=True)
class Use:
    """A slot that was used, by the moment at which its message left, as far as that is known."""

    at: float


class Slots:
    """Books slots for one sender identity, ``rate`` messages a second, and says which may be used.

    Times are seconds since 1970.
    """

    def __init__(self, name: str, rate: float) -> None:
        self.interval = 1 / (rate * EXACTNESS)
        self.booked = 0.0
        self._name = name
        self._most = max(math.floor(rate), 1)
        self._own_end = 0.0
        self._booked_at = 0.0
        self._others_until = 0.0
        self._paused_until = 0.0
        self._ahead = max(AHEAD, 10 * self.interval)
        self._looked_at = 0.0
        self._used: deque[Use] = deque()

    def _look(self) -> float:
        """The time. Where the clock was put back, what was done before it has no times any more."""
        now = _seconds()
        if now < self._looked_at - PUT_BACK:
            self._used.clear()
            self._booked_at, self._others_until = now, now + TOGETHER
        self._looked_at = now
        return now

    async def heed(self, connection: Connection) -> None:
        """Notice a pause that another process was asked for: booked slots keep it, too."""
        _, paused = await pace.booked(connection, self._name)
        self.pause(paused)

    async def free_at(self, connection: Connection) -> float:
        """When the next slot could be; others book and are told to pause, too."""
        now = self._look()
        self.booked, paused = await pace.booked(connection, self._name)
        self.pause(paused)
        if self.booked > max(now + self._ahead, self._paused_until):
            self.booked = now
        if self.booked != self._own_end or now - self._booked_at > TOGETHER:
            self._others_until = now + TOGETHER
        return max(self.booked, self._paused_until)

    async def book(self, connection: Connection, count: int) -> list[float]:
        """So many slots in a row. Call ``free_at`` before, in the same transaction."""
        if not count:
            return []
        now = self._look()
        earliest = now + LEAD
        if now - self._booked_at > TOGETHER:
            # Somebody who believed to be alone may be late with the last of the slots before.
            earliest = max(earliest, min(self.booked, now + 1.0) + LATEST_ALONE)
        latest = now + self._ahead
        first = await pace.reserve(connection, self._name, count, self.interval, earliest, latest)
        self._booked_at = now
        self.booked = self._own_end = first + count * self.interval
        return [first + place * self.interval for place in range(count)]

    def pause(self, until: float) -> None:
        """Use no slot before that moment."""
        self._paused_until = max(self._paused_until, until)

    def check(self, slot: float) -> None:
        """Raise NotNow if the slot cannot be used any more."""
        now = self._look()
        latest = LATEST if now < self._others_until else LATEST_ALONE
        if not -self._ahead <= now - slot <= latest or now < self._paused_until:
            raise NotNow

    def use(self, slot: float) -> Use:
        """Use the slot now, or raise NotNow."""
        self.check(slot)
        now = _seconds()
        while self._used and now - self._used[0].at >= 1.0 + LATEST:
            self._used.popleft()
        if len(self._used) >= self._most:
            raise NotNow
        self._used.append(Use(now))
        return self._used[-1]


class OwnTurn:
    """One message's turn (``bot.channels.base.Turn``): waits for its slot.

    ``may_go`` is asked once the slot has come, ``waited`` is told how many seconds that took.
    """

    def __init__(
        self,
        slots: Slots,
        slot: float,
        may_go: Callable[[], bool],
        waited: Callable[[float], object],
    ) -> None:
        self._slots = slots
        self._slot = slot
        self._may_go = may_go
        self._waited = waited
        self._taken = _seconds()
        self._use: Use | None = None

    async def near(self) -> None:
        """Return when it is time to make the message ready. Raise NotNow."""
        await self._sleep_until(self._slot - EARLY)
        self._slots.check(self._slot)

    async def __call__(self) -> None:
        """Return in the slot. Raise NotNow."""
        await self._sleep_until(self._slot)
        if not self._may_go():
            raise NotNow
        self._use = self._slots.use(self._slot)
        self._waited(_seconds() - self._taken)

    async def _sleep_until(self, moment: float) -> None:
        ahead = moment - _seconds()
        if ahead > 0:
            # One that is too far ahead was booked before the clock was put back.
            self._slots.check(self._slot)
            await asyncio.sleep(ahead)

    def gone(self) -> None:
        """The message has left just now; it counts from here on."""
        if self._use is not None:
            self._use.at = _seconds()


def _seconds() -> float:
    return wall().timestamp()
