"""Twilio's rules and forms: what a create may ask, what it gets, how a message is told of.

Knows error numbers and field names; knows no HTTP server and keeps no state.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from xml.etree import ElementTree

from tests.fakes.twilio_people import Message, Person
from tests.fakes.twilio_webhooks import Fields, Heard

OUTSIDE_WINDOW = 63016
UNREACHABLE = 63024
NOT_ALLOWED = 63013
"""WhatsApp refuses the content itself, as more than three buttons without approval."""
MAX_BODY = 1600
"""Characters of a message (21617)."""

_WORDS = {
    20003: "Authenticate",
    20404: "The requested resource was not found",
    20429: "Too Many Requests",
    20500: "An internal server error has occurred",
    21211: "The 'To' number is not a valid phone number",
    21602: "Message body is required",
    21604: "A 'To' phone number is required",
    21610: "Attempt to send to unsubscribed recipient",
    21617: "The concatenated message body exceeds the 1600 character limit",
    21655: "The ContentSid is Invalid",
    21656: "The Content Variables parameter is invalid",
    63007: "Twilio could not find a Channel with the specified From address",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a scripted create gets. ``status`` 201 means it is executed as usual, and then fails
    later with ``code`` if there is one; any other status refuses it with ``code``.

    ``lost`` executes and cuts the connection; ``hang`` neither executes nor answers. ``after``:
    seconds that it takes.
    """

    status: int = 201
    code: int | None = None
    fate: Literal["answered", "hang", "lost"] = "answered"
    after: float = 0.0


class Refusal(Exception):
    """The REST API says no, with a Twilio error number."""

    def __init__(self, status: int, code: int) -> None:
        super().__init__(code)
        self.status = status
        self.code = code

    @property
    def body(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "message": _WORDS.get(self.code, "Error"),
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }


def check_create(params: Fields, sender: str) -> None:
    """Refuse what Twilio refuses at once, before it looks at the recipient."""
    if not params.get("To"):
        raise Refusal(400, 21604)
    if params.get("From") != sender and not params.get("MessagingServiceSid"):
        raise Refusal(400, 63007)
    if not any(params.get(name) for name in ("Body", "MediaUrl", "ContentSid")):
        raise Refusal(400, 21602)
    if len(params.get("Body", "")) > MAX_BODY:
        raise Refusal(400, 21617)


def steps(message: Message, *, reads: bool) -> list[str]:
    """The statuses a message goes through."""
    if message.error_code:
        return ["queued", "failed" if message.error_code == OUTSIDE_WINDOW else "undelivered"]
    return ["queued", "sent", "delivered", *(["read"] if reads else [])]


def inbound_fields(
    account_sid: str, sid: str, to: str, person: Person, body: str, extra: Fields
) -> dict[str, str]:
    """The form of an inbound message, as public clients of 2026 show it."""
    return {
        "MessageSid": sid,
        "SmsMessageSid": sid,
        "SmsSid": sid,
        "AccountSid": account_sid,
        "To": to,
        "Body": body,
        "NumMedia": "0",
        "NumSegments": "1",
        "SmsStatus": "received",
        "ApiVersion": "2010-04-01",
        "ChannelMetadata": json.dumps({"type": "whatsapp", "data": {"context": {}}}),
        **person.identity,
        **extra,
    }


def as_resource(account_sid: str, message: Message) -> dict[str, Any]:
    """The Messages resource as the REST API shows it; dates are RFC 2822."""
    when = message.created.strftime("%a, %d %b %Y %H:%M:%S +0000")
    return {
        "sid": message.sid,
        "account_sid": account_sid,
        "api_version": "2010-04-01",
        "body": message.body,
        "from": message.sender,
        "to": message.to,
        "direction": message.direction,
        "status": message.status,
        "error_code": message.error_code,
        "error_message": None,
        "date_created": when,
        "date_sent": when,
        "date_updated": when,
        "messaging_service_sid": message.params.get("MessagingServiceSid"),
        "num_media": "0",
        "num_segments": "1",
        "price": None,
        "price_unit": "USD",
        "subresource_uris": {},
        "uri": f"/2010-04-01/Accounts/{account_sid}/Messages/{message.sid}.json",
    }


def status_fields(account_sid: str, message: Message, status: str) -> Fields:
    """The form of a status callback."""
    fields = {
        "MessageSid": message.sid,
        "MessageStatus": status,
        "SmsSid": message.sid,
        "SmsStatus": status,
        "AccountSid": account_sid,
        "From": message.sender,
        "To": message.to,
        "ApiVersion": "2010-04-01",
        "ChannelPrefix": "whatsapp",
    }
    if message.error_code and status in {"failed", "undelivered"}:
        fields["ErrorCode"] = str(message.error_code)
    return fields


def read_twiml(heard: Heard) -> list[tuple[str, str]]:
    """The messages an answer asks for, and where is to be told what becomes of each ("": nowhere);
    plain text is one message, nothing is none."""
    if not heard.body.strip():
        return []
    if heard.media_type == "text/plain":
        return [(heard.body, "")]
    root = ElementTree.fromstring(heard.body)
    return [(_text(message), message.get("action", "")) for message in root.iter("Message")]


def _text(message: ElementTree.Element) -> str:
    body = message.find("Body")
    return (message if body is None else body).text or ""


def matches(message: Message, query: Mapping[str, str]) -> bool:
    return (
        query.get("To", message.to) == message.to
        and query.get("From", message.sender) == message.sender
        and message.created.strftime("%Y-%m-%dT%H:%M:%SZ") >= query.get("DateSent>", "")
    )
