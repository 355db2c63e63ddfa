"""Who failed too often must wait, longer each time. Remembers in this process, up to a limit.

The same rule holds for a member's name, whose failures are on record, for a name that nobody has,
and for the place somebody calls from.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

REMEMBERED = 10_000
"""Keys that are remembered; who has them all forgotten has tried as many others meanwhile."""


@dataclass(frozen=True, slots=True)
class Patience:
    """After every ``failures`` failures one has to wait: ``wait``, then twice that, up to
    ``longest``."""

    failures: int
    wait: timedelta
    longest: timedelta

    def locked_until(self, failures: int, now: datetime) -> datetime | None:
        """Until when who has just failed for the so-manieth time has to wait."""
        times, more = divmod(failures, self.failures)
        if more or not times:
            return None
        # By the sixteenth doubling the longest wait has been reached.
        wait: timedelta = self.wait * 2 ** min(times - 1, 16)
        return now + min(wait, self.longest)


NAMES = Patience(failures=5, wait=timedelta(minutes=15), longest=timedelta(days=1))
CLIENTS = Patience(failures=30, wait=timedelta(minutes=15), longest=timedelta(hours=1))
"""A whole office may call from one place."""


class Brake:
    """Counts failures by key."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._kept: OrderedDict[str, tuple[int, datetime | None]] = OrderedDict()

    def locked_until(self, key: str, now: datetime) -> datetime | None:
        """Until when this one has to wait; None if it need not."""
        _, until = self._kept.get(key, (0, None))
        return until if until is not None and until > now else None

    def fail(self, key: str, now: datetime) -> datetime | None:
        """This one has failed once more; until when it now has to wait."""
        failures = self._kept.pop(key, (0, None))[0] + 1
        until = self._patience.locked_until(failures, now)
        self._kept[key] = (failures, until)
        while len(self._kept) > REMEMBERED:
            self._kept.popitem(last=False)
        return until

    def forgive(self, key: str) -> None:
        """This one has succeeded."""
        self._kept.pop(key, None)
