"""A bad day for the whole product, beside a model that says what must be on record after it.

    python -m tests.faults.run --minutes 60 --seed 1

Citizens register on Telegram, on WhatsApp and on the page, with mistakes; the Ministry's words come
in and notices go out. Meanwhile blow follows blow. At the end everything is let go, what waits goes
out, and the records are compared with what everybody was told. Ends with 1 if anything was lost,
or is there that must not be.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.citizens import Citizen
from tests.faults.blows import Scene, possible
from tests.faults.chats import Chat, TelegramChat, WebChat, WhatsAppChat
from tests.faults.judge import Verdict, judge, note_answers, open_notices
from tests.faults.stage import Stage, stage
from tests.faults.writers import Ministry, Model, Writer

SETTLED = 120.0
"""Seconds after the last blow within which all that waits has gone out."""
FORWARD = 600.0
"""Seconds that the clock goes ahead each time something still waits: messages that failed rest."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How bad a day: each kind of blow once, then any of them until so many ``minutes`` are over;
    ``only`` these, by name. ``people`` write at a time, each about every ``pause`` seconds, and
    ``calm`` seconds, about, lie between two blows."""

    minutes: float = 60.0
    seed: int = 1
    database: str = "sqlite"
    people: int = 9
    pause: float = 0.3
    calm: float = 1.0
    only: tuple[str, ...] = ()


@dataclass
class Report:
    """What was done, and what was found."""

    plan: Plan
    model: Model
    verdict: Verdict = field(default_factory=Verdict)
    blows: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    cuts: int = 0
    seconds: float = 0.0
    left_out: list[str] = field(default_factory=list)
    complaints: Counter[str] = field(default_factory=Counter)

    @property
    def is_good(self) -> bool:
        return not self.verdict.lost and not self.verdict.wrong

    def lines(self) -> list[str]:
        """For a person to read."""
        verdict, model = self.verdict, self.model
        channels = Counter(address.channel for _, address in model.saved.values())
        table = {
            "seed": f"{self.plan.seed}, {self.plan.database}, {self.seconds:.0f} s",
            "kills": f"{self.kills}, of them power cuts {self.cuts}",
            "faults": f"{self.blows.total()} of {len(self.blows)} kinds",
            "messages": f"{model.messages} answered, of them again {model.twice}",
            "registrations": f"{len(model.saved)}: {dict(channels)}",
            "words": f"{len(model.words)} of the Ministry's",
            "notices": f"{verdict.notices}, waiting for the operator {verdict.held}",
            "lost": str(len(verdict.lost)),
            "repeated": f"{len(verdict.repeated)}, all of them marked",
            "wrong": str(len(verdict.wrong)),
        }
        return [
            *(f"{name:14} {value}" for name, value in table.items()),
            *self.left_out,
            *(f"log {count:6}x {line}" for line, count in self.complaints.most_common(20)),
            *(f"REPEATED {line}" for line in verdict.repeated),
            *(f"LOST {line}" for line in verdict.lost),
            *(f"WRONG {line}" for line in verdict.wrong),
        ]


async def bad_day(folder: Path, plan: Plan, say: Callable[[str], None] = lambda _: None) -> Report:
    """Let it happen, and compare."""
    began = time.monotonic()
    chance = random.Random(plan.seed)
    model = Model()
    report = Report(plan, model)
    async with stage(folder, plan.database) as there:
        scene = Scene(there, chance)
        ministry = Ministry(model, there.port, there.now)
        crowd = _Crowd(there, model, plan)
        async with asyncio.TaskGroup() as group:
            watching = [group.create_task(each.supervise()) for each in there.processes]
            watching.append(group.create_task(_note(there, model)))
            sending = group.create_task(ministry.send())
            writing = group.create_task(crowd.write())
            await _strike(scene, plan, report, say)
            say("all is let go")
            scene.relieve()
            crowd.stop()
            await writing
            ministry.stop()
            await sending
            await _settle(scene)
            for task in watching:
                task.cancel()
        await _stop(there, scene)
        report.verdict = await judge(there, model)
        report.verdict.wrong += [*dict.fromkeys(scene.wrong)]
        for each in there.processes:
            report.verdict.wrong += each.ended
            report.complaints += each.complaints()
        report.kills, report.cuts = scene.kills, scene.cuts
    report.seconds = time.monotonic() - began
    return report


class _Crowd:
    """Citizens, one after another in each place, on all channels in turn."""

    def __init__(self, there: Stage, model: Model, plan: Plan) -> None:
        self._there = there
        self._model = model
        self._plan = plan
        self._next = 0
        self._over = asyncio.Event()

    def stop(self) -> None:
        """Let nobody new begin."""
        self._over.set()

    async def write(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self._plan.people):
                group.create_task(self._citizens())

    async def _citizens(self) -> None:
        while not self._over.is_set():
            self._next += 1
            citizen = Citizen(self._next)
            chance = random.Random(f"{self._plan.seed} {self._next}")
            chat = self._chat(citizen, chance)
            await Writer(citizen, chat, self._model, chance, self._plan.pause).register()

    def _chat(self, citizen: Citizen, chance: random.Random) -> Chat:
        there = self._there
        kind = citizen.number % 3
        if kind == 0:
            return WebChat(citizen, there.port, self._model.answer, chance)
        if kind == 1:
            return TelegramChat(citizen, there.telegram)
        return WhatsAppChat(citizen, there.twilio)


async def _strike(scene: Scene, plan: Plan, report: Report, say: Callable[[str], None]) -> None:
    """Each kind once in a random order, then any of them until the time is over."""
    known, report.left_out = possible(scene.stage)
    chosen = [name for name in known if not plan.only or name in plan.only]
    first = scene.chance.sample(chosen, len(chosen))
    began = time.monotonic()
    while first or time.monotonic() - began < 60 * plan.minutes:
        await scene.wait(0.3 * plan.calm, 2 * plan.calm)
        name = first.pop() if first else scene.chance.choice(chosen)
        at = time.monotonic() - began
        said = await known[name](scene)
        report.blows[name] += 1
        say(f"{at:7.1f} s  {said}")


async def _note(there: Stage, model: Model) -> None:
    while True:
        await asyncio.sleep(0.5)
        note_answers(there, model)
        # Nobody asks for it, and it grows by every call.
        there.telegram.log.clear()


async def _settle(scene: Scene) -> None:
    """Until every notice has gone out; a process that begins takes up what was held, too."""
    for each in scene.stage.processes:
        await each.stop()
        await each.start()
    left = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(SETTLED):
            while left := await open_notices(scene.stage):
                await asyncio.sleep(2)
                scene.ahead += FORWARD
                scene.relieve()
            await scene.stage.twilio.idle(30)
            return
    scene.wrong.append(f"{left} notices wait still, {SETTLED:.0f} s after all blows")


async def _stop(there: Stage, scene: Scene) -> None:
    for each in there.processes:
        status, body = await each.ask("/readyz")
        if status != 200:
            scene.wrong.append(f"{each.word}: /readyz says {status} {body}")
    codes = await asyncio.gather(*(each.stop() for each in there.processes))
    if any(codes):
        scene.wrong.append(f"told to stop, they ended with {codes}")


def _plan() -> tuple[Plan, Path | None]:
    usual = Plan()
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=usual.minutes)
    parser.add_argument("--seed", type=int, default=usual.seed)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default=usual.database)
    parser.add_argument("--people", type=int, default=usual.people, help="who write at a time")
    parser.add_argument("--pause", type=float, default=usual.pause, help="before each message")
    parser.add_argument("--only", nargs="*", default=(), help="names of blows")
    parser.add_argument("--folder", type=Path, help="where the logs and records are kept")
    given = vars(parser.parse_args())
    folder = given.pop("folder")
    return Plan(**{**given, "only": tuple(given["only"])}), folder


async def _stoppable(folder: Path, plan: Plan) -> Report:
    """Told to stop, it takes down what it has put up."""
    day = asyncio.ensure_future(bad_day(folder, plan, lambda line: print(line, flush=True)))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, day.cancel)
    return await day


def main() -> None:
    """Let it happen as the command line says; exit 1 if anything was lost or wrong."""
    plan, folder = _plan()
    with tempfile.TemporaryDirectory(prefix="hesbot-faults-") as room:
        kept = folder or Path(room)
        kept.mkdir(parents=True, exist_ok=True)
        report = asyncio.run(_stoppable(kept, plan))
    print(*report.lines(), sep="\n")
    sys.exit(0 if report.is_good else 1)


if __name__ == "__main__":
    main()
