"""What befalls the product: its processes, its disk, its clock, its messengers.

Each blow is over when it returns, and says what it was: what was stopped goes on, what was killed
is there again, what was held is let go. Those of PostgreSQL are in ``troubles``.
"""

from __future__ import annotations

import asyncio
import random
import signal
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field

from tests.fakes import telegram, twilio
from tests.faults import troubles
from tests.faults.disk import Disk
from tests.faults.stage import Stage

DAYS = 3
"""How often a whole day passes at most: messages are forgotten after seven."""


@dataclass
class Scene:
    """Where it happens. ``kills`` counts the processes and databases that went without a word,
    ``cuts`` those of them that were power cuts."""

    stage: Stage
    chance: random.Random
    kills: int = 0
    cuts: int = 0
    days: int = 0
    ahead: float = 0.0
    wrong: list[str] = field(default_factory=list)

    @property
    def disk(self) -> Disk:
        assert self.stage.disk is not None
        return self.stage.disk

    def relieve(self) -> None:
        """Fair weather, a good disk; the clock stays ahead by the days that have passed."""
        self.stage.telegram.weather = lambda method: telegram.Answer()
        self.stage.twilio.weather = twilio.Answer
        if self.stage.disk is not None:
            self.disk.order(full=False, broken=False, slow=0, shift=self.ahead)

    async def wait(self, shortest: float, longest: float) -> float:
        """So many seconds pass."""
        seconds = self.chance.uniform(shortest, longest)
        await asyncio.sleep(seconds)
        return seconds


Blow = Callable[[Scene], Awaitable[str]]
"""Strikes, and says what it was."""


# --- processes ------------------------------------------------------------------------------


async def kill(scene: Scene) -> str:
    """SIGKILL, once or several times in a row, each soon after the start."""
    kept = scene.chance.choice(scene.stage.processes)
    times = scene.chance.choice([1, 1, 1, 3])
    for _ in range(times):
        await kept.kill()
        await scene.wait(0, 0.3)
        await kept.start()
        if times > 1:
            await scene.wait(0, 0.3)
    scene.kills += times
    return f"{kept.word} killed" + f" {times} times" * (times > 1)


async def power_cut(scene: Scene) -> str:
    """SIGKILL, and whatever was not synced is gone."""
    kept = scene.stage.front
    scene.kills += 1
    scene.cuts += 1
    await kept.kill()
    await asyncio.to_thread(scene.disk.cut)
    await kept.start()
    return "power cut"


async def stand_still(scene: Scene) -> str:
    """A process gets no turn for a while, as on a machine that swaps."""
    kept = scene.chance.choice(scene.stage.processes)
    kept.signal(signal.SIGSTOP)
    try:
        seconds = await scene.wait(0.5, 6)
    finally:
        kept.signal(signal.SIGCONT)
    return f"{kept.word} stood still for {seconds:.1f} s"


async def restart(scene: Scene) -> str:
    """Told to go, as for a new version."""
    kept = scene.chance.choice(scene.stage.processes)
    code = await kept.stop()
    if code:
        scene.wrong.append(f"{kept.word}, told to stop, ended with {code}")
    await kept.start()
    return f"{kept.word} restarted"


# --- the disk -------------------------------------------------------------------------------


async def full_disk(scene: Scene) -> str:
    """Nothing more can be written for a while."""
    scene.disk.order(full=True)
    seconds = await scene.wait(1, 6)
    scene.relieve()
    return f"disk full for {seconds:.1f} s"


async def broken_disk(scene: Scene) -> str:
    """Nothing can be synced for a while; sometimes a power cut follows."""
    scene.disk.order(broken=True)
    seconds = await scene.wait(0.5, 3)
    followed = scene.chance.random() < 0.5
    if followed:
        await power_cut(scene)
    scene.relieve()
    return f"disk broken for {seconds:.1f} s" + ", then a power cut" * followed


async def slow_disk(scene: Scene) -> str:
    """Every sync takes long."""
    scene.disk.order(slow=scene.chance.choice([50, 300, 1500]))
    seconds = await scene.wait(2, 6)
    slow = scene.disk.slow
    scene.relieve()
    return f"a sync took {slow} ms for {seconds:.1f} s"


async def lock(scene: Scene) -> str:
    """Somebody else writes, and takes their time."""
    held = scene.chance.choice([0.5, 2, 4, 7, 9])
    file = scene.stage.url.removeprefix("sqlite:///")
    await asyncio.to_thread(_hold, file, held)
    return f"database locked for {held} s"


