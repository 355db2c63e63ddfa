"""The product as it runs, between its citizens and its messengers; all but it is invented.

On SQLite it is one ``hesbot run``, on PostgreSQL a ``hesbot web`` and a ``hesbot worker``. Each
lives on a disk that can fail and by a clock that can be set, where there is a C compiler.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from storage import KeyRing
from tests.fakes.telegram import TOKEN, BotApi
from tests.fakes.twilio import ACCOUNT_SID, AUTH_TOKEN, SENDER, TwilioApi
from tests.faults.disk import Disk, library
from tests.faults.fleet import Kept
from tests.faults.postgresql import PostgreSQL, postgresql
from tests.faults.writers import KEYS

START = datetime(2021, 1, 4, 9, tzinfo=UTC)
"""Noon in Istanbul, eleven days before the deadline."""
PUBLIC = "https://hes.example.org"
RATE = 25.0
"""Notices a second."""
RETRIES = 0.05
"""Real seconds that one second between Telegram's tries lasts."""


@dataclass
class Stage:
    """What is there. ``processes``: first the one that people reach."""

    processes: list[Kept]
    telegram: BotApi
    twilio: TwilioApi
    ring: KeyRing
    url: str
    server: PostgreSQL | None
    disk: Disk | None
    began: float = field(default_factory=time.monotonic)

    @property
    def front(self) -> Kept:
        return self.processes[0]

    def port(self) -> int:
        """Where people and the Ministry reach us."""
        return self.front.port

    def now(self) -> datetime:
        """What time it is for everybody but a process whose clock was set."""
        return START + timedelta(seconds=time.monotonic() - self.began)

    def clock(self) -> Mapping[str, str]:
        """What a process that starts now is told of the time."""
        ahead = timedelta(seconds=self.disk.shift if self.disk else 0)
        return {"HESBOT_NOW": (self.now() + ahead).isoformat()}


@asynccontextmanager
async def stage(folder: Path, database: str) -> AsyncIterator[Stage]:
    """All of it, started; gone at the end."""
    ring = KeyRing.new()
    began = time.monotonic()

    def now() -> datetime:
        return START + timedelta(seconds=time.monotonic() - began)

    webhook = f"{PUBLIC}/whatsapp#rc=5&rp=all&rt=4000"
    async with AsyncExitStack() as stack:
        telegram = await stack.enter_async_context(BotApi(time_scale=RETRIES, clock=now))
        twilio = await stack.enter_async_context(TwilioApi(webhook=webhook, clock=now))
        server = None
        if database == "postgresql":
            server = await stack.enter_async_context(postgresql())
        words = ("web", "worker") if server else ("run",)
        url = server.url if server else f"sqlite:///{folder / 'run' / 'hesbot.sqlite3'}"
        settings = _settings(folder, ring, url, telegram, twilio)
        made = library()
        (folder / "run").mkdir()
        disk = Disk(folder / "run", made) if made else None
        processes = [Kept(word, folder / word, settings, disk) for word in words]
        found = Stage(processes, telegram, twilio, ring, url, server, disk, began)
        telegram.reroute(PUBLIC, f"http://127.0.0.1:{found.port()}")
        twilio.reroute(PUBLIC, f"http://127.0.0.1:{found.port()}")
        for each in processes:
            each.anew = found.clock
            stack.push_async_callback(each.kill)
        for each in processes:
            await each.start()
        yield found


def _settings(
    folder: Path, ring: KeyRing, url: str, telegram: BotApi, twilio: TwilioApi
) -> dict[str, str]:
    keys = folder / "ring.json"
    keys.write_text(ring.text())
    keys.chmod(0o600)
    return {
        "DATABASE_URL": url,
        "HESBOT_KEYS": str(keys),
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "TELEGRAM_WEBHOOK_SECRET": "a-secret-of-the-webhook",
        "TELEGRAM_API_BASE": telegram.base_url,
        "TELEGRAM_RATE": str(RATE),
        "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
        "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "TWILIO_WHATSAPP_FROM": SENDER,
        "TWILIO_API_BASE": twilio.base_url,
        "PUBLIC_URL": PUBLIC,
        "INTEGRATION_KEYS": KEYS,
    }
