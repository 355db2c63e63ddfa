"""WhatsApp through Twilio: signed form posts in, TwiML in the response out.

Moves bytes between Twilio and the desk. It must not know forms, sentences or tables, and it never
writes a text or a person's number to a log. The account's SID and the sender's number play no part
here: an answer goes back in the response to the message it answers.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from twilio.request_validator import RequestValidator
from twilio.twiml.messaging_response import MessagingResponse

from bot.channels import whatsapp_errors
from bot.channels.base import (
    Answer,
    FrontDesk,
    Inbound,
    Limits,
    Message,
    Report,
    TooFast,
    Unavailable,
    answered,
    heard,
    picked,
    written,
)
from bot.channels.http import Anywhere, Places, read_body
from bot.channels.whatsapp_content import MARK, MAX_ITEMS, Ends
from bot.channels.whatsapp_errors import FATES, LOST, REFERENCE, TRAIL
from bot.telemetry import REFUSED, REPORTED
from bot.trail import begin, delivery, read
from conversations.events import Address, Command, Event, OptedOut, Said, SentMedia
from conversations.turkish import fold

if TYPE_CHECKING:
    from bot.channels.whatsapp_buttons import Buttons

log = logging.getLogger(__name__)

PATH = "/whatsapp"
STATUS_PATH = "/whatsapp/status"
PREFIX = "whatsapp:"

# Twilio's own list, then what people write here.
_OPT_OUT = """
    STOP, UNSUBSCRIBE, END, QUIT, STOPALL, STOP ALL, REVOKE, OPTOUT, OPT OUT, CANCEL,
    DUR, DURDUR, İPTAL, ÇIK, ABONELİKTEN ÇIK
"""
OPT_OUT_WORDS = frozenset(map(fold, _OPT_OUT.split(",")))
"""Whole messages, folded, that mean "stop writing to me" (Twilio, default opt-out keywords)."""

SILENT = frozenset({"STOP", "HELP"})
"""Kinds of ``OptOutType`` that Twilio has answered by itself (Advanced Opt-Out)."""

_STATUSES = "accepted scheduled queued sending sent delivered read undelivered failed canceled"
STATUSES = frozenset(_STATUSES.split())
"""What becomes of a message that goes out (Twilio, Message resource, Status)."""

ERRORS = frozenset({*FATES, "63015"})
"""Twilio's error numbers that say something of us, of the receiver or of the 24-hour window."""

_MOST_FIELDS = 200
_LONGEST_OPT_OUT = 40

Fields = Mapping[str, str]


