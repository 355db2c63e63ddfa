"""The Ministry's HES query service, asked about many codes at once: every paired code, each night.

Facts: ``POST check-hes-codes`` with a list of at most 500 ``{"hes_code": …}``; the answer holds
``success_map`` (by code, what the single question answers with 200) and ``unsuccess_map`` (by code,
its ``errorKey``). Knows no records: questions in, verdicts out.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self

import aiohttp

from bot.clock import Clock
from bot.services.hes import NO_ANSWER, judged, read_object
from bot.telemetry import ERRANDS
from conversations.actions import AskHesService, CodeChecked, Holder, Verdict

log = logging.getLogger("hesbot.hes")

MOST_CODES = 500
"""Codes in one question; the service refuses more, and all of them."""
TIME_LIMIT = 30.0
"""Seconds for one question; nobody waits for it."""
TRIES, PAUSE = 3, 2.0
"""How often one question is put, and the seconds before it is put again, doubled each time."""
LARGEST_ANSWER = 1024 * 1024


class Question(Protocol):
    """A paired code, the links it is on, and whose it should be."""

    @property
    def hes_code(self) -> str: ...

    @property
    def links(self) -> tuple[int, ...]: ...

    @property
    def holder(self) -> Holder: ...


class HesBulk:
    """Asks up to ``MOST_CODES`` codes at a time. An async context manager with its connections."""

    def __init__(
        self,
        url: str,
        user: str,
        password: str,
        clock: Clock,
        *,
        time_limit: float = TIME_LIMIT,
        pause: float = PAUSE,
    ) -> None:
        self._url = f"{url.rstrip('/')}/check-hes-codes"
        self._headers = {"Authorization": aiohttp.encode_basic_auth(user, password)}
        self._clock = clock
        self._time_limit = time_limit
        self._pause = pause
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers=self._headers, timeout=aiohttp.ClientTimeout(total=self._time_limit)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def check(self, questions: Sequence[Question]) -> list[CodeChecked] | None:
        """A verdict for each question, in order; UNCHECKED where the answer is not clear.

        None if the service did not answer however often it was asked; never raises for it. More
        than ``MOST_CODES`` questions raise ValueError, and nobody is asked.
        """
        if len(questions) > MOST_CODES:
            raise ValueError("more codes than the service takes at once")
        body = await self._answer([question.hes_code for question in questions])
        if body is None:
            ERRANDS.labels("bulk_left").inc()
            return None
        found = [self._judged(question, body) for question in questions]
        for each in found:
            ERRANDS.labels(each.verdict).inc()
        return found

    async def _answer(self, codes: Sequence[str]) -> Mapping[str, Any] | None:
        for number in range(TRIES):
            if number:
                await asyncio.sleep(self._pause * 2 ** (number - 1))
            try:
                return await self._ask(codes)
            except NO_ANSWER as error:
                ERRANDS.labels("bulk_unanswered").inc()
                log.warning("no answer", extra={"error": type(error).__name__, "try": number + 1})
        return None

    async def _ask(self, codes: Sequence[str]) -> Mapping[str, Any]:
        if self._session is None:
            raise LookupError("not open")
        asked = [{"hes_code": code} for code in codes]
        async with self._session.post(self._url, json=asked, allow_redirects=False) as response:
            if response.status != 200:
                raise ValueError("unexpected status")
            body = await read_object(response, LARGEST_ANSWER)
        if not all(isinstance(body[name], dict) for name in ("success_map", "unsuccess_map")):
            raise ValueError("answer without its maps")
        return body

    def _judged(self, question: Question, body: Mapping[str, Any]) -> CodeChecked:
        code = question.hes_code
        errand = AskHesService(code, question.holder, question.links)
        try:
            if code in body["success_map"]:
                return judged(200, body["success_map"][code], errand, self._clock())
            error = {"errorKey": body["unsuccess_map"].get(code)}
            return judged(400, error, errand, self._clock())
        except (*NO_ANSWER, TypeError):
            # One code that cannot be read says nothing against the others.
            return CodeChecked(question.links, Verdict.UNCHECKED)
