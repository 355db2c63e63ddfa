"""Another system that calls the integration API over real HTTP. Keys and records are invented."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp
from prometheus_client import REGISTRY
from starlette.applications import Starlette

from bot.services.integration import routes
from bot.wording import Wording
from conversations.replies import Word
from tests.fakes.serving import serve
from tests.storage.people import AYSE, AYSE_ANSWERS, CARD, CODE, Office

WORDING = Wording.load()
KEY, GATE_KEY = "the ministry's key", "kapının anahtarı"
KEYS = {
    "ministry": hashlib.sha256(KEY.encode()).hexdigest(),
    "gates": hashlib.sha256(GATE_KEY.encode()).hexdigest(),
}
UNKNOWN_CARD = "7301000099998888"
AT = "2021-01-10T12:30:00+03:00"


def say(reason: str, language: str) -> str:
    return WORDING.text(Word(f"turnstile.{reason}"), language)


@dataclass
class Caller:
    """Another system, and what it last got."""

    url: str
    session: aiohttp.ClientSession
    headers: Mapping[str, str]
    status: int = 0
    answered: Mapping[str, str] | None = None

    async def post(self, path: str, body: Any, **headers: str) -> Any:
        """Send a body as it is, or as JSON; the answer's JSON."""
        given = {**self.headers, **{name.replace("_", "-"): each for name, each in headers.items()}}
        data = json.dumps(body).encode() if isinstance(body, dict | list) else body
        async with self.session.post(f"{self.url}{path}", data=data, headers=given) as response:
            self.status, self.answered = response.status, response.headers
            return json.loads(await response.read())

    async def feed(self, *records: Any, **headers: str) -> Any:
        """Send records of the feed, or lines as they are."""
        return await self.post("/api/risk-changes", lines(*records), **headers)

    async def board(self, number: str = CARD, **other: Any) -> Any:
        """Hold a card to a validator."""
        asked = {"card_number": number, "validator_id": "V-1", "at": AT, **other}
        return await self.post("/api/boardings", asked)


def lines(*records: Any) -> bytes:
    return b"\n".join(
        each if isinstance(each, bytes) else json.dumps(each).encode() for each in records
    )


def record(id: str = "r-1", code: str = CODE, status: str = "RISKY", **other: Any) -> Any:
    """A record of the feed."""
    moment = "2021-01-10T09:00:00+03:00"
    return {"id": id, "hes_code": code, "status": status, "changed_at": moment, **other}


@asynccontextmanager
async def calling(
    office: Office,
    keys: Mapping[str, str] = KEYS,
    clock: Callable[[], datetime] | None = None,
    **options: Any,
) -> AsyncIterator[Caller]:
    """The API, served, and somebody with the first key."""
    now = clock or (lambda: office.now)
    app = Starlette(routes=routes(keys, office.database, office.registry, now, say, **options))
    headers = {"Authorization": f"Bearer {KEY}"}
    async with serve(app) as url, aiohttp.ClientSession() as session:
        yield Caller(url, session, headers)


def counted(metric: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"hesbot_{metric}_total", labels) or 0.0


async def suspended(office: Office, caller: Caller, **other: Any) -> None:
    """Ayşe's card, held back."""
    await office.paired(AYSE, AYSE_ANSWERS)
    assert (await caller.feed(record(**other)))["cards"] == 1
