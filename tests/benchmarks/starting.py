"""How long it takes until one can talk to it: the terminal's first words, and
the server's readiness."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from pathlib import Path

from tests.benchmarks.botapi import TOKEN, lean_bot_api
from tests.benchmarks.bots import free_port
from tests.benchmarks.commands import environment, until_said
from tests.benchmarks.messengers import AUTH_TOKEN, PUBLIC_URL
from tests.benchmarks.results import Row, verdict

TIMES = 5
CHAT_GOAL, RUN_GOAL = 0.7, 2.5
"""Seconds."""


async def measure(home: Path) -> list[Row]:
    """The first start makes keys and tables, and the compiled modules if there are none."""
    async with lean_bot_api() as api:
        messengers = {
            "PORT": str(free_port()),
            "PUBLIC_URL": PUBLIC_URL,
            "TELEGRAM_BOT_TOKEN": TOKEN,
            "TELEGRAM_API_BASE": api.url,
            "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        }
        return [
            await _row(
                "`hesbot chat` to its first words", home, "Merhaba", ("chat",), {}, CHAT_GOAL
            ),
            await _row("`hesbot run` to ready, page only", home, "ready", ("run",), {"PORT": "0"}),
            await _row(
                "`hesbot run` to ready, both messengers", home, "ready", ("run",), messengers
            ),
        ]


async def _row(
    work: str,
    home: Path,
    word: str,
    words: tuple[str, ...],
    more: Mapping[str, str],
    goal: float = RUN_GOAL,
) -> Row:
    given = environment(home, **more)
    await until_said(word, *words, given=given)
    took = statistics.median([await until_said(word, *words, given=given) for _ in range(TIMES)])
    return Row(work, f"{took:.2f} s", f"≤ {goal:g} s", verdict(took, goal))
