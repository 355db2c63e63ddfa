"""The results as a page and a picture: what was measured, on what, and which goals are missed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.benchmarks.bots import Bot
from tests.benchmarks.chart import Bar, bars
from tests.benchmarks.load import Figures
from tests.benchmarks.results import OPEN, Results, Row, verdict
from tests.benchmarks.side_by_side import Plan

SHOWN = "40"
"""Users in the first table and the picture: as many connections as Telegram opens by default."""

QUIET = 1.5
"""Load average up to which a machine counts as having nothing else to do."""

FOREWORD = """\
# Benchmarks

Made by `make bench`, in one run on one machine; absolute figures move from machine to machine,
ratios within a run hold. Do not edit: what stands below the notes is written by the run.
"""

METHOD = """\
## How it is measured

Each bot is a process of its own on one core; the load and a stand-in for the Bot API are on
another. Loopback, no TLS. Every user plays whole registrations of 12 messages over a keep-alive
connection: start, consent, eight fields, review, terms. Every answer is checked, and so is the
number of registrations on record afterwards: a wrong answer ends the run. In every round all bots
take their turn on fresh records; the figures are medians of the rounds. Processor time is of the
bot and its children, from `/proc`; memory is PSS after the load.

Ours is `hesbot run` as an operator starts it: signatures, dedupe, sealed records, commits on the
disk before the answer (`synchronous = FULL`), metrics, logs, the console, notices. The peers read
the same eight fields with our own parsers and check the same secrets; they neither seal nor
dedupe. Their Telegram webhook is a bare ASGI endpoint that bounds the body and hands only the
fields in use to the framework's types. python-telegram-bot answers through the API and keeps
talks in memory; aiogram answers through the API and keeps states in SQLite; "at its best" is one
handler without filters, one write per message, `gc.freeze()`, and answers in the webhook's own
response. The sources are in `tests/benchmarks/peers`. "Choices tapped" is our bot where people
tap the three choices instead of typing them: each tap costs a call to the Bot API besides the
answer.
"""


@dataclass(frozen=True, slots=True)
class Goal:
    """What a webhook is to reach at 40 users: messages a second, µs each, and its worst in 100."""

    rate: float
    cpu: float
    p99: float | None = None
    p50_open: float | None = None
    p99_open: float | None = None


GOALS = {
    "telegram": Goal(10_000, 90, 8, 1.2, 5),
    "whatsapp": Goal(6_000, 150),
}


def page(
    results: Results,
    rows: Sequence[Row],
    bots: Sequence[Bot],
    plan: Plan,
    measured: str,
    load: float,
) -> str:
    """The page. ``measured`` says when and on what, ``load`` is the machine's at the beginning."""
    rounds = f"{plan.rounds} interleaved {'rounds' if plan.rounds > 1 else 'round'}"
    how = f"Measured {measured}. {rounds} of {plan.seconds:g} s for each load."
    parts = [FOREWORD, how, _warning(load)]
    if results.figures:
        parts += [
            "![Messages a second](benchmarks.svg)",
            "## Messages in, side by side",
            f"{SHOWN} users who write again as soon as they are answered:",
            _main(results, bots),
            "Other loads, messages/s and p50 / p99 in ms:",
            _loads(results, bots, plan),
            "## Goals of the webhooks",
            _table(("goal", "measured", ""), _goals(results)),
        ]
    if rows:
        cells = [(row.work, row.result, row.goal, row.verdict) for row in rows]
        parts += ["## Other work", _table(("work", "measured", "goal", ""), cells)]
    return "\n\n".join(part.strip() for part in (*parts, METHOD) if part) + "\n"


def _warning(load: float) -> str:
    """What a reader must know of a run that did not have the machine to itself."""
    if load <= QUIET:
        return f"The machine had nothing else to do (load average {load:.1f} at the start)."
    return (
        f"**The machine was busy with other work: load average {load:.1f} at the start, where a"
        f" run that can be relied on has at most {QUIET}. Every time here is too long and every"
        " rate too low; ratios between bots of one table are rough. Run it again on a quiet"
        " machine before quoting a figure.**"
    )


