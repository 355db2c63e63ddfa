"""Answers with real buttons: sent through Twilio's REST API, which TwiML cannot do.

Knows how an answer goes out and what to do when it does not; it must not know forms or sentences.
Whatever does not go out by REST is left to be said in TwiML, with its choices written out, so that
nobody is left without an answer. Texts and numbers are held in memory only, and for a short time.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from bot.channels.base import Answer, Message
from bot.channels.whatsapp_api import REFUSALS, Throttled, TwilioLine, Unanswered, Unreached
from bot.channels.whatsapp_content import MARK, Ends, Part, parts
from bot.channels.whatsapp_errors import LOST, TRAIL
from bot.telemetry import FAILED_CALLS
from bot.tracing import span
from bot.trail import written

log = logging.getLogger(__name__)

PATIENCE = 3.0
"""Seconds for a whole answer. Twilio is configured to wait four for its webhook's (``rt=4000``)."""

REMEMBERED = 10_000
"""How many answers are remembered; Twilio asks again within 15 seconds or never."""

ARRIVED = frozenset({"delivered", "read"})
"""Statuses after which nothing is to be done (Twilio, Message resource, Status); what is ``LOST``
is said again. Content that WhatsApp itself refuses is only told so: errors 63013, 63021."""

Sids = Callable[[str], str | None]
"""The ContentSid of a text by its name; None if it was never made."""


class Buttons:
    """Says answers that have buttons. Use as an async context manager; until then it says none.

    ``openers`` is what opens a list of choices, by language. ``status_url`` is where Twilio tells
    what became of a message.
    """

    def __init__(
        self,
        line: TwilioLine,
        sids: Sids,
        openers: Mapping[str, str],
        status_url: str | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self._line = line
        self._sids = sids
        self._openers = openers
        self._status_url = status_url
        self._patience = patience
        self._open = False
        self._said: OrderedDict[str, asyncio.Task[Answer]] = OrderedDict()
        self._sent: OrderedDict[str, tuple[Ends, str]] = OrderedDict()

    async def __aenter__(self) -> Self:
        await self._line.__aenter__()
        self._open = True
        return self

    async def __aexit__(self, *raised: object) -> None:
        self._open = False
        await asyncio.gather(*self._said.values(), return_exceptions=True)
        await self._line.__aexit__(*raised)

    async def say(self, answer: Answer, message: str, ends: Ends) -> Answer:
        """Send the answer to a message if buttons are in it; what is left to be said in TwiML.

        The same message again is not answered twice: this process remembers what it sent. What
        another one may have sent is said in TwiML, rather twice than never.
        """
        if message not in self._said:
            planned = [] if answer.repeated or not self._open else self._planned(answer)
            if not any(part.sid for part in planned):
                return answer
            self._said[message] = asyncio.ensure_future(self._send(planned, ends, answer.locale))
            _trim(self._said)
        return await asyncio.shield(self._said[message])

    async def told(self, sid: str, status: str) -> None:
        """What became of a message with buttons. If it did not arrive, it is said in writing."""
        if status not in ARRIVED | LOST or sid not in self._sent:
            return
        ends, plain = self._sent.pop(sid)
        if status in LOST and self._open:
            await self._send([Part(plain)], ends, "")

    def _planned(self, answer: Answer) -> list[Part]:
        opener = self._openers.get(answer.locale, "")
        return [
            part
            for message in answer.messages
            for part in parts(message, answer.locale, opener, self._sids)
        ]

    async def _send(self, planned: Sequence[Part], ends: Ends, locale: str) -> Answer:
        """Send part after part; from the first that may not have gone out, all are left."""
        done = 0
        try:
            async with asyncio.timeout(self._patience):
                for part in planned:
                    with span("call", channel="whatsapp", part=done + 1, parts=len(planned)):
                        await self._post(part, ends)
                    done += 1
                    log.debug("answered by a call", extra={"part": done, "of": len(planned)})
        except Exception as error:
            why = _why(error)
            FAILED_CALLS.labels("whatsapp", why).inc()
            log.warning("call failed", extra={"why": why, "part": done + 1, "of": len(planned)})
        return Answer(tuple(Message(part.plain) for part in planned[done:]), locale=locale)

    async def _post(self, part: Part, ends: Ends) -> None:
        asked: dict[str, Any] = {"to": ends.to, "from_": ends.sender}
        if not part.sid:
            await self._line.client.messages.create_async(body=part.plain, **asked)
            return
        if self._status_url:
            asked["status_callback"] = f"{self._status_url}?{MARK}=1&{TRAIL}={written()}"
        sent = await self._line.client.messages.create_async(
            content_sid=part.sid, content_variables=part.variables, **asked
        )
        self._sent[str(sent.sid)] = (ends, part.plain)
        _trim(self._sent)


def _why(error: Exception) -> str:
    """By a list of our own: what is counted by must not grow with what arrives."""
    return next((why for kind, why in _CAUSES.items() if isinstance(error, kind)), "fault")


_CAUSES: Mapping[type[Exception], str] = {
    Throttled: "busy",
    Unreached: "unreached",
    Unanswered: "unanswered",
    TimeoutError: "unanswered",
    **dict.fromkeys(REFUSALS, "refused"),
}


def _trim(remembered: OrderedDict[str, Any]) -> None:
    while len(remembered) > REMEMBERED:
        remembered.popitem(last=False)
