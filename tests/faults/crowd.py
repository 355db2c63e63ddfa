"""Citizens who register with several processes at once, as Telegram brings their messages.

Any message may go to any process, as behind a proxy. Telegram keeps the order of a chat, brings a
message again until it is answered 2xx, and now and then brings it twice: at once to two processes,
or once more after it was answered. What is noted here is what the records are compared with.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.benchmarks.botapi import LeanBotApi
from tests.benchmarks.citizens import ANSWERED, STEPS, Citizen
from tests.benchmarks.messengers import Telegram
from tests.benchmarks.wire import Line
from tests.faults.fleet import Kept

LONGEST = 10.0
"""Seconds within which a living process answers, whatever the database does."""
HOPELESS = 120.0
"""Seconds of tries after which a message is given up."""


@dataclass
class Told:
    """What the citizens were told. ``saved`` are those who were told that they are registered,
    ``answered`` the updates that were answered 2xx, by chat; ``wrong`` says what must not be."""

    saved: list[Citizen] = field(default_factory=list)
    answered: dict[int, list[int]] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    lost: int = 0
    twice: int = 0
    slowest: float = 0.0
    wrong: list[str] = field(default_factory=list)


class Crowd:
    """Citizens who write until they are told to stop."""

    def __init__(
        self, webs: Sequence[Kept], api: LeanBotApi, chance: random.Random, pause: float
    ) -> None:
        self._webs = webs
        self._api = api
        self._chance = chance
        self._pause = pause
        self._telegram = Telegram(0, api)
        self._updates = 0
        self._next = 0
        self._over = asyncio.Event()
        self.told = Told()

    async def write(self, people: int) -> None:
        """So many citizens at a time, one after another, until told to stop; who has begun
        finishes."""
        async with asyncio.TaskGroup() as group:
            for _ in range(people):
                group.create_task(self._citizens())

    def stop(self) -> None:
        """Let nobody new begin."""
        self._over.set()

    async def _citizens(self) -> None:
        while not self._over.is_set():
            self._next += 1
            await self._register(Citizen(self._next))

    async def _register(self, citizen: Citizen) -> None:
        for place, line in enumerate(citizen.lines()):
            await asyncio.sleep(self._chance.uniform(0, 2 * self._pause))
            request = self._telegram.request(citizen, place, line, b"")
            update = self._telegram.last_update
            try:
                async with asyncio.timeout(HOPELESS):
                    body = await self._deliver(citizen, place, request)
            except TimeoutError:
                self._complain(f"message {place + 1} was never answered")
                return
            self.told.answered.setdefault(citizen.chat, []).append(update)
            words = body or self._api.said.get(citizen.chat, b"")
            if ANSWERED[place] not in words:
                self._complain(f"message {place + 1}: no {ANSWERED[place]!r} in {words!r}")
                return
            if place == STEPS - 1:
                self.told.saved.append(citizen)

    async def _deliver(self, citizen: Citizen, place: int, request: bytes) -> bytes:
        """Bring it until it is answered, sometimes twice; the answer."""
        chance = self._chance.random()
        bodies: list[bytes | None] = []
        while not any(body is not None for body in bodies):
            at_once = 2 if chance < 0.15 else 1
            asked = (self._ask(web, request) for web in self._some(at_once))
            bodies += await asyncio.gather(*asked)
            if all(body is None for body in bodies):
                await asyncio.sleep(self._chance.uniform(0.1, 0.4))
        if 0.15 < chance < 0.25:
            bodies.append(await self._ask(self._some(1)[0], request))
        given = [body for body in bodies if body is not None]
        self.told.twice += len(given) - 1
        if any(body != given[0] for body in given):
            self._complain(f"message {place + 1} was answered in two ways: {set(given)}")
        return given[0]

    def _some(self, count: int) -> list[Kept]:
        """Processes that a proxy would choose: it finds out in time which ones are gone."""
        living = [web for web in self._webs if web.alive] or list(self._webs)
        return self._chance.sample(living, min(count, len(living)))

    async def _ask(self, web: Kept, request: bytes) -> bytes | None:
        """The body of its answer if that is 2xx."""
        life, began = web.life, time.monotonic()
        try:
            async with asyncio.timeout(LONGEST):
                status, body = await self._post(web, request)
        except TimeoutError:
            if web.lives(life):
                self._complain(f"no answer within {LONGEST:.0f} s")
            return None
        except OSError as error:
            self.told.lost += 1
            if web.lives(life):
                self._complain(f"a living process hung up: {type(error).__name__} {error}")
            return None
        self.told.slowest = max(self.told.slowest, time.monotonic() - began)
        self.told.statuses[status] += 1
        if status not in (200, 503):
            self._complain(f"status {status}: {body!r}")
        return body if status == 200 else None

    async def _post(self, web: Kept, request: bytes) -> tuple[int, bytes]:
        line = await Line.to(web.port)
        try:
            return await line.ask(request)
        finally:
            line.close()

    def _complain(self, what: str) -> None:
        self.told.wrong.append(what)