class Posted(dict[str, str]):
    """The fields of a form; of a repeated one the last. The validator asks ``getall`` for all."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        super().__init__(pairs)
        self._pairs = pairs

    def getall(self, name: str) -> list[str]:
        if len(self) == len(self._pairs):
            return [self[name]]
        return [value for other, value in self._pairs if other == name]


HandedOver = Callable[[Address, str], str]
"""What to say to an address, in a language, instead of asking for an identity number."""


class WhatsApp:
    """WhatsApp as a channel.

    ``public_url`` is the address Twilio is given, without ``/whatsapp``: signatures cover it. In
    Twilio's console the address ends ``#rc=5&rp=all&rt=4000``, or a 503 is not tried again.
    ``buttons`` says answers with buttons; without it choices are always written out. ``report`` is
    told what became of notices. ``handed_over`` says, to an address in a language, where else
    identity numbers are asked for; without it they are asked here. ``strangers`` bounds what is
    refused of one place.
    """

    name = "whatsapp"

    def __init__(
        self,
        desk: FrontDesk,
        *,
        auth_token: str,
        public_url: str,
        buttons: Buttons | None = None,
        report: Report | None = None,
        handed_over: HandedOver | None = None,
        strangers: Places | None = None,
    ) -> None:
        shown = 0 if buttons is None else MAX_ITEMS
        self.limits = Limits(text=1600, buttons=shown, label=20, plain=buttons is not None)
        self._desk = desk
        self._buttons = buttons
        self._report = report
        self._handed_over = handed_over
        self._strangers = strangers or Anywhere()
        self._validator = RequestValidator(auth_token)
        self._public_url = public_url.rstrip("/")

    def routes(self) -> Sequence[Route]:
        return [
            Route(PATH, self._message, methods=["POST"]),
            Route(STATUS_PATH, self._status, methods=["POST"]),
        ]

    async def run(self) -> None:
        """Everything happens in the routes; buttons need a line of their own meanwhile."""
        if self._buttons is not None:
            async with self._buttons:
                await asyncio.Event().wait()

    # --- signature, decode, address, event, desk ---------------------------------------------

    async def _message(self, request: Request) -> Response:
        fields = await self._signed_fields(request)
        if isinstance(fields, Response):
            return fields
        inbound = decode(fields)
        if inbound is None:
            REFUSED.labels(self.name, "unused").inc()
            return _twiml(Answer())
        heard(inbound)
        try:
            answer = await self._desk.receive(inbound)
        except TooFast as error:
            REFUSED.labels(self.name, "pace").inc()
            return _twiml(error.reply)
        except Unavailable as pause:
            REFUSED.labels(self.name, "unavailable").inc()
            answered(self.name, 0, 503)
            return Response(status_code=503, headers={"Retry-After": str(pause.retry_after)})
        left = await self._left_to_say(answer, inbound.message, fields)
        answered(self.name, len(left.messages))
        return _twiml(left)

    async def _left_to_say(self, answer: Answer, message: str, fields: Fields) -> Answer:
        """What of the answer belongs into the response: all that has not gone out before it."""
        if is_answered_by_twilio(fields):
            return Answer()
        answer = self._discreet(answer, fields)
        if self._buttons is None:
            return answer
        ends = Ends(fields.get("To", ""), fields["From"])
        return await self._buttons.say(answer, message, ends)

    def _discreet(self, answer: Answer, fields: Fields) -> Answer:
        """The answer without a question that WhatsApp's business policy forbids to ask."""
        if self._handed_over is None or not any(each.sensitive for each in answer.messages):
            return answer
        address = Address(self.name, sender_of(fields))
        elsewhere = Message(self._handed_over(address, answer.locale))
        messages = (elsewhere if each.sensitive else each for each in answer.messages)
        return replace(answer, messages=tuple(messages))

    async def _status(self, request: Request) -> Response:
        fields = await self._signed_fields(request)
        if isinstance(fields, Response):
            return fields
        status = _listed(fields.get("MessageStatus", ""), STATUSES)
        error = _listed(fields.get("ErrorCode", ""), ERRORS)
        reference = whatsapp_errors.read(request.query_params.get(REFERENCE, ""))
        answer = read(request.query_params.get(TRAIL, ""))
        begin(delivery(reference) if reference else answer)
        # What becomes of a notice is written down; of an answer there is only this line.
        level = logging.WARNING if status in LOST and not reference else logging.DEBUG
        log.log(level, "reported", extra={"status": status, "code": error})
        if self._buttons is not None and MARK in request.query_params:
            await self._buttons.told(fields.get("MessageSid", ""), status)
        REPORTED.labels(self.name, status, error).inc()
        return await self._tell(reference, fields)

    async def _tell(self, reference: str, fields: Fields) -> Response:
        """Pass on what became of a notice; only those have a reference."""
        if self._report is not None and reference:
            told = map(fields.get, ("MessageSid", "MessageStatus", "ErrorCode"))
            try:
                await self._report(reference, *(word or "" for word in told))
            except Unavailable as pause:
                REFUSED.labels(self.name, "unavailable").inc()
                return Response(status_code=503, headers={"Retry-After": str(pause.retry_after)})
        return Response(status_code=204)

    async def _signed_fields(self, request: Request) -> Fields | Response:
        """What was posted, if Twilio posted it; otherwise the refusal."""
        if self._strangers.look(request):
            # Looked at before the body is read, which is what costs.
            return self._refuse("signature", 429)
        body = await read_body(request)
        if body is None:
            return self._refuse("size", 413)
        try:
            text = body.decode()
            is_json = "json" in request.headers.get("content-type", "")
            fields = None if is_json else read_form(text)
            if not self._is_signed(request, text if fields is None else fields):
                self._strangers.take(request)
                return self._refuse("signature", 403)
            return read_json(text) if fields is None else fields
        except (ValueError, RecursionError):
            return self._refuse("body", 400)

    def _is_signed(self, request: Request, signed: Fields | str) -> bool:
        # Without a hash of it in the URL nothing vouches for a JSON body.
        if isinstance(signed, str) and "bodySHA256" not in request.query_params:
            return False
        query = request.scope["query_string"].decode("latin-1")
        url = self._public_url + request.scope["path"] + (f"?{query}" if query else "")
        signature = request.headers.get("x-twilio-signature", "")
        # The validator tries the address in two spellings; nearly always it is signed as it stands.
        return self._is_signed_as(url, signed, signature) or bool(
            self._validator.validate(url, signed, signature)
        )

    def _is_signed_as(self, url: str, signed: Fields | str, signature: str) -> bool:
        if isinstance(signed, str):
            return False
        expected = self._validator.compute_signature(url, signed)
        return hmac.compare_digest(expected.encode(), signature.encode())

    def _refuse(self, reason: str, status: int) -> Response:
        REFUSED.labels(self.name, reason).inc()
        return Response(status_code=status)


