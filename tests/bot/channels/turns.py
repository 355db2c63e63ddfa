"""What an outlet's test needs: turns of a limiter that is not there, and a server that is not."""

from __future__ import annotations

import socket

from bot.channels.base import NotNow


class Turns:
    """Lets every message go, and counts; ``over`` says that the turn is lost. ``left`` counts those
    of which the outlet said that they left."""

    def __init__(self, *, over: bool = False) -> None:
        self.over = over
        self.taken = 0
        self.left = 0

    async def __call__(self) -> None:
        self.taken += 1
        if self.over:
            raise NotNow

    def gone(self) -> None:
        self.left += 1


def nobody() -> str:
    """A local address where nobody listens."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{closed.getsockname()[1]}"
