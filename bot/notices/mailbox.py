"""Notices for people who come by: the browser and the terminal cannot be written to, so what is due
waits in the ledger until its person is there.

A notice that was handed over is confirmed once it is shown. If the answer that carried it was lost,
nobody confirms, and it is handed over again when its lease is over.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from bot.channels.base import Collected, Letter, Message, Unavailable
from bot.clock import Clock, wall
from bot.notices import hops, rules
from bot.telemetry import DELIVERIES, fault
from conversations.events import Address
from storage import (
    ANSWER_WITHIN,
    Connection,
    Database,
    Ledger,
    Parcel,
    Pickup,
    Post,
    Settled,
)
from storage import Unavailable as RecordsUnavailable

log = logging.getLogger("hesbot.mailbox")

LEASE = timedelta(seconds=30)
"""How long a channel has to say that a notice was shown; a page gives a request up after 20 s."""

Word = Callable[[Parcel, datetime], Letter]
"""Words a delivery as it is true at that moment."""


class Mailbox:
    """Hands over what is due for one address. ``real`` is the clock of leases."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        pickup: Pickup,
        word: Word,
        clock: Clock,
        real: Clock = wall,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._pickup = pickup
        self._word = word
        self._clock = clock
        self._real = real

    async def collect(self, address: Address, shown: Collection[int] = ()) -> Collected:
        """What is due for the address, once those that were shown are confirmed.

        Quiet hours do not matter to somebody who is there. Raise Unavailable.
        """
        try:
            return await self._collect(address, shown)
        except RecordsUnavailable as error:
            raise Unavailable from error

    async def confirm(self, address: Address, shown: Collection[int]) -> None:
        """These notices were shown and never come again. Raise Unavailable."""
        try:
            async with self._database.begin(ANSWER_WITHIN) as connection:
                await self._pickup.confirm(connection, address, shown, self._clock())
        except RecordsUnavailable as error:
            raise Unavailable from error

    async def _collect(self, address: Address, shown: Collection[int]) -> Collected:
        now, real = self._clock(), self._real()
        # Most looks find nothing, and must not keep those waiting who write.
        async with self._database.read(ANSWER_WITHIN) as connection:
            recipient = await self._pickup.find(connection, address, now, real)
        if recipient is None and not shown:
            return Collected()
        async with self._database.begin(ANSWER_WITHIN) as connection:
            await self._pickup.confirm(connection, address, shown, now)
            if recipient is None:
                return Collected()
            return await self._take(connection, recipient, now, real)

    async def _take(
        self, connection: Connection, recipient: int, now: datetime, real: datetime
    ) -> Collected:
        await self._pickup.put_back(connection, recipient, real)
        parcels = await self._ledger.lease_for(
            connection, [recipient], now, real + LEASE, "mailbox"
        )
        letters, settled = self._sorted(parcels, now)
        await self._ledger.settle(connection, settled, now)
        return Collected(tuple(Message(letter.text) for letter in letters.values()), tuple(letters))

    def _sorted(
        self, parcels: Iterable[Parcel], now: datetime
    ) -> tuple[dict[int, Letter], list[Settled]]:
        """The letters to be shown by their delivery, and what becomes of the others."""
        letters: dict[int, Letter] = {}
        settled: list[Settled] = []
        for parcel, verdict in _newest([(each, self._verdict(each, now)) for each in parcels]):
            if isinstance(verdict, Settled):
                settled.append(verdict)
                hops.kept_back(parcel, verdict)
            else:
                letters[parcel.id] = verdict
                hops.shown(parcel)
            outcome = verdict.post if isinstance(verdict, Settled) else Post.SENT
            DELIVERIES.labels(parcel.address.channel, parcel.kind, str(outcome)).inc()
        return letters, settled

    def _verdict(self, parcel: Parcel, now: datetime) -> Letter | Settled:
        if parcel.opted_out:
            return Settled(parcel.id, Post.OPTED_OUT, "known", charged=False)
        if why := rules.objection(parcel, now):
            return Settled(parcel.id, Post.DROPPED, why, charged=False)
        try:
            return self._word(parcel, now)
        except Exception as error:
            of = hops.trail_of(parcel)
            fault(log, "letter", "letter failed", error, of, kind=parcel.kind)
            return Settled(parcel.id, Post.HELD, "wording", charged=False)


def _newest(
    verdicts: Sequence[tuple[Parcel, Letter | Settled]],
) -> Iterator[tuple[Parcel, Letter | Settled]]:
    """Without the news that a card's code is gone where the news that the card is closed for it
    comes at the same moment."""
    closed = {
        parcel.number
        for parcel, verdict in verdicts
        if parcel.kind == rules.Kind.PASSIVE and isinstance(verdict, Letter)
    }
    for parcel, verdict in verdicts:
        overtaken = parcel.kind in _BEFORE_PASSIVE and parcel.number in closed
        if overtaken and isinstance(verdict, Letter):
            yield parcel, Settled(parcel.id, Post.DROPPED, "overtaken", charged=False)
        else:
            yield parcel, verdict


_BEFORE_PASSIVE = frozenset({rules.Kind.CODE_LOST, rules.Kind.CODE_EXPIRED})
