"""Two messages to one person keep a distance, as one process sees it."""

from __future__ import annotations

from bot.clock import wall

MOST = 8192
"""People remembered until those of long ago are forgotten."""


class Gaps:
    """Remembers when each recipient was last written to; ``gap`` is in seconds."""

    def __init__(self, gap: float) -> None:
        self._gap = gap
        self._recent: dict[int, float] = {}

    def left(self, recipient: int) -> float:
        """For how many seconds the recipient is to be left alone; 0 or less if not at all."""
        # No longer than the gap, where the clock was put back meanwhile.
        return min(self._recent.get(recipient, 0.0) + self._gap - _seconds(), self._gap)

    def begin(self, recipient: int) -> None:
        """They are written to now."""
        now = _seconds()
        if len(self._recent) > MOST:
            old = now - self._gap
            self._recent = {who: at for who, at in self._recent.items() if at > old}
        self._recent[recipient] = now


def _seconds() -> float:
    return wall().timestamp()
