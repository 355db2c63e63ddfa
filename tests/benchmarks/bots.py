"""The bots that are measured side by side, each started as its operator would.

Ours is ``hesbot run`` with everything on: signatures, dedupe, sealing, commits on the disk,
metrics, logs, the console, notices. A bot is a process of its own, on a core of its own.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.botapi import TOKEN, LeanBotApi
from tests.benchmarks.machine import OF_THE_BOT
from tests.benchmarks.messengers import (
    AUTH_TOKEN,
    PUBLIC_URL,
    SECRET,
    Messenger,
    Telegram,
    WhatsApp,
)
from tests.faults.processes import ROOT, free_port, listens

PATIENCE = 90.0
"""Seconds to wait for a bot to start or stop; a busy machine takes its time."""
HESBOT = (sys.executable, "-m", "bot")
PEERS = "tests.benchmarks.peers"
OURS = ("hesbot.sqlite3", "SELECT count(*) FROM links")
THEIRS = ("peer.sqlite3", "SELECT count(*) FROM registrations")


@dataclass(frozen=True, slots=True)
class Bot:
    """``channel`` is how it is talked to; ``durable``, whether what was answered for is on the
    disk. ``saved``: the file that holds the registrations and how to count them, None for the
    floor."""

    name: str
    title: str
    channel: str
    command: tuple[str, ...]
    durable: str
    saved: tuple[str, str] | None = THEIRS
    taps: bool = False

    @property
    def ours(self) -> bool:
        return self.saved is OURS

    def messenger(self, port: int, api: LeanBotApi) -> Messenger:
        if self.channel == "whatsapp":
            return WhatsApp(port)
        return Telegram(port, api, taps=self.taps)

    def count(self, home: Path) -> int:
        """How many registrations are on record."""
        if self.saved is None:
            return 0
        file, sql = self.saved
        with closing(sqlite3.connect(home / file)) as database:
            return int(database.execute(sql).fetchone()[0])


def _peer(module: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"{PEERS}.{module}")


RUN = (*HESBOT, "run")
BOTS = (
    Bot("telegram", "hesbot, Telegram", "telegram", RUN, "yes", OURS),
    Bot("taps", "hesbot, Telegram, choices tapped", "telegram", RUN, "yes", OURS, taps=True),
    Bot("whatsapp", "hesbot, WhatsApp", "whatsapp", RUN, "yes", OURS),
    Bot("ptb", "python-telegram-bot ConversationHandler", "telegram", _peer("ptb"), "no"),
    Bot("aiogram", "aiogram FSM, SQLite FULL", "telegram", _peer("aiogram_fsm"), "yes"),
    Bot("tuned", "aiogram at its best, SQLite FULL", "telegram", _peer("aiogram_tuned"), "yes"),
    Bot("fastapi", "FastAPI + SQLModel, Twilio", "whatsapp", _peer("fastapi_twilio"), "yes"),
    Bot("floor", "bare ASGI on uvicorn, no logic", "telegram", _peer("floor"), "–", None),
)


def settings(home: Path, port: int, api: str) -> dict[str, str]:
    """What ours and the peers are told; each reads what it knows."""
    return {
        **{name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ},
        "PYTHONPATH": str(ROOT),
        "PYTHONUTF8": "1",
        "HESBOT_HOME": str(home),
        "PEER_HOME": str(home),
        "HESBOT_NOW": "2021-01-08T12:00",
        "PORT": str(port),
        "PUBLIC_URL": PUBLIC_URL,
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "TELEGRAM_WEBHOOK_SECRET": SECRET,
        "TELEGRAM_API_BASE": api,
        "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
    }


@asynccontextmanager
async def process(
    command: tuple[str, ...], environment: Mapping[str, str], home: Path, *, alone: bool = True
) -> AsyncIterator[Process]:
    """A program, stopped at the end; ``alone`` on the bots' core."""
    os.makedirs(home, exist_ok=True)
    with (home / "out").open("wb") as out, (home / "err").open("wb") as err:
        started = await asyncio.create_subprocess_exec(
            *command, env=dict(environment), stdin=DEVNULL, stdout=out, stderr=err
        )
    if alone:
        os.sched_setaffinity(started.pid, OF_THE_BOT)
    try:
        yield started
    finally:
        with suppress(ProcessLookupError):
            started.terminate()
        try:
            async with asyncio.timeout(PATIENCE):
                await started.wait()
        except TimeoutError:
            started.kill()
            await started.wait()


async def listening(started: Process, port: int, home: Path) -> None:
    """Return once it listens."""
    async with asyncio.timeout(PATIENCE):
        while not await listens(port):
            if started.returncode is not None:
                raise RuntimeError((home / "err").read_text("utf-8"))
            await asyncio.sleep(0.01)


@dataclass(frozen=True, slots=True)
class Started:
    """A bot at work."""

    pid: int
    port: int


@asynccontextmanager
async def at_work(
    bot: Bot, home: Path, api: LeanBotApi, *, alone: bool = True
) -> AsyncIterator[Started]:
    """The bot, ready to be written to, on empty records."""
    port = free_port()
    environment = settings(home, port, api.url)
    async with process(bot.command, environment, home, alone=alone) as started:
        await listening(started, port, home)
        yield Started(started.pid, port)
