"""The Ministry's HES query service: does the code live, until when, and whose is it.

Facts: HTTP Basic, ``POST check-hes-code`` with ``{"hes_code": …}``; 200 carries masked fields and
an expiry in UTC; 400 carries ``errorKey``. The official manual is not public, so whatever cannot be
read counts as "could not check", never as "invalid".
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import aiohttp

from bot.clock import Clock
from bot.telemetry import ERRANDS
from conversations.actions import AskHesService, CodeChecked, Holder, Verdict
from conversations.turkish import fold

log = logging.getLogger("hesbot.hes")

TIME_LIMIT = 3.0
"""Seconds a citizen may be kept waiting for the Ministry."""
LARGEST_ANSWER = 64 * 1024

_REFUSALS = {
    "hescodenotfound": Verdict.NOT_FOUND,
    "hescodehasbeenexpired": Verdict.EXPIRED,
}
_STATUSES = {"RISKLESS": False, "RISKY": True}
NO_ANSWER = (
    TimeoutError,
    aiohttp.ClientError,
    OSError,
    ValueError,
    LookupError,
    OverflowError,
    RecursionError,
)
"""What a silent, broken or nonsensical answer raises; a date or a nesting can be absurd, too."""


class HesService:
    """Asks one code at a time. Use as an async context manager; it owns its connections."""

    def __init__(
        self, url: str, user: str, password: str, clock: Clock, time_limit: float = TIME_LIMIT
    ) -> None:
        self._url = f"{url.rstrip('/')}/check-hes-code"
        self._headers = {"Authorization": aiohttp.encode_basic_auth(user, password)}
        self._clock = clock
        self._time_limit = time_limit
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> HesService:
        self._session = aiohttp.ClientSession(
            headers=self._headers, timeout=aiohttp.ClientTimeout(total=self._time_limit)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def check(self, errand: AskHesService) -> CodeChecked:
        """The verdict on one code; UNCHECKED for every fault. Never raises."""
        try:
            status, body = await self._ask(errand.hes_code)
            found = judged(status, body, errand, self._clock())
        except NO_ANSWER as error:
            log.warning("no answer", extra={"error": type(error).__name__})
            found = CodeChecked(errand.links, Verdict.UNCHECKED)
        ERRANDS.labels(found.verdict).inc()
        return found

    async def _ask(self, code: str) -> tuple[int, Mapping[str, Any]]:
        if self._session is None:
            raise LookupError("not open")
        # The code goes to the Ministry and to nobody the Ministry points at.
        asked = {"hes_code": code}
        async with self._session.post(self._url, json=asked, allow_redirects=False) as response:
            if response.status not in (200, 400):
                raise ValueError("unexpected status")
            return response.status, await read_object(response, LARGEST_ANSWER)


async def read_object(response: aiohttp.ClientResponse, most: int) -> Mapping[str, Any]:
    """The body as a JSON object. Raise ValueError before more than so many bytes are kept."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > most:
            raise ValueError("answer too large")
    found = json.loads(bytes(body))
    if not isinstance(found, dict):
        raise ValueError("answer is not an object")
    return found


def judged(
    status: int, body: Mapping[str, Any], errand: AskHesService, now: datetime
) -> CodeChecked:
    """What an answer of the service means. Raise ValueError or LookupError if it is not clear."""
    if status == 400:
        verdict = _REFUSALS.get(str(body.get("errorKey")), Verdict.UNCHECKED)
        return CodeChecked(errand.links, verdict)
    risky = _STATUSES.get(str(body["current_health_status"]))
    if risky is None:
        raise ValueError("unknown status")
    until = moment(body.get("expiration_date"))
    if until is not None and until <= now:
        return CodeChecked(errand.links, Verdict.EXPIRED, until)
    # Of somebody else's code, the risk says nothing about this person.
    if not belongs_to(errand.holder, body):
        return CodeChecked(errand.links, Verdict.MISMATCH, until)
    return CodeChecked(errand.links, Verdict.VALID, until, risky)


def belongs_to(holder: Holder, masked: Mapping[str, Any]) -> bool:
    """Whether the masked owner can be this person: the last three digits of the identity number and
    the first two letters of each name, compared by Turkish folding.

    Raise ValueError if no digit of the number is shown.
    """
    return (
        _shows(holder.identity_number, _text(masked["masked_identity_number"]))
        and _begins(holder.first_name, _text(masked["masked_firstname"]))
        and _begins(holder.last_name or "", _text(masked["masked_lastname"]))
    )


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _shows(number: str, masked: str) -> bool:
    if not masked.strip("*"):
        raise ValueError("no digit is shown")
    first, last = masked.partition("*")[0], masked.rpartition("*")[2]
    return number.startswith(first) and number.endswith(last)


def _begins(name: str, masked: str) -> bool:
    visible = fold(masked.partition("*")[0]).replace(" ", "")
    return fold(name).replace(" ", "").startswith(visible)


def moment(text: Any) -> datetime | None:
    """An expiry as the service writes it, ISO and UTC. Raise ValueError if it is something else."""
    if text is None:
        return None
    found = datetime.fromisoformat(str(text))
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