def picture(results: Results, bots: Sequence[Bot], machine: str) -> str:
    """Messages a second of every bot but the floor, which would dwarf them all."""
    wanted = []
    for bot in bots:
        found = results.of(bot.name, SHOWN)
        if found is not None and bot.saved is not None:
            words = f"{found.messages:,.0f}/s · p99 {found.p99:.1f} ms"
            wanted.append(Bar(bot.title, found.messages, words, bot.ours))
    wanted.sort(key=lambda bar: -bar.value)
    title = f"Messages a second, {SHOWN} users, one core for the bot"
    return bars(title, machine.partition(", Linux")[0], wanted)


def _main(results: Results, bots: Sequence[Bot]) -> str:
    heading = (
        "bot",
        "messages/s",
        "registrations/s",
        "p50 / p99 ms",
        "CPU µs per message",
        "memory MB",
        "on disk before the answer",
    )
    lines = []
    for bot in bots:
        found = results.of(bot.name, SHOWN)
        if found is not None:
            registrations = f"{found.registrations:,.0f}" if bot.saved else "–"
            lines.append(
                (
                    f"**{bot.title}**" if bot.ours else bot.title,
                    f"{found.messages:,.0f}",
                    registrations,
                    _times(found),
                    f"{found.cpu:,.0f}",
                    f"{results.memory_of(bot.name):,.0f}",
                    bot.durable,
                )
            )
    return _table(heading, lines)


def _loads(results: Results, bots: Sequence[Bot], plan: Plan) -> str:
    others = [str(users) for users in plan.users if str(users) != SHOWN]
    heading = ("bot", *(f"{users} users" for users in others), f"{plan.rate:g} messages/s")
    lines = []
    for bot in bots:
        found = [results.of(bot.name, load) for load in (*others, OPEN)]
        if any(found):
            closed = [f"{each.messages:,.0f}/s, {_times(each)}" if each else "–" for each in found]
            lines.append((bot.title, *closed[:-1], _times(found[-1]) if found[-1] else "–"))
    return _table(heading, lines)


def _goals(results: Results) -> Iterable[tuple[str, ...]]:
    floor = results.of("floor", SHOWN)
    for name, goal in GOALS.items():
        found, open_ = results.of(name, SHOWN), results.of(name, OPEN)
        if found is None or open_ is None:
            continue
        title = "Telegram" if name == "telegram" else "WhatsApp"
        yield _least(f"{title}: messages/s at 40 users", found.messages, goal.rate)
        yield _most(f"{title}: µs CPU per message at 40 users", found.cpu, goal.cpu)
        if goal.p99 and goal.p50_open and goal.p99_open:
            yield _most(f"{title}: p99 ms at 40 users", found.p99, goal.p99)
            yield _most(f"{title}: p50 ms at 200 messages/s", open_.p50, goal.p50_open)
            yield _most(f"{title}: p99 ms at 200 messages/s", open_.p99, goal.p99_open)
        for peer, times in AGAINST[name]:
            other = results.of(peer, SHOWN)
            if other is not None:
                words = f"{title}: times the messages/s of {PEERS[peer]}"
                yield _least(words, found.messages / other.messages, times)
        if name == "telegram" and floor is not None:
            yield _most("Telegram: times the floor's CPU per message", found.cpu / floor.cpu, 4.5)


AGAINST = {"telegram": (("aiogram", 10), ("tuned", 5)), "whatsapp": (("fastapi", 11),)}
PEERS = {
    "aiogram": "aiogram on SQLite FULL",
    "tuned": "aiogram at its best",
    "fastapi": "FastAPI + SQLModel",
}


def _least(words: str, value: float, goal: float) -> tuple[str, ...]:
    return (f"{words} ≥ {goal:,g}", _number(value), verdict(value, goal, least=True))


def _most(words: str, value: float, goal: float) -> tuple[str, ...]:
    return (f"{words} ≤ {goal:,g}", _number(value), verdict(value, goal))


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _times(found: Figures) -> str:
    return f"{found.p50:.1f} / {found.p99:.1f}"


def _table(heading: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [heading, ["---"] * len(heading), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
