"""How Twilio calls a customer's webhook: a signed form, 15 seconds, and few second tries.

Retries follow the connection overrides in the configured URL's fragment (``#rc=5&rp=all&rt=4000``:
how many, after what, milliseconds to wait for an answer). Without one there is a single retry, and
only where no connection came about. Knows nothing of what is posted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from secrets import token_hex
from time import monotonic
from typing import Self
from urllib.parse import parse_qs, urldefrag

from aiohttp import ClientConnectorError, ClientError, ClientSession, ClientTimeout, TCPConnector
from twilio.request_validator import RequestValidator

TIMEOUT = 15.0
"""Seconds for an answer, all tries together; the fragment may give a single try less."""

NO_CONNECTION = "ct"
NO_ANSWER = "rt"

Fields = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Policy:
    """When to try again: ``count`` times, after these ``kinds`` of failure (ct, rt, 4xx, 5xx)."""

    count: int
    kinds: frozenset[str]
    timeout: float

    @classmethod
    def read(cls, fragment: str, timeout: float) -> Self:
        told = {name: values[-1] for name, values in parse_qs(fragment).items()}
        patience = min(int(told.get("rt", 15_000)) / 1000, timeout)
        return cls(
            min(int(told.get("rc", 1)), 5),
            frozenset(told.get("rp", NO_CONNECTION).split(",")),
            patience,
        )

    def retries_after(self, kind: str) -> bool:
        return bool(kind) and ("all" in self.kinds or kind in self.kinds)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a webhook answered; ``kind`` names the failure, and is empty if there was none."""

    kind: str
    status: int = 0
    media_type: str = ""
    body: str = ""


@dataclass(frozen=True, slots=True)
class Post:
    """One request to a webhook and how it ended."""

    url: str
    fields: Fields
    status: int
    body: str = ""


class Webhooks:
    """Posts signed forms. ``reroutes`` lead public addresses to local ones; signatures stay."""

    def __init__(self, auth_token: str, timeout: float) -> None:
        self.reroutes: dict[str, str] = {}
        self.posts: list[Post] = []
        self.losses = 0
        self._validator = RequestValidator(auth_token)
        self._timeout = timeout
        self._session: ClientSession | None = None

    async def close(self) -> None:
        if self._session:
            await self._session.close()

    async def post(self, configured: str, fields: Fields) -> Heard:
        """Post to a URL as configured, fragment and all, until it answers or tries run out."""
        url, fragment = urldefrag(configured)
        policy = Policy.read(fragment, self._timeout)
        headers = {
            "X-Twilio-Signature": self._validator.compute_signature(url, fields),
            "I-Twilio-Idempotency-Token": token_hex(16),
        }
        deadline = monotonic() + self._timeout
        for _ in range(policy.count + 1):
            heard = await self._try(
                url, fields, headers, min(policy.timeout, deadline - monotonic())
            )
            self.posts.append(Post(url, fields, heard.status, heard.body))
            if not policy.retries_after(heard.kind) or monotonic() >= deadline:
                break
        return heard

    async def _try(self, url: str, fields: Fields, headers: Fields, seconds: float) -> Heard:
        try:
            async with self._client().post(
                self._local(url), data=fields, headers=headers, timeout=ClientTimeout(seconds)
            ) as response:
                heard = Heard("", response.status, response.content_type, await response.text())
        except ClientConnectorError:
            return Heard(NO_CONNECTION)
        except (ClientError, TimeoutError):
            return Heard(NO_ANSWER)
        if self.losses:
            self.losses -= 1
            return Heard(NO_ANSWER)
        return heard if response.ok else Heard(f"{response.status // 100}xx", response.status)

    def _local(self, url: str) -> str:
        for public, local in self.reroutes.items():
            if url.startswith(public):
                return local + url.removeprefix(public)
        return url

    def _client(self) -> ClientSession:
        if self._session is None:
            self._session = ClientSession(connector=TCPConnector(limit=0))
        return self._session