def _listed(word: str, known: frozenset[str]) -> str:
    """The word if it is a known one: what is counted by must not grow with what arrives."""
    return word if not word or word in known else "other"


def read_form(body: str) -> Fields:
    """The posted fields, untrimmed and with the empty ones: all of them are signed.

    Raises ValueError if there are more than Twilio would ever send.
    """
    return Posted(parse_qsl(body, keep_blank_values=True, max_num_fields=_MOST_FIELDS))


def read_json(body: str) -> Fields:
    """The plain fields of a JSON post. Raises ValueError if it is not a JSON object."""
    fields = msgspec.json.decode(body, type=dict[str, Any])
    return {name: str(value) for name, value in fields.items() if isinstance(value, str | int)}


# --- in: fields → Inbound --------------------------------------------------------------------


def decode(fields: Fields) -> Inbound | None:
    """What arrived; None if it is not a WhatsApp message with a sender and an id.

    The sender is a phone number, or a business-scoped user id where the phone is hidden. Senders of
    other messengers are not taken: the number of a text message is easily forged.
    """
    sender = sender_of(fields)
    message = next(filter(None, map(fields.get, _MESSAGE_IDS)), "")
    if not (sender and message):
        return None
    return Inbound(Address("whatsapp", sender), message, _event_of(fields))


def sender_of(fields: Fields) -> str:
    """Who wrote, on WhatsApp; empty for a sender of another messenger."""
    sender = fields.get("From", "")
    return sender.removeprefix(PREFIX) if sender.startswith(PREFIX) else ""


def is_answered_by_twilio(fields: Fields) -> bool:
    """Whether the person has had Twilio's own answer, so that ours would be one too many."""
    return fields.get("OptOutType", "").upper() in SILENT


_MESSAGE_IDS = ("MessageSid", "SmsMessageSid", "SmsSid")


def _event_of(fields: Fields) -> Event:
    return (
        _consent(fields) or _choice(fields) or _media(fields) or _line(fields) or SentMedia("other")
    )


def _consent(fields: Fields) -> Event | None:
    match fields.get("OptOutType", "").upper():
        case "STOP":
            return OptedOut(fields.get("Body", ""))
        case "START":
            return Command("start")
        case "HELP":
            return Command("yardim")
    return None


def _choice(fields: Fields) -> Event | None:
    payload = fields.get("ButtonPayload") or fields.get("ListId")
    if not payload:
        return None
    label = fields.get("ButtonText") or fields.get("Body")
    return picked(payload) or (Said(label) if label else None)


_BY_TYPE = {"sticker": "sticker", "reaction": "other", "contacts": "contact"}
_BY_CONTENT = {
    "image": "photo",
    "audio": "voice",
    "video": "video",
    "application": "file",
    "text": "file",
}
_CONTACT_CARDS = frozenset({"text/vcard", "text/x-vcard", "text/directory"})


def _media(fields: Fields) -> Event | None:
    kind = _BY_TYPE.get(fields.get("MessageType", "").lower())
    if kind:
        return SentMedia(kind)
    if fields.get("NumMedia", "").strip("0"):
        return SentMedia(_kind_of(fields.get("MediaContentType0", "")))
    return SentMedia("location") if fields.get("Latitude") else None


def _kind_of(content_type: str) -> str:
    content = content_type.partition(";")[0].strip().lower()
    if content in _CONTACT_CARDS:
        return "contact"
    return _BY_CONTENT.get(content.partition("/")[0], "other")


def _line(fields: Fields) -> Event | None:
    text = fields.get("Body") or fields.get("ButtonText") or ""
    if not text.strip():
        return None
    return OptedOut(text) if _is_opt_out(text) else written(text)


def _is_opt_out(text: str) -> bool:
    is_short = len(text) <= _LONGEST_OPT_OUT
    return is_short and not text.lstrip().startswith("/") and fold(text) in OPT_OUT_WORDS


# --- out: Answer → TwiML ---------------------------------------------------------------------

# XML 1.0, production 2 (Char).
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def encode(answer: Answer) -> str:
    """The answer as TwiML, its choices in writing. Nothing can be taken back on WhatsApp."""
    response = MessagingResponse()
    for message in answer.messages:
        response.message(_NOT_XML.sub("", message.plain or message.text))
    return str(response)


def _twiml(answer: Answer) -> Response:
    return Response(encode(answer), media_type="text/xml")