def _hold(file: str, seconds: float) -> None:
    import time

    with closing(sqlite3.connect(file, timeout=30, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        time.sleep(seconds)
        database.execute("ROLLBACK")


# --- the clock ------------------------------------------------------------------------------


async def leap(scene: Scene) -> str:
    """The clock jumps, and is put right again."""
    jump = scene.chance.choice([90, 900, 3 * 3600, -30, -600, -2 * 3600])
    scene.disk.order(shift=scene.ahead + jump)
    seconds = await scene.wait(1, 4)
    scene.relieve()
    return f"clock {jump:+} s for {seconds:.1f} s"


# --- messengers -----------------------------------------------------------------------------


async def bad_weather(scene: Scene) -> str:
    """Messengers answer with faults, break off after they have done it, say nothing."""
    draw = scene.chance.random
    scene.stage.telegram.weather = lambda method: _telegram_weather(draw())
    scene.stage.twilio.weather = lambda: _twilio_weather(draw())
    seconds = await scene.wait(2, 10)
    scene.relieve()
    return f"bad weather at the messengers for {seconds:.1f} s"


def _telegram_weather(drawn: float) -> telegram.Answer:
    if drawn < 0.3:
        return telegram.Answer(502)
    if drawn < 0.5:
        return telegram.Answer(fate="lost")
    return telegram.Answer(fate="hang") if drawn < 0.55 else telegram.Answer()


def _twilio_weather(drawn: float) -> twilio.Answer:
    if drawn < 0.3:
        return twilio.Answer(503)
    if drawn < 0.5:
        return twilio.Answer(fate="lost")
    return twilio.Answer(fate="hang") if drawn < 0.55 else twilio.Answer()


async def slow_messengers(scene: Scene) -> str:
    """Everything takes its time there."""
    seconds = scene.chance.choice([0.5, 2, 5])
    scene.stage.telegram.weather = lambda method: telegram.Answer(after=seconds)
    scene.stage.twilio.weather = lambda: twilio.Answer(after=seconds)
    lasted = await scene.wait(3, 8)
    scene.relieve()
    return f"messengers took {seconds} s each, for {lasted:.1f} s"


async def flood_limit(scene: Scene) -> str:
    """We are too fast for the messengers, they say."""
    after = scene.chance.randint(1, 4)
    scene.stage.telegram.weather = lambda method: telegram.Answer(429, retry_after=after)
    scene.stage.twilio.weather = lambda: twilio.Answer(429, 20429)
    seconds = await scene.wait(0.5, 3)
    scene.relieve()
    return f"429, retry after {after} s, for {seconds:.1f} s"


async def mixed_up_updates(scene: Scene) -> str:
    """Messages come twice, answers are lost, reports come in disorder and again."""
    for _ in range(scene.chance.randint(5, 20)):
        scene.chance.choice(
            [
                scene.stage.telegram.deliver_twice,
                scene.stage.telegram.lose_next_response,
                scene.stage.twilio.deliver_twice,
                scene.stage.twilio.lose_next_response,
            ]
        )()
    scene.stage.twilio.shuffle_statuses(scene.chance.randrange(1000))
    scene.stage.twilio.repeat_statuses(scene.chance.randint(0, 2))
    seconds = await scene.wait(1, 4)
    return f"updates and reports doubled, lost and swapped for {seconds:.1f} s"


async def day_without_messengers(scene: Scene) -> str:
    """A whole day passes in which no messenger takes anything."""
    if scene.days >= DAYS:
        return await bad_weather(scene)
    scene.days += 1
    scene.stage.telegram.weather = lambda method: telegram.Answer(502)
    scene.stage.twilio.weather = lambda: twilio.Answer(503)
    for _ in range(12):
        scene.ahead += 2 * 3600
        scene.disk.order(shift=scene.ahead)
        await asyncio.sleep(0.7)
    scene.relieve()
    return "messengers down for a day"


# --- which ----------------------------------------------------------------------------------


def _postgresql(name: str) -> Blow:
    trouble = getattr(troubles, name)

    async def strike(scene: Scene) -> str:
        stage = scene.stage
        assert stage.server is not None
        folder = stage.front.home.parent
        there = troubles.Scene(
            stage.server, stage.processes[:1], stage.processes[1:], scene.chance, folder
        )
        said = await trouble(there)
        scene.kills += there.kills
        scene.wrong += there.wrong
        return str(said)

    return strike


ANYWHERE: Mapping[str, Blow] = {
    "kill": kill,
    "restart": restart,
    "stand_still": stand_still,
    "bad_weather": bad_weather,
    "slow_messengers": slow_messengers,
    "flood_limit": flood_limit,
    "mixed_up_updates": mixed_up_updates,
}
WITH_A_CLOCK: Mapping[str, Blow] = {"leap": leap, "day_without_messengers": day_without_messengers}
ON_A_DISK: Mapping[str, Blow] = {
    "power_cut": power_cut,
    "full_disk": full_disk,
    "broken_disk": broken_disk,
    "slow_disk": slow_disk,
}
ON_SQLITE: Mapping[str, Blow] = {"lock": lock}
ON_POSTGRESQL: Mapping[str, Blow] = {
    f"database_{name}": _postgresql(name)
    for name in ("restart", "outage", "freeze", "terminate", "block", "crowd_out")
}


def possible(stage: Stage) -> tuple[dict[str, Blow], list[str]]:
    """What can happen here, by name; and a word on what cannot, and why."""
    found = {**ANYWHERE, **(ON_POSTGRESQL if stage.server else ON_SQLITE)}
    if stage.disk is None:
        why = "there is no C compiler for a disk that fails and a clock that jumps"
        return found, [f"left out: {', '.join((*WITH_A_CLOCK, *ON_A_DISK))}; {why}"]
    found |= WITH_A_CLOCK
    if not stage.server:
        found |= ON_A_DISK
    return found, []
