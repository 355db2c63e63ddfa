"""Three web processes and two workers on one PostgreSQL on a bad day, and the accounts after it.

Citizens write and notices go out while one process after the other is killed and started again and
the database is restarted. Afterwards the records are compared with what everybody was told.

    python -m tests.faults.many_processes --minutes 5

prints what was done and what was found. Knows the product from outside, and its tables.
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
from dataclasses import dataclass, field, replace
from pathlib import Path

from storage import KeyRing
from tests.benchmarks.botapi import lean_bot_api
from tests.faults.accounts import NotingBotApi, compare, open_deliveries, recipients
from tests.faults.crowd import Crowd, Told
from tests.faults.fleet import Kept, fleet
from tests.faults.postgresql import PostgreSQL, postgresql
from tests.faults.troubles import TROUBLES, Scene, plan

SETTLED = 180.0
"""Seconds after the last trouble within which all that waits has gone out."""


@dataclass(frozen=True, slots=True)
class Size:
    """How bad a day: ``people`` write at a time, each about every ``pause`` seconds; ``recipients``
    are told something, ``rate`` a second; ``minutes`` of troubles of every kind, 0 for each process
    once and the database twice."""

    people: int = 12
    pause: float = 0.1
    recipients: int = 200
    rate: float = 25.0
    minutes: float = 0.0
    connections: int = 100
    webs: int = 3
    workers: int = 2
    seed: int = 20210115
    only: tuple[str, ...] = ()


@dataclass
class Report:
    """What was done, and all that must not be."""

    told: Told
    done: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    complaints: Counter[str] = field(default_factory=Counter)
    most_connections: int = 0
    seconds: float = 0.0

    def lines(self) -> list[str]:
        """For a person to read."""
        told = self.told
        messages = sum(map(len, told.answered.values()))
        return [
            *self.done,
            f"{len(told.saved)} registered, {messages} messages answered, {told.twice} twice",
            f"statuses {dict(told.statuses)}, {told.lost} hung up, slowest {told.slowest:.2f} s",
            f"at most {self.most_connections} connections; {self.seconds:.0f} s in all",
            *(f"log {count:5}x {line}" for line, count in self.complaints.most_common(40)),
            *(f"WRONG {line}" for line in self.wrong),
            "nothing was wrong" if not self.wrong else f"{len(self.wrong)} things were wrong",
        ]


async def bad_day(folder: Path, size: Size, say: Callable[[str], None] = lambda _: None) -> Report:
    """Let it happen, and compare."""
    began = time.monotonic()
    ring = KeyRing.new()
    api = NotingBotApi()
    async with postgresql(max_connections=size.connections) as server, lean_bot_api(api):
        await recipients(server.url, ring, size.recipients)
        crew = fleet(
            folder,
            server.url,
            ring.text(),
            api.url,
            webs=size.webs,
            workers=size.workers,
            rate=size.rate,
        )
        async with crew as (webs, workers):
            crowd = Crowd(webs, api, random.Random(size.seed), size.pause)
            report = Report(crowd.told)
            scene = Scene(server, webs, workers, random.Random(size.seed), folder)
            async with asyncio.TaskGroup() as group:
                watching = [group.create_task(each.supervise()) for each in (*webs, *workers)]
                watching.append(group.create_task(_watch(server, report)))
                writing = group.create_task(crowd.write(size.people))
                await _troubles(scene, size, report, say)
                crowd.stop()
                await writing
                await _until_settled(server, report, all_rounds=size.minutes > 0)
                for task in watching:
                    task.cancel()
            await _look_at(webs, workers, report)
            report.complaints = sum((each.complaints() for each in (*webs, *workers)), Counter())
        report.wrong += [*dict.fromkeys(crowd.told.wrong), *scene.wrong]
        report.wrong += await compare(
            server.url, ring, crowd.told, api, size.recipients, scene.kills, size.rate
        )
    report.seconds = time.monotonic() - began
    return report


async def _troubles(scene: Scene, size: Size, report: Report, say: Callable[[str], None]) -> None:
    """Those of the plan in a random order, or any of them for so many minutes."""
    began = time.monotonic()
    chance = random.Random(size.seed)
    known = [each for each in TROUBLES if not size.only or each.__name__ in size.only]
    planned = [*plan(scene)]
    chance.shuffle(planned)
    while planned or time.monotonic() - began < 60 * size.minutes:
        await asyncio.sleep(chance.uniform(0.1, 0.6))
        trouble = planned.pop() if planned and not size.only else chance.choice(known)
        if size.only:
            planned = []
        at = time.monotonic()
        name = await trouble(scene)
        report.done.append(f"{at - began:6.1f} s  {name}  ({time.monotonic() - at:.1f} s)")
        say(report.done[-1])
    await scene.complete()


async def _watch(server: PostgreSQL, report: Report) -> None:
    """How many connections our processes hold, looked at again and again."""
    counting = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE backend_type = 'client backend' AND application_name <> 'somebody else'"
    )
    while True:
        with suppress(Exception):
            async with asyncio.timeout(5), server.session() as session:
                while True:
                    count = await session.fetchval(counting)
                    report.most_connections = max(report.most_connections, count)
                    await asyncio.sleep(0.2)
        await asyncio.sleep(0.2)


async def _until_settled(server: PostgreSQL, report: Report, *, all_rounds: bool) -> None:
    """Until everything has gone out, and with ``all_rounds`` until a round of the timetable has
    begun since and none is open: there is one every minute."""
    since, left = time.time(), "nothing"
    with suppress(TimeoutError):
        async with asyncio.timeout(SETTLED):
            while left:
                left = await _left(server, since if all_rounds else 0.0)
                await asyncio.sleep(0.3)
            return
    report.wrong.append(f"{left}, {SETTLED:.0f} s after all troubles")


async def _left(server: PostgreSQL, since: float) -> str:
    """What is still to be done."""
    if waiting := await open_deliveries(server.url):
        return f"{waiting} deliveries wait still"
    if not since:
        return ""
    async with server.session() as session:
        found = await session.fetchrow(
            "SELECT count(*) FILTER (WHERE status = 'PENDING'), max(created_at)"
            " FROM dbos.workflow_status"
        )
    if found[0]:
        return f"{found[0]} rounds of the timetable are open still"
    return "" if found[1] > since * 1000 else "the timetable stands still"


async def _look_at(webs: list[Kept], workers: list[Kept], report: Report) -> None:
    """Everybody is ready, has not ended by itself, and goes when told to."""
    for each in (*webs, *workers):
        for path in ("/healthz", "/readyz"):
            status, body = await each.ask(path)
            if status != 200:
                report.wrong.append(f"{each.word}: {path} says {status} {body}")
        report.wrong += each.ended
    codes = await asyncio.gather(*(each.stop() for each in (*webs, *workers)))
    if any(codes):
        report.wrong.append(f"told to stop, they ended with {codes}")


def _size() -> tuple[Size, Path | None]:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    usual = Size(minutes=1.0)
    parser.add_argument("--minutes", type=float, default=usual.minutes)
    parser.add_argument("--people", type=int, default=60, help="who write at a time")
    parser.add_argument("--pause", type=float, default=usual.pause, help="between two messages")
    parser.add_argument("--recipients", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=usual.rate)
    parser.add_argument("--connections", type=int, default=usual.connections)
    parser.add_argument("--seed", type=int, default=usual.seed)
    parser.add_argument("--only", nargs="*", default=(), help="names of troubles")
    parser.add_argument("--folder", type=Path, help="where the logs are kept")
    given = vars(parser.parse_args())
    folder = given.pop("folder")
    return replace(usual, **given), folder


async def _stoppable(folder: Path, size: Size) -> Report:
    """Told to stop, it takes down what it has put up."""
    day = asyncio.ensure_future(bad_day(folder, size, lambda line: print(line, flush=True)))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, day.cancel)
    return await day


def main() -> None:
    """Let it happen as the command line says; exit 1 if anything was wrong."""
    size, folder = _size()
    with tempfile.TemporaryDirectory() as room:
        kept = folder or Path(room)
        kept.mkdir(parents=True, exist_ok=True)
        report = asyncio.run(_stoppable(kept, size))
    print(*report.lines()[len(report.done) :], sep="\n")
    sys.exit(1 if report.wrong else 0)


if __name__ == "__main__":
    main()
