"""A front desk that remembers what it was given and says what the test tells it to say."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from bot.channels.base import Answer, Inbound, Message, Unavailable
from conversations.events import Address
from tests.fakes.waiting import Pulse


def echo(inbound: Inbound) -> Answer:
    """Say the inbox key back, so that a test sees which answer belongs to what."""
    return Answer((Message(f"answer to {inbound.message}"),))


class RecordingDesk:
    """A desk without records. Each reception first takes what stands next in ``outages``."""

    def __init__(self, reply: Callable[[Inbound], Answer] = echo) -> None:
        self.reply = reply
        self.received: list[Inbound] = []
        self.outages: deque[Exception | None] = deque()
        self._pulse = Pulse()

    async def receive(self, inbound: Inbound) -> Answer:
        """Remember and answer, unless an outage is due."""
        if self.outages and (outage := self.outages.popleft()):
            raise outage
        self.received.append(inbound)
        self._pulse.beat()
        return self.reply(inbound)

    async def look(self, address: Address, through: str = "") -> Answer:
        """Nothing: messengers are written to first."""
        return Answer()

    async def until(self, count: int) -> None:
        """Wait until so many things have been received."""
        await self._pulse.until(lambda: len(self.received) >= count)

    @property
    def keys(self) -> list[str]:
        """The inbox keys received so far."""
        return [inbound.message for inbound in self.received]


def down(times: int) -> deque[Exception | None]:
    """The records cannot be written so many times."""
    return deque([Unavailable()] * times)
