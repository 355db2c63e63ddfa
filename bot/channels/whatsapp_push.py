"""Notices through WhatsApp: free text where the person wrote of late, an approved template else.

Sends one message and says what became of it. It must not know the records, the catalogues or the
limiter; and nothing of a letter goes to a log.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Self

from bot.channels import whatsapp_errors
from bot.channels.base import Fate, Letter, Limits, Outcome, Turn
from bot.channels.whatsapp_api import REFUSALS, Throttled, TwilioLine, Unanswered, Unreached
from bot.channels.whatsapp_errors import REFERENCE, SHORTEST_PAUSE, outcome_of

PREFIX = "whatsapp:"
INSIST = "#rc=5&rp=all&rt=4000"
"""Has Twilio post a report again that we could not write down; by itself it does so only where no
connection came about (Twilio, webhook connection overrides). It is no part of what is signed."""

VALIDITY = 4 * 3600
"""Seconds a message may wait at Twilio, which is as long as it queues any; then it fails and the
report says so (Twilio, Message resource, ValidityPeriod: 1 to 36000)."""

Templates = Callable[[str, str], str | None]
"""The ContentSid of a sentence in a language, if there is an approved template for it."""


class WhatsAppPush:
    """Pushes through one WhatsApp number at Twilio.

    ``line`` is opened and closed with this outlet. ``sender`` is our number, with ``whatsapp:`` or
    without. ``status_url`` is where Twilio reports what became of a message. ``rate`` is messages a
    second, ``gap`` seconds between two to one person (WhatsApp error 131056: about six).
    """

    name = "whatsapp"
    limits = Limits(text=1600, label=20)

    def __init__(
        self,
        line: TwilioLine,
        *,
        sender: str,
        status_url: str | None,
        templates: Templates,
        rate: float,
        gap: float = 6.0,
    ) -> None:
        self.rate, self.gap = rate, gap
        self._line = line
        self._sender = PREFIX + sender.removeprefix(PREFIX)
        self._status_url = status_url
        self._templates = templates

    async def __aenter__(self) -> Self:
        await self._line.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._line.__aexit__()

    async def push(self, letter: Letter, turn: Turn) -> Outcome:
        """Send one letter when its turn has come. Raises only what ``turn`` raises."""
        content = self._content(letter)
        if content is None:
            return Outcome(Fate.HELD, "no_template")
        await turn()
        try:
            sent = await self._line.client.messages.create_async(
                to=PREFIX + letter.to,
                from_=self._sender,
                validity_period=VALIDITY,
                **content,
                **self._callback(letter),
            )
        except Throttled as refusal:
            return Outcome(Fate.BUSY, "429", retry_after=refusal.retry_after or SHORTEST_PAUSE)
        except REFUSALS as refusal:
            return refused(refusal.status, str(refusal.code))
        except Unreached:
            return Outcome(Fate.AGAIN, "unreached")
        except Unanswered:
            return Outcome(Fate.UNKNOWN, "unanswered")
        return Outcome(Fate.SENT, provider_id=str(sent.sid or ""))

    def _content(self, letter: Letter) -> Mapping[str, str] | None:
        if letter.open:
            return {"body": letter.text}
        template = letter.template
        if template is None:
            template = self._templates(letter.name, letter.locale)
        if not template:
            return None
        if not letter.values:
            return {"content_sid": template}
        return {"content_sid": template, "content_variables": variables(letter.values)}

    def _callback(self, letter: Letter) -> Mapping[str, str]:
        if self._status_url is None:
            return {}
        query = f"{REFERENCE}={whatsapp_errors.written(letter.reference)}"
        return {"status_callback": f"{self._status_url}?{query}{INSIST}"}


def variables(values: Sequence[str]) -> str:
    """What is put into a template, as Twilio wants it (ContentVariables): numbered from 1."""
    return json.dumps({str(place): value for place, value in enumerate(values, 1)})


def refused(status: int, number: str) -> Outcome:
    """What an answer of 400 or more means, by its error number and HTTP status."""
    known = outcome_of(number)
    if known is not None:
        return known
    # A fault over there may have come after the message was taken.
    if status >= 500:
        return Outcome(Fate.UNKNOWN, "5xx")
    if status in (401, 403, 404):
        return Outcome(Fate.HALTED, str(status))
    return Outcome(Fate.BROKEN, "4xx")
