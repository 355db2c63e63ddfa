"""The front desk: events in, one transaction per batch, answers out.

While one batch commits, arriving events gather; the next batch takes them all. There is no timer:
under light load a batch is one event and nobody waits, under heavy load hundreds share one look at
the inbox, one load of states, one bulk write and one commit. Events of one address are stepped in
order, and an answer is given only after the commit that keeps it.

The desk knows neither messengers nor sentences nor tables; it joins the talk, the records and the
wording.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

import msgspec

from bot.cases import Case, Outcome, by_address, twins
from bot.channels.base import Answer, Inbound, Limits, Unavailable
from bot.clock import Clock
from bot.errands import RunErrand, Runners, unanswered
from bot.opening import opening
from bot.rooms import Room
from bot.telemetry import BATCHES, EVENTS, FAULTS, REPEATS, fault
from bot.tracing import span
from bot.trail import Trail
from bot.wording import Wording
from conversations.actions import (
    Action,
    Errand,
    Finding,
    LanguagesFound,
    LookUpLanguages,
)
from conversations.engine import Turn, step
from conversations.events import Address, Event, Learned
from conversations.marking import marks
from conversations.registration import DOCUMENTS
from conversations.replies import Reply
from conversations.state import State, from_plain, to_plain
from storage import ANSWER_WITHIN, Asked, Connection, Contended, Conversations, Database, Kept
from storage import Unavailable as RecordsUnavailable

log = logging.getLogger("hesbot.desk")

CountMarks = Callable[[Iterable[str], datetime], None]
"""Is told what happened in the talk, once it is committed."""

ERRAND_LIMIT = 5.0
"""Seconds after which the desk answers without an errand that forgets its own limit."""

_read_answer = msgspec.json.Decoder(Answer).decode
_read_plain = msgspec.json.Decoder(dict).decode
_FAULT = Reply("fault.ours")


@dataclass(slots=True)
class _Talk:
    """One address within a batch: where it stands, and its events in order."""

    state: State
    cases: deque[Case]
    turn: Turn | None = None
    done: list[tuple[Case, Turn]] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)

    def advance(self, hear: Callable[[Event], Event], now: datetime) -> Action | None:
        """Step until the records are asked something; None when every event is dealt with."""
        while self.turn is None or self.turn.action is None:
            if self.turn is not None:
                self._close(self.turn)
            if not self.cases:
                return None
            case = self.cases[0]
            self.turn = _safely(self.state, hear(case.inbound.event), now, case.trail)
        return self.turn.action

    def learn(self, finding: Finding, now: datetime) -> None:
        """What the records answered is an event like any other."""
        if self.turn is not None:
            learned, trail = Learned(finding), self.cases[0].trail
            self.turn = self.turn.then(_safely(self.turn.state, learned, now, trail))

    def _close(self, turn: Turn) -> None:
        self.done.append((self.cases.popleft(), turn))
        self.marks += marks(self.state, turn)
        self.state, self.turn = turn.state, None


def _safely(state: State, event: Event, now: datetime, trail: Trail) -> Turn:
    """A step; a mistake of ours costs one apology and leaves the state as it was."""
    try:
        return step(state, event, now)
    except Exception as error:
        fault(log, "step", "step failed", error, trail, kind=type(event).__name__)
        return Turn(state, (_FAULT,))


class Desk:
    """Takes events from every channel and answers them."""

    def __init__(
        self,
        database: Database,
        conversations: Conversations,
        records: Room,
        wording: Wording,
        clock: Clock,
        limits: Mapping[str, Limits],
        errands: Runners = MappingProxyType({}),
        errand_limit: float = ERRAND_LIMIT,
        count: CountMarks | None = None,
    ) -> None:
        self._database = database
        self._conversations = conversations
        self._records = records
        self._wording = wording
        self._clock = clock
        self._limits = limits
        self._errands = errands
        self._errand_limit = errand_limit
        self._count = count
        self._arrived: list[Case] = []
        self._bell = asyncio.Event()
        self._asking: dict[tuple[Address, str], asyncio.Future[Answer]] = {}
        self._fingerprints: dict[str, Mapping[str, str]] = {}

    async def receive(self, inbound: Inbound) -> Answer:
        """The answer to one event, once it is committed. Raise Unavailable if it cannot be.

        Where the turn asked an outside service, what was learned is part of the answer.
        """
        outcome = await self._submit(inbound)
        run = None if outcome.errand is None else self._errands.get(type(outcome.errand))
        if outcome.errand is None or run is None:
            return outcome.answer
        # Copies of the message wait for the same finding, so that all get the same answer; and it
        # is kept even if nobody waits any more.
        name = (inbound.address, inbound.message)
        if name not in self._asking:
            work = self._finish(inbound, outcome.answer, outcome.errand, run)
            self._asking[name] = asyncio.ensure_future(work)
            self._asking[name].add_done_callback(lambda _: self._asking.pop(name, None))
        answer = await asyncio.shield(self._asking[name])
        return replace(answer, repeated=outcome.answer.repeated)

    async def _finish(
        self, inbound: Inbound, before: Answer, errand: Errand, run: RunErrand
    ) -> Answer:
        """Run the errand and let its finding in by the front door."""
        try:
            async with asyncio.timeout(self._errand_limit):
                finding = await run(errand)
        except Exception as error:
            fault(log, "errand", "errand failed", error, inbound.trail)
            finding = unanswered(errand)
        learned = replace(inbound, event=Learned(finding), sequence=None)
        return (await self._submit(learned, before)).answer

    async def look(self, address: Address, through: str = "") -> Answer:
        """What the person would be told on opening. Changes nothing; raise Unavailable."""
        try:
            async with self._database.read(ANSWER_WITHIN) as connection:
                kept = await self._conversations.states(connection, [address])
        except RecordsUnavailable as error:
            raise Unavailable from error
        return opening(
            _state(kept.get(address)), self._wording, self._limits[through or address.channel]
        )

    async def run(self) -> None:
        """Work until cancelled; the batch under way is finished first."""
        try:
            while True:
                await self._bell.wait()
                self._bell.clear()
                batch, self._arrived = self._arrived, []
                if batch:
                    await _to_the_end(self._work(batch))
        finally:
            for case in self._arrived:
                case.fail(Unavailable())

    async def _submit(self, inbound: Inbound, before: Answer | None = None) -> Outcome:
        case = Case.of(inbound, before)
        self._arrived.append(case)
        self._bell.set()
        return await case.outcome

    async def _work(self, batch: Sequence[Case]) -> None:
        """A batch that fails as a whole is tried again one address at a time."""
        BATCHES.observe(len(batch))
        try:
            try:
                await self._transact(batch)
            except Contended:
                # Another process had to come first, and has by now.
                FAULTS.labels("contended").inc()
                await self._transact(batch)
        except RecordsUnavailable:
            FAULTS.labels("records").inc()
            # Who came meanwhile would only wait as long again.
            late, self._arrived = self._arrived, []
            for case in (*batch, *late):
                case.fail(Unavailable())
        except Exception as error:
            alone = batch[0].trail if len(batch) == 1 else None
            fault(log, "batch", "batch failed", error, alone, size=len(batch))
            await self._split(batch)

    async def _split(self, batch: Sequence[Case]) -> None:
        groups = by_address(batch)
        if len(groups) > 1:
            for cases in groups.values():
                await self._work(cases)
        elif len(batch) > 1:
            for case in batch:
                await self._work([case])
        else:
            case = batch[0]
            case.settle(Outcome(case.before or self._apology(case.inbound)), "apologised")

    def _apology(self, inbound: Inbound) -> Answer:
        return self._wording.answer((_FAULT,), "", self._limits[inbound.channel])

    async def _transact(self, batch: Sequence[Case]) -> None:
        now = self._clock()
        repeats = twins(batch)
        single = [case for case in batch if case not in repeats]
        groups = by_address(single)
        together = span("batch", of=batch, events=len(batch))
        async with together, self._database.begin(ANSWER_WITHIN) as connection:
            await self._conversations.claim(connection, groups)
            names = [(case.inbound.address, case.inbound.message) for case in single if case.is_new]
            answers, states = await self._conversations.recall(connection, names, groups)
            repeated = self._repeats(single, answers, states)
            fresh = {
                address: kept
                for address, cases in groups.items()
                if (kept := [case for case in cases if case not in repeated])
            }
            talks = {
                address: _Talk(_state(states.get(address), cases[0].trail), deque(cases))
                for address, cases in fresh.items()
            }
            await self._converse(connection, talks, now)
            outcomes = self._outcomes(talks)
            await self._keep(connection, talks, outcomes, now)
        settled = repeated | outcomes
        for case, outcome in settled.items():
            case.settle(outcome)
        for twin, case in repeats.items():
            again = replace(settled[case].answer, repeated=True)
            twin.settle(replace(settled[case], answer=again))
        if self._count is not None:
            self._count((mark for talk in talks.values() for mark in talk.marks), now)
        REPEATS.inc(len(repeated) + len(repeats))
        for channel, events in Counter(case.inbound.address.channel for case in outcomes).items():
            EVENTS.labels(channel).inc(events)

    def _repeats(
        self,
        batch: Sequence[Case],
        answers: Mapping[tuple[Address, str], bytes],
        states: Mapping[Address, bytes],
    ) -> dict[Case, Outcome]:
        """Messages that were answered before, with the answer they got."""
        found: dict[Case, Outcome] = {}
        for case in batch:
            kept = answers.get((case.inbound.address, case.inbound.message))
            if case.is_new and kept is not None:
                answer = replace(_read_answer(kept), repeated=True)
                kept = states.get(case.inbound.address) if answer.unfinished else None
                found[case] = Outcome(answer, _state(kept, case.trail).errand)
        return found

    async def _converse(
        self, connection: Connection, talks: Mapping[Address, _Talk], now: datetime
    ) -> None:
        """Step every talk; what they ask of the records is asked in rounds, all at once."""
        waiting = dict(talks)
        while waiting:
            asked: dict[Address, Action] = {}
            for address, talk in waiting.items():
                action = talk.advance(self._wording.hear, now)
                if action is not None:
                    asked[address] = action
            waiting = {address: talks[address] for address in asked}
            findings = await self._perform(connection, asked, talks, now)
            for address, finding in findings.items():
                talks[address].learn(finding, now)

    async def _perform(
        self,
        connection: Connection,
        asked: Mapping[Address, Action],
        talks: Mapping[Address, _Talk],
        now: datetime,
    ) -> dict[Address, Finding]:
        found: dict[Address, Finding] = {}
        questions: list[Asked] = []
        for address, action in asked.items():
            if isinstance(action, LookUpLanguages):
                found[address] = LanguagesFound(self._wording.locales)
            else:
                locale = talks[address].state.locale
                questions.append(Asked(address, action, now, locale, self._texts(locale)))
        if questions:
            findings = await self._records.perform(connection, questions)
            found |= {
                question.address: finding
                for question, finding in zip(questions, findings, strict=True)
            }
        return found

    def _texts(self, locale: str) -> Mapping[str, str]:
        """The fingerprint of every document in the language it is shown in."""
        if locale not in self._fingerprints:
            self._fingerprints[locale] = {
                document.name: self._wording.fingerprint(document.name, locale)
                for document in DOCUMENTS
            }
        return self._fingerprints[locale]

    def _outcomes(self, talks: Mapping[Address, _Talk]) -> dict[Case, Outcome]:
        return {
            case: self._outcome(case, turn) for talk in talks.values() for case, turn in talk.done
        }

    def _outcome(self, case: Case, turn: Turn) -> Outcome:
        limits = self._limits[case.inbound.channel]
        answer = self._wording.answer(turn.replies, turn.state.locale, limits)
        if case.before is None:
            if type(turn.errand) in self._errands:
                answer = replace(answer, unfinished=True)
            return Outcome(answer, turn.errand)
        messages = case.before.messages + answer.messages
        return Outcome(
            replace(answer, messages=messages, retract=case.before.retract + answer.retract)
        )

    async def _keep(
        self,
        connection: Connection,
        talks: Mapping[Address, _Talk],
        outcomes: Mapping[Case, Outcome],
        now: datetime,
    ) -> None:
        """State, inbox row and answer in the transaction that the messenger's 200 waits for."""
        states = {
            address: None if talk.state.blank else msgspec.json.encode(to_plain(talk.state))
            for address, talk in talks.items()
        }
        rows = {
            case: Kept(
                case.inbound.address, case.inbound.message, msgspec.json.encode(outcome.answer)
            )
            for case, outcome in outcomes.items()
        }
        new = [row for case, row in rows.items() if case.is_new]
        steps = {address: talk.state.step for address, talk in talks.items()}
        await self._conversations.keep(connection, states, new, now, steps)
        for case, row in rows.items():
            if not case.is_new:
                await self._conversations.amend(connection, row.address, row.message, row.answer)


def _state(kept: bytes | None, trail: Trail | None = None) -> State:
    """Where the person stands; who stands where we cannot read could only begin anew."""
    if kept is None:
        return State()
    try:
        return from_plain(_read_plain(kept))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        fault(log, "state", "state unreadable", error, trail)
        return State()


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Do the work even if the caller is cancelled meanwhile; then the caller is cancelled."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise
