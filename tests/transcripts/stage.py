"""A script played on one messenger: a house of its own, opened and closed as the script directs.

Directions: ``now: MOMENT`` pins the clock; ``setting: NAME=VALUE``; ``hes: CODE IDENTITY AD SOYAD
UNTIL|süresiz`` makes the HES service know a code, ``hes: none`` only switches it on, ``hes: down``
lets its next query fail, ``hes: CODE expires|deleted``; ``as: NAME`` lets somebody else act;
``given: A | B | C`` does things whose answers are not told; ``restart`` closes the house and opens
it anew, ``restart: MOMENT`` at that time; ``suspended`` is the authorities' word on every card.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import update

from bot.app import House, channels_of, open_house, working
from bot.clock import clock
from bot.server import application
from bot.settings import Settings
from bot.wording import Wording
from conversations.calendar import ISTANBUL
from storage import tables
from tests import homes
from tests.fakes.hes import HesService
from tests.fakes.serving import serve
from tests.transcripts.heard import Bubble
from tests.transcripts.messengers import Messenger, Person
from tests.transcripts.record import recorded
from tests.transcripts.script import Direction, Gesture, Script, Step, Turn, gesture

SOMEBODY = "kişi"
"""Who acts where a script does not say."""
ANY_DAY = "2021-01-08T12:00+03:00"


@dataclass(frozen=True, slots=True)
class Performance:
    """What was answered to each turn (None: it cannot be done here) and what is on record."""

    answers: tuple[Sequence[Bubble] | None, ...]
    record: tuple[str, ...]


async def play(script: Script, messenger: type[Messenger], home: Path, empty: Path) -> Performance:
    """Play the whole script on a copy of the empty home; everything is closed afterwards."""
    homes.copied(empty, home)
    async with messenger() as there, Stage(script, there, home) as stage:
        answers = [await stage.play(step) for step in script.steps if await stage.is_turn(step)]
        people = {name: person.address for name, person in stage.people.items()}
        return Performance(tuple(answers), tuple(await recorded(stage.house, people)))


class Stage:
    """The house, the Ministry and the people of one script on one messenger."""

    def __init__(self, script: Script, messenger: Messenger, home: Path) -> None:
        self.people: dict[str, Person] = {}
        self._messenger = messenger
        self._home = home
        self._actor = SOMEBODY
        self._numbers = count(21)
        self._now = datetime.fromisoformat(next(script.directions("now"), ANY_DAY))
        self._wanted = dict(value.split("=") for value in script.directions("setting"))
        asks = any(script.directions("hes"))
        self._hes = HesService(clock=clock(self._now)) if asks else None
        self._world = AsyncExitStack()
        self._open = AsyncExitStack()
        self._house: House | None = None

    async def __aenter__(self) -> Stage:
        if self._hes:
            await self._world.enter_async_context(self._hes)
        await self._start()
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self._open.aclose()
        await self._world.aclose()

    @property
    def house(self) -> House:
        assert self._house
        return self._house

    async def is_turn(self, step: Step) -> bool:
        """Whether it is a turn; a direction is followed at once."""
        if isinstance(step, Direction):
            await self._follow(step)
        return isinstance(step, Turn)

    async def play(self, turn: Step) -> Sequence[Bubble] | None:
        assert isinstance(turn, Turn)
        known = turn.gesture.kind in self._messenger.can
        meant = not turn.channels or self._messenger.name in turn.channels
        return await self._do(turn.gesture) if known and meant else None

    async def _do(self, asked: Gesture) -> Sequence[Bubble]:
        if self._actor not in self.people:
            self.people[self._actor] = self._messenger.person(next(self._numbers))
        return await self.people[self._actor].do(asked)

    # --- directions -----------------------------------------------------------------------------

    async def _follow(self, direction: Direction) -> None:
        match direction.name:
            case "as":
                self._actor = direction.value
            case "given":
                for said in direction.value.split(" | "):
                    await self._do(gesture(said))
            case "restart":
                await self._restart(direction.value)
            case "hes":
                self._prepare(direction.value)
            case "suspended":
                await self._suspend()
            case "now" | "setting":
                """Read before the house was opened."""
            case unknown:
                raise ValueError(f"no such direction: {unknown}")

    async def _suspend(self) -> None:
        async with self.house.database.begin() as connection:
            await connection.execute(update(tables.cards).values(suspended_at=self._now))

    async def _restart(self, moment: str) -> None:
        await self._open.aclose()
        if moment:
            self._now = datetime.fromisoformat(moment)
        await self._start()

    def _prepare(self, told: str) -> None:
        assert self._hes
        match told.split():
            case ["none"]:
                """Nobody has a code."""
            case ["down"]:
                self._hes.fail(503)
            case [code, "expires"]:
                self._hes.expire(bare(code))
            case [code, "deleted"]:
                self._hes.delete(bare(code))
            case [code, identity, *names, last_name, until]:
                given = self._hes.give(identity, " ".join(names), last_name, _moment(until))
                assert given == bare(code), f"the next code the service gives is {given}"
            case _:
                raise ValueError(f"hes: {told}")

    # --- the house ------------------------------------------------------------------------------

    async def _start(self) -> None:
        opened = open_house(self._settings(), _wording())
        self._house = await self._open.enter_async_context(opened)
        url = await self._open.enter_async_context(_at_work(self._house))
        await self._messenger.connect(self._house, url)

    def _settings(self) -> Settings:
        given: dict[str, Any] = {
            "hesbot_home": self._home,
            "hesbot_now": self._now,
            **{name.lower(): value for name, value in self._wanted.items()},
            **self._messenger.settings(),
        }
        if self._hes:
            given |= {
                "hes_service_url": self._hes.base_url,
                "hes_service_user": self._hes.user,
                "hes_service_password": SecretStr(self._hes.password),
            }
        return Settings(**given)


@cache
def _wording() -> Wording:
    """The catalogues, read once for all houses of a process: nothing ever changes them."""
    return Wording.load()


@asynccontextmanager
async def _at_work(house: House) -> AsyncIterator[str]:
    """Desk, channels and server at work; the server's address."""
    channels = channels_of(house)
    app = application(channels, house.database)
    async with serve(app) as url, working(house, channels):
        yield url


def bare(code: str) -> str:
    """A HES code without dashes."""
    return code.replace("-", "")


def _moment(until: str) -> datetime | None:
    if until == "süresiz":
        return None
    return datetime.fromisoformat(until).replace(hour=20, tzinfo=ISTANBUL).astimezone(UTC)
