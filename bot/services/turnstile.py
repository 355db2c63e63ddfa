"""A card at a validator: may it pass, and the attempt kept first if it is suspended.

Questions that come together are answered together, in one read. Knows no HTTP and no sentence.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

import msgspec

from bot.clock import Clock
from bot.services.json_keys import RepeatedKey, quoted, refuse_repeated
from bot.services.moments import moment
from conversations.actions import Verdict
from conversations.calendar import ISTANBUL
from storage import Attempt, Boardings, Database, Passage, Unavailable

FUTURE = timedelta(days=1)
"""How far ahead of ours a validator's clock may be."""
EARLIEST = datetime(2020, 1, 1, tzinfo=ISTANBUL)
"""No card could be suspended before; a validator that says so has lost its clock."""
KEEP_WITHIN = 1.0
"""Seconds in which an attempt must be kept; somebody stands at the gate."""
MOST_AT_ONCE = 256
"""Questions in one read."""

_REASONS = {"paired": "active", "never_paired": "unpaired"}
"""Causes that have another name outside; all others keep theirs."""

REASONS = (
    *_REASONS.values(),
    "suspended",
    "deadline_passed",
    *(f"code_{verdict}" for verdict in Verdict if verdict.denied),
)
"""All that a validator can be told; its sentences are ``turnstile.<reason>`` in the catalogues."""

_CARD = re.compile(r"[0-9]{16}", re.ASCII)
_VALIDATOR = re.compile(r"[^\W_][\w.:/ -]{0,63}")

Question = TypeVar("Question")
Answer = TypeVar("Answer")


def reason(passage: Passage) -> str:
    """Why a card may pass or not, in a word of ``REASONS``."""
    cause = passage.standing.cause
    return _REASONS.get(cause, cause)


# --- what was asked -------------------------------------------------------------------------


class _Asked(msgspec.Struct):
    card_number: Any = None
    validator_id: Any = None
    at: Any = None


_DECODER = msgspec.json.Decoder(_Asked)
_KEYS = quoted(_Asked.__struct_fields__)


def read_attempt(body: bytes, now: datetime) -> Attempt | str:
    """The attempt in a JSON body; or one line that says what is wrong with it."""
    try:
        asked = _DECODER.decode(body)
        refuse_repeated(body, _KEYS)
    except RepeatedKey:
        return "body: a key comes twice"
    except (msgspec.DecodeError, ValueError, RecursionError):
        return "body: a JSON object with card_number, validator_id and at"
    number = _digits(asked.card_number)
    if number is None:
        return "card_number: 16 digits"
    validator = str(asked.validator_id) if type(asked.validator_id) is int else asked.validator_id
    if not isinstance(validator, str) or not _VALIDATOR.fullmatch(validator):
        return "validator_id: 1 to 64 letters, digits, spaces and . : / _ -"
    at = moment(asked.at) if isinstance(asked.at, str) else None
    if at is None:
        return "at: a moment like 2021-01-15T08:30:00+03:00"
    if at < EARLIEST:
        return "at: lies before 2020"
    return Attempt(number, validator, at) if at <= now + FUTURE else "at: lies in the future"


def _digits(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    number = value.replace(" ", "").replace("-", "")
    return number if _CARD.fullmatch(number) else None


# --- what is answered -----------------------------------------------------------------------


class Gate:
    """Answers validators at the present moment of ``clock``."""

    def __init__(self, database: Database, boardings: Boardings, clock: Clock) -> None:
        self._database = database
        self._boardings = boardings
        self._clock = clock
        self._looks = Together(self._look)
        self._keeps = Together(self._keep)

    async def ask(self, attempt: Attempt) -> Passage:
        """Whether the card may pass; kept before, if it is suspended.

        Raise storage.Unavailable, within KEEP_WITHIN if an attempt cannot be kept: told again, it
        is kept once.
        """
        passage = await self._looks.ask(attempt.card_number)
        if passage.recorded and passage.card is not None:
            try:
                async with asyncio.timeout(KEEP_WITHIN):
                    await self._keeps.ask((attempt, passage.card))
            except TimeoutError:
                raise Unavailable("the attempt cannot be kept at the moment") from None
        return passage

    async def _look(self, numbers: Sequence[str]) -> list[Passage]:
        async with self._database.read() as connection:
            found = await self._boardings.look(connection, set(numbers), self._clock())
        return [found[number] for number in numbers]

    async def _keep(self, attempts: Sequence[tuple[Attempt, int]]) -> list[None]:
        async with self._database.begin() as connection:
            await self._boardings.keep(connection, dict(attempts), self._clock())
        return [None] * len(attempts)


class Together(Generic[Question, Answer]):
    """While one lot of questions is answered, others gather; the next lot takes them all.

    ``answer`` gives an answer to each, in the same order; its error is everybody's. Whoever has
    gone before their lot is begun is left out.
    """

    def __init__(self, answer: Callable[[Sequence[Question]], Awaitable[Sequence[Answer]]]) -> None:
        self._answer = answer
        self._waiting: list[tuple[Question, asyncio.Future[Answer]]] = []
        self._work: asyncio.Task[None] | None = None

    async def ask(self, question: Question) -> Answer:
        """The answer, once the lot that it comes into is answered."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if self._work is None:
            # A task of its own: who asked first may go away before the others are answered.
            self._work = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        try:
            while lot := self._waiting[:MOST_AT_ONCE]:
                del self._waiting[: len(lot)]
                # While the records are locked, those who gave up must not hold up the others.
                if left := [each for each in lot if not each[1].done()]:
                    await self._answer_lot(left)
        finally:
            self._work = None

    async def _answer_lot(self, lot: Sequence[tuple[Question, asyncio.Future[Answer]]]) -> None:
        try:
            answers = await self._answer([question for question, _ in lot])
        except Exception as error:
            for _, future in lot:
                if not future.done():
                    future.set_exception(error)
        else:
            for (_, future), answer in zip(lot, answers, strict=True):
                if not future.done():
                    future.set_result(answer)
