"""WhatsApp seen from the telephone: people, what they send, and what they were sent.

Knows what each gesture adds to an inbound message and the rules that hang on a person (the 24-hour
window, the opt-out); knows no HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.fakes.twilio_webhooks import Fields

WINDOW = timedelta(hours=24)
"""How long after a person's last message anything may be written to them (63016)."""
STOP_WORDS = {"STOP", "UNSUBSCRIBE", "END", "QUIT", "STOPALL", "REVOKE", "OPTOUT", "CANCEL"}
START_WORDS = {"START", "YES", "UNSTOP"}

MEDIA = {
    "image": "image/jpeg",
    "audio": "audio/ogg",
    "video": "video/mp4",
    "document": "application/pdf",
    "sticker": "image/webp",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One message in a chat. ``sender`` is ``bot`` or ``person``."""

    sender: str
    text: str
    sid: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    """Of each button below it what it sends back, and its title."""
    kind: str = "twilio/text"

    @property
    def labels(self) -> list[str]:
        return [title for _, title in self.choices]


@dataclass
class Message:
    """A message as Twilio keeps it (Messages resource)."""

    sid: str
    direction: str
    sender: str
    to: str
    body: str
    created: datetime
    status: str
    error_code: int | None = None
    params: Fields = field(default_factory=dict)
    """What create was told, or what was posted inbound."""
    choices: tuple[tuple[str, str], ...] = ()
    kind: str = "twilio/text"

    def line(self) -> Line:
        sender = "person" if self.direction == "inbound" else "bot"
        return Line(sender, self.body, self.sid, self.choices, self.kind)


Receive = Callable[["Person", str, Mapping[str, str]], str]


@dataclass
class Person:
    """Somebody on WhatsApp.

    A person with ``hidden`` phone is known by the business-scoped id alone: ``From`` itself holds
    it. What they do is posted to the webhook; what it answers appears in ``transcript``.
    """

    receive: Receive
    phone: str
    bsuid: str
    name: str
    hidden: bool = False
    reachable: bool = True
    reads: bool = True
    """Whether messages to them reach the status ``read``."""
    opted_out: bool = False
    last_inbound: datetime | None = None
    messages: list[Message] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"whatsapp:{self.bsuid if self.hidden else self.phone}"

    @property
    def identity(self) -> Fields:
        """The fields that say who wrote."""
        if self.hidden:
            return {"From": self.address, "ProfileName": self.name}
        return {
            "From": self.address,
            "WaId": self.phone.lstrip("+"),
            "ExternalUserId": self.bsuid,
            "ProfileName": self.name,
        }

    @property
    def transcript(self) -> tuple[Line, ...]:
        """What stands in the chat, oldest first."""
        return tuple(message.line() for message in self.messages)

    @property
    def last(self) -> Line:
        """The newest message of ours; LookupError if there is none."""
        for message in reversed(self.messages):
            if message.direction != "inbound":
                return message.line()
        raise LookupError("nothing was sent here")

    def is_in_window(self, now: datetime) -> bool:
        return self.last_inbound is not None and now - self.last_inbound < WINDOW

    async def say(self, text: str, **extra: str) -> str:
        """Type a message; ``extra`` fields go along as Twilio adds them unannounced."""
        return self.receive(self, text, {"MessageType": "text", **self._heed(text), **extra})

    async def press(self, label: str, payload: str = "", *, on: str = "") -> str:
        """Press a quick reply under the message ``on``, else under the newest."""
        return self.receive(
            self,
            label,
            {
                "MessageType": "button",
                "ButtonText": label,
                "ButtonPayload": payload or label,
                **self._replied(on),
            },
        )

    async def choose(self, title: str, item: str) -> str:
        """Pick from a list; its id comes as ``ListId`` (the field's name is not documented)."""
        extra = {"MessageType": "interactive", "ListId": item, "ListTitle": title}
        return self.receive(self, title, {**extra, **self._replied("")})

    async def pick(self, title: str, *, on: str = "") -> str:
        """Press the button of that title, below the message ``on`` or where it stood last."""
        for line in reversed(self.transcript):
            ids = {label: id for id, label in line.choices if on in ("", line.sid)}
            if title in ids and line.kind == "twilio/list-picker":
                return await self.choose(title, ids[title])
            if title in ids:
                return await self.press(title, ids[title], on=line.sid)
        raise LookupError(title)

    async def forward(self, text: str) -> str:
        """Pass on somebody's message."""
        return await self.say(text, Forwarded="true")

    async def send_media(self, kind: str, caption: str = "") -> str:
        """Send an image, audio, video, document or sticker."""
        extra = {
            "MessageType": kind,
            "NumMedia": "1",
            "MediaUrl0": "https://api.example.com/2010-04-01/Media/ME0",
            "MediaContentType0": MEDIA[kind],
        }
        return self.receive(self, caption, extra)

    async def share_location(self) -> str:
        """Send a place."""
        extra = {
            "MessageType": "location",
            "Latitude": "41.0082",
            "Longitude": "28.9784",
            "Address": "Fatih, İstanbul",
            "Label": "Sultanahmet",
        }
        return self.receive(self, "", extra)

    def _replied(self, sid: str) -> Fields:
        return {"OriginalRepliedMessageSid": sid or self.last.sid}

    def _heed(self, text: str) -> Fields:
        """What Twilio itself does at a keyword (Advanced Opt-Out)."""
        word = text.strip().upper()
        if word in STOP_WORDS:
            self.opted_out = True
            return {"OptOutType": "STOP"}
        if word in START_WORDS and self.opted_out:
            self.opted_out = False
            return {"OptOutType": "START"}
        return {"OptOutType": "HELP"} if word == "HELP" else {}
