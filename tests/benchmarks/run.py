"""``make bench``: everything measured in one run, written into ``docs/benchmarks.md`` and ``.svg``.

``python -m tests.benchmarks.run --quick`` for a short look that writes nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from tests.benchmarks import cards_in, machine, notices_out, starting, suspending
from tests.benchmarks.bots import BOTS
from tests.benchmarks.report import page, picture
from tests.benchmarks.results import Results, Row
from tests.benchmarks.side_by_side import QUICK, Plan, measure
from tests.faults.processes import ROOT

DOCS = ROOT / "docs"
WORK = ("side", "start", "cards", "risk", "notices", "broadcast")


def words(given: Sequence[str] | None = None) -> argparse.Namespace:
    """What was asked for on the command line."""
    usual = Plan()
    parser = argparse.ArgumentParser(prog="tests.benchmarks.run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round; writes nothing")
    parser.add_argument("--only", nargs="+", choices=WORK, default=WORK, help="what to measure")
    parser.add_argument("--bots", nargs="+", choices=[bot.name for bot in BOTS])
    parser.add_argument("--rounds", type=int, default=usual.rounds)
    parser.add_argument("--seconds", type=float, default=usual.seconds, help="of each load")
    parser.add_argument("--cards", type=int, default=500_000, help="cards to take in")
    parser.add_argument("--codes", type=int, default=10_000, help="codes to suspend")
    parser.add_argument("--links", type=int, default=12_000, help="cards paired beforehand")
    parser.add_argument("--notices", type=int, default=20_000, help="people to remind")
    parser.add_argument("--people", type=int, default=500_000, help="people of a broadcast")
    parser.add_argument("--out", type=Path, default=DOCS, help="folder of the page and the picture")
    return parser.parse_args(given)


def _told(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


async def _other_work(given: argparse.Namespace, home: Path) -> list[Row]:
    rows: list[Row] = []
    small = 10 if given.quick else 1
    people, codes = given.notices // small, given.codes // small
    work = {
        "start": lambda: starting.measure(home / "start"),
        "cards": lambda: cards_in.measure(home / "cards", given.cards // small, 10 / small),
        "risk": lambda: suspending.measure(home / "risk", codes, given.links // small),
        "notices": lambda: notices_out.measure(home / "notices", people, people // 4),
        "broadcast": lambda: _broadcast(given.people // small),
    }
    for name, measured in work.items():
        if name in given.only:
            for row in await measured():
                rows.append(row)
                _told(f"{row.work}: {row.result} (goal {row.goal}) {row.verdict}")
    return rows


async def _broadcast(people: int) -> list[Row]:
    """By the script that measures it, in a process of its own for its memory's sake."""
    command = (sys.executable, "-m", "tests.benchmarks.broadcast_rows", "--people", str(people))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    found = [line for line in out.decode().splitlines() if line.startswith("deliveries written")]
    if process.returncode or not found:
        raise RuntimeError("the deliveries of a broadcast were not written")
    return [Row("the deliveries of a broadcast planned", found[0].partition(": ")[2])]


async def _run(given: argparse.Namespace, home: Path) -> tuple[Results, list[Row]]:
    plan = plan_of(given)
    results = Results()
    if "side" in given.only:
        bots = [bot for bot in BOTS if not given.bots or bot.name in given.bots]
        everywhere = os.sched_getaffinity(0)
        os.sched_setaffinity(0, machine.OF_THE_LOAD)
        try:
            results = await measure(bots, plan, home, _told)
        finally:
            os.sched_setaffinity(0, everywhere)
    return results, await _other_work(given, home)


def plan_of(given: argparse.Namespace) -> Plan:
    """How much of it is measured."""
    return QUICK if given.quick else Plan(rounds=given.rounds, seconds=given.seconds)


def _write(
    given: argparse.Namespace, results: Results, rows: Sequence[Row], described: str, load: float
) -> None:
    now = datetime.now(UTC)
    text = page(results, rows, BOTS, plan_of(given), f"on {now.day} {now:%B %Y}: {described}", load)
    if given.quick:
        print(text)
        return
    (given.out / "benchmarks.md").write_text(text, "utf-8")
    if results.figures:
        (given.out / "benchmarks.svg").write_text(picture(results, BOTS, described), "utf-8")


def main() -> None:
    given = words()
    load, described = os.getloadavg()[0], machine.described()
    with tempfile.TemporaryDirectory() as folder:
        results, rows = uvloop.run(_run(given, Path(folder)))
    _write(given, results, rows, described, load)


if __name__ == "__main__":
    main()
