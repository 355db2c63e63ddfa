"""The card system's list taken in by ``hesbot cards import``, and validators asking about it."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from random import Random

import msgspec

from tests.benchmarks.bots import HESBOT, PATIENCE, listening, process
from tests.benchmarks.citizens import WrongAnswer, card_number
from tests.benchmarks.commands import environment, timed
from tests.benchmarks.results import Row, verdict
from tests.benchmarks.wire import Line, posting
from tests.faults.processes import free_port

IMPORT_GOAL = 100_000
"""Cards a second."""
TURNSTILE_GOAL = 5.0
"""Milliseconds, of 99 in 100."""
RATE = 1000
"""Questions a second."""
LINES = 50
Post = Callable[..., bytes]
SEED = 34_260_087


async def measure(home: Path, cards: int, seconds: float) -> list[Row]:
    """Take the cards in, then ask about them for so many seconds."""
    os.makedirs(home)
    file = home / "cards.csv"
    with file.open("w", encoding="utf-8") as out:
        out.write("kart;kişisel\n")
        for number in range(cards):
            out.write(f"{card_number(number)};{'evet' if number % 4 == 0 else 'hayır'}\n")
    taken, took = await timed(home, "cards", "import", str(file))
    if taken["added"] != cards:
        raise WrongAnswer(f"{taken['added']} cards of {cards} taken in")
    speed = cards / taken["seconds"]
    imported = Row(
        f"{cards:,} cards in by `hesbot cards import`, sealed",
        f"{speed:,.0f} rows/s ({took:.1f} s with the start of the command)",
        f"≥ {IMPORT_GOAL:,} rows/s",
        verdict(speed, IMPORT_GOAL, least=True),
    )
    return [imported, await _turnstile(home, cards, seconds)]


async def _turnstile(home: Path, cards: int, seconds: float) -> Row:
    key, port = "a-key-of-the-turnstiles", free_port()
    given = environment(
        home,
        PORT=str(port),
        INTEGRATION_KEYS=f"gates:{hashlib.sha256(key.encode()).hexdigest()}",
    )
    async with process((*HESBOT, "run"), given, home / "server") as started:
        await listening(started, port, home / "server")
        post = asking(port, key)
        # The first second is for what is read for the first time.
        await ask(port, post, cards, 1.0)
        times = sorted(await ask(port, post, cards, seconds))
    p50, p99 = times[len(times) // 2] * 1000, times[len(times) * 99 // 100] * 1000
    return Row(
        f"validators' answers over HTTP at {RATE:,}/s among {cards:,} cards",
        f"p50 {p50:.1f} ms, p99 {p99:.1f} ms",
        f"p99 ≤ {TURNSTILE_GOAL:g} ms",
        verdict(p99, TURNSTILE_GOAL),
    )


def asking(port: int, key: str) -> Post:
    """How a validator with that key asks."""
    return posting("/api/boardings", port, "application/json", Authorization=f"Bearer {key}")


async def ask(port: int, post: Post, cards: int, seconds: float) -> list[float]:
    """Questions at the rate about any of so many cards; seconds until each was answered, counted
    from when it was due."""
    times: list[float] = []
    chance, places = Random(SEED), count()
    began = time.perf_counter()

    async def validator() -> None:
        line = await Line.to(port)
        while (due := began + next(places) / RATE) < began + seconds:
            await asyncio.sleep(due - time.perf_counter())
            status, body = await line.ask(post(_question(chance.randrange(cards))))
            times.append(time.perf_counter() - due)
            if status != 200 or b'"allowed":true' not in body:
                raise WrongAnswer(f"a validator was answered {status} {body!r}")
        line.close()

    async with asyncio.timeout(seconds + PATIENCE), asyncio.TaskGroup() as group:
        for _ in range(LINES):
            group.create_task(validator())
    return times


def _question(card: int) -> bytes:
    return msgspec.json.encode(
        {
            "card_number": card_number(card),
            "validator_id": "gate 7",
            "at": "2021-01-08T12:00:00+03:00",
        }
    )
