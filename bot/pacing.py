"""How fast one address may write. What is over it is put off with a kind word and leaves no trace.

Far above what anybody types, so that no person meets it; it keeps one that never stops from having
the machine for itself. Counts in this process; knows no messenger, no record and no sentence.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from bot.channels.base import Answer, FrontDesk, Inbound, TooFast
from conversations.events import Address, Delivered

log = logging.getLogger("hesbot.desk")

REMEMBERED = 50_000
"""Keys that are held, and as many older ones. Forgotten is who has been still the longest; of a
million that write at once each is far within its allowance anyway."""

SAID_EVERY = 60.0
"""Seconds between two words of ours to somebody who does not slow down."""

REST = 5
"""Seconds of rest that are asked for at least; after one of them a few messages may come again."""

Seconds = Callable[[], float]
"""Tells a time that only ever grows."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many at once, and so many a ``rate`` (per second) after that."""

    burst: int
    rate: float


class Meter:
    """Counts by key what may come (GCRA: of each key only when its allowance is full again)."""

    def __init__(self, allowance: Allowance, now: Seconds, remembered: int = REMEMBERED) -> None:
        self._every = 1 / allowance.rate
        self._ahead = (allowance.burst - 1) / allowance.rate
        self._now = now
        self._remembered = remembered
        self._full_at: dict[Hashable, float] = {}
        self._older: dict[Hashable, float] = {}

    def wait(self, key: Hashable) -> float:
        """Seconds until one more may come; 0.0 if it may now. Counts nothing."""
        return max(self._full(key) - self._ahead - self._now(), 0.0)

    def take(self, key: Hashable) -> float:
        """Count one more; 0.0, or the seconds until it may come. Then it is not counted."""
        now, full = self._now(), self._full(key)
        if full - self._ahead > now:
            return full - self._ahead - now
        self._full_at[key] = max(full, now) + self._every
        if len(self._full_at) >= self._remembered:
            self._older, self._full_at = self._full_at, {}
        return 0.0

    def _full(self, key: Hashable) -> float:
        full = self._full_at.get(key)
        return self._older.get(key, 0.0) if full is None else full


Words = Callable[[str, str, int], Answer]
"""What is said on a channel, in a language, with the seconds to rest."""

_USUAL = Answer().locale


class Gate:
    """The way to the desk for everybody who writes from outside."""

    def __init__(self, desk: FrontDesk, allowance: Allowance, now: Seconds, words: Words) -> None:
        self._desk = desk
        self._meter = Meter(allowance, now)
        self._said = Meter(Allowance(1, 1 / SAID_EVERY), now)
        self._words = words
        self._others: dict[Address, str] = {}

    async def receive(self, inbound: Inbound) -> Answer:
        """The desk's answer. Raise Unavailable, and TooFast before the desk hears of it."""
        # A message that is our own has no one who could slow down.
        if type(inbound.event) is not Delivered and (wait := self._meter.take(inbound.address)):
            raise self._put_off(inbound, wait)
        answer = await self._desk.receive(inbound)
        if self._others or answer.locale != _USUAL:
            self._hear(inbound.address, answer.locale)
        return answer

    async def look(self, address: Address, through: str = "") -> Answer:
        """What the person would be told on opening. Raise Unavailable."""
        return await self._desk.look(address, through)

    def _hear(self, address: Address, locale: str) -> None:
        """Remember who does not speak the usual language, among the last of them."""
        self._others.pop(address, None)
        if locale != _USUAL:
            self._others[address] = locale
        while len(self._others) > REMEMBERED:
            del self._others[next(iter(self._others))]

    def _put_off(self, inbound: Inbound, wait: float) -> TooFast:
        address = inbound.address
        rest = max(math.ceil(wait), REST)
        told = self._said.take(address) > 0
        log.debug("too fast", extra={"channel": address.channel, "told": told})
        locale = self._others.get(address, _USUAL)
        return TooFast(self._words(inbound.channel, locale, rest), rest, told=told)
