"""The product with every hop written down, and its lines sorted by the trail they carry."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fakes.telegram import BotApi
from tests.fakes.twilio import AUTH_TOKEN, SENDER, TwilioApi
from tests.faults.processes import Served, served

PUBLIC = "https://hes.example.org"
KEY = "the-ministry-and-its-long-key"

Line = Mapping[str, Any]


@dataclass
class Tracks:
    """The product at work beside the messengers, and what it has written."""

    server: Served
    api: BotApi
    twilio: TwilioApi

    @property
    def lines(self) -> list[Line]:
        """Of the log, in order."""
        written = self.server.stderr.read_text().splitlines()
        return [json.loads(line) for line in written if line.startswith("{")]

    def hops(self, trail: str) -> list[str]:
        """What is said with that id."""
        return [line["event"] for line in self.lines if line.get("trail") == trail]

    def trails(self, event: str) -> list[str]:
        """The ids of the lines that say so, in order."""
        return [line["trail"] for line in self.lines if line["event"] == event]


@asynccontextmanager
async def tracked(home: Path, **settings: str) -> AsyncIterator[Tracks]:
    """The product between a Bot API and a Twilio of our own."""
    async with (
        BotApi() as api,
        TwilioApi(webhook=f"{PUBLIC}/whatsapp#rc=5&rp=all&rt=4000") as twilio,
        served(
            home,
            **{
                "LOG_LEVEL": "debug",
                "PUBLIC_URL": PUBLIC,
                "TELEGRAM_BOT_TOKEN": api.token,
                "TELEGRAM_API_BASE": api.base_url,
                "TWILIO_ACCOUNT_SID": twilio.account_sid,
                "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
                "TWILIO_WHATSAPP_FROM": SENDER,
                "TWILIO_API_BASE": twilio.base_url,
                "INTEGRATION_KEYS": f"ministry:{hashlib.sha256(KEY.encode()).hexdigest()}",
                "HESBOT_NOW": "2021-01-08T12:00",
                **settings,
            },
        ) as server,
    ):
        api.reroute(PUBLIC, server.url)
        twilio.reroute(PUBLIC, server.url)
        yield Tracks(server, api, twilio)
