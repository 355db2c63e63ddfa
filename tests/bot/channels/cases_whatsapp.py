"""What Twilio posts and what it means; what we say and what it is in TwiML."""

from __future__ import annotations

from typing import NamedTuple

from bot.channels.base import Answer, Button, Inbound, Message
from conversations.events import (
    Address,
    Command,
    Event,
    OptedOut,
    Picked,
    Said,
    SentMedia,
)

PHONE = "+905320000021"
SID = "SM00000000000000000000000000000001"
BSUID = "TR.1A2b3C4d5E6f7G8h9I0j"
USUAL = {
    "SmsMessageSid": SID,
    "NumMedia": "0",
    "ProfileName": "Ayşe",
    "MessageType": "text",
    "SmsSid": SID,
    "WaId": PHONE.removeprefix("+"),
    "SmsStatus": "received",
    "Body": "",
    "To": "whatsapp:+14155238886",
    "NumSegments": "1",
    "ReferralNumMedia": "0",
    "MessageSid": SID,
    "AccountSid": "AC00000000000000000000000000000000",
    "From": f"whatsapp:{PHONE}",
    "ApiVersion": "2010-04-01",
}


class In(NamedTuple):
    """Posted fields and what arrived by them; None for what is of no use."""

    name: str
    fields: dict[str, str]
    inbound: Inbound | None


class Out(NamedTuple):
    """An answer and its TwiML inside <Response>."""

    name: str
    answer: Answer
    twiml: str


def post(**fields: str) -> dict[str, str]:
    """What Twilio posts for a message of PHONE's."""
    return {**USUAL, **fields}


def without(*names: str) -> dict[str, str]:
    """A message that says "Ayşe" and lacks these fields."""
    return {name: value for name, value in post(Body="Ayşe").items() if name not in names}


def media(content_type: str, **fields: str) -> dict[str, str]:
    """A message with one file."""
    return post(NumMedia="1", MediaContentType0=content_type, MediaUrl0="https://x/1", **fields)


def came(event: Event, sender: str = PHONE, sid: str = SID) -> Inbound:
    """What arrives."""
    return Inbound(Address("whatsapp", sender), sid, event)


def typed(text: str) -> In:
    """A line of text that is nothing else."""
    return In(f"text {text!r}", post(Body=text), came(Said(text)))


def opted(text: str) -> In:
    """A word that ends messages."""
    return In(f"opt-out {text!r}", post(Body=text), came(OptedOut(text)))


def sent(content_type: str, kind: str) -> In:
    """A file that counts as ``kind``."""
    return In(f"file {content_type!r}", media(content_type), came(SentMedia(kind)))


HIDDEN = post(Body="Ayşe", From=f"whatsapp:{BSUID}", ExternalUserId=BSUID, WaId="")

INBOUND = [
    typed("Ayşe"),
    typed("  Ayşe \n"),
    typed("10000000146"),
    typed("👍"),
    typed("dur bakalım"),
    typed("iptali nasıl yaparım"),
    typed("stop " * 20),
    In("a command", post(Body="/yardim"), came(Command("yardim"))),
    In("a command that is an opt-out word", post(Body="/iptal"), came(Command("iptal"))),
    In("an unknown extra key", post(Body="Ayşe", Hologram="3"), came(Said("Ayşe"))),
    In("a forwarded text", post(Body="Ayşe", Forwarded="true"), came(Said("Ayşe"))),
    In("a hidden phone", HIDDEN, came(Said("Ayşe"), BSUID)),
    In("a known phone keeps it", post(Body="Ayşe", ExternalUserId=BSUID), came(Said("Ayşe"))),
    In(
        "a button of ours",
        post(Body="Evet", MessageType="button", ButtonText="Evet", ButtonPayload="3:terms:yes"),
        came(Picked("yes", "terms", 3)),
    ),
    In(
        "a template's button",
        post(Body="Evet", MessageType="button", ButtonText="Evet", ButtonPayload="yes-1"),
        came(Said("Evet")),
    ),
    In("a button without payload", post(ButtonText="Evet"), came(Said("Evet"))),
    In("a strange payload alone", post(ButtonPayload="x"), came(SentMedia("other"))),
    In(
        "a list's line of ours",
        post(Body="Evet", MessageType="interactive", ListId="3:terms:yes"),
        came(Picked("yes", "terms", 3)),
    ),
    In("a strange list's line", post(Body="Evet", ListId="7"), came(Said("Evet"))),
    sent("image/jpeg", "photo"),
    sent("audio/ogg; codecs=opus", "voice"),
    sent("video/mp4", "video"),
    sent("application/pdf", "file"),
    sent("text/plain", "file"),
    sent("text/vcard", "contact"),
    sent("TEXT/X-VCARD", "contact"),
    sent("", "other"),
    sent("hologram/deep", "other"),
    In("a photo with words", media("image/png", Body="kartım"), came(SentMedia("photo"))),
    In("a sticker", media("image/webp", MessageType="sticker"), came(SentMedia("sticker"))),
    In("a reaction", post(Body="👍", MessageType="reaction"), came(SentMedia("other"))),
    In("a contact card", post(MessageType="contacts"), came(SentMedia("contact"))),
    In("a location", post(Latitude="41.0", Longitude="29.0"), came(SentMedia("location"))),
    In("nothing in it", post(), came(SentMedia("other"))),
    In("blanks alone", post(Body=" \n"), came(SentMedia("other"))),
    In("no count of files", without("NumMedia"), came(Said("Ayşe"))),
    In("an older id", without("MessageSid"), came(Said("Ayşe"))),
    In("the oldest id", without("MessageSid", "SmsMessageSid"), came(Said("Ayşe"))),
    In("no id", without("MessageSid", "SmsMessageSid", "SmsSid"), None),
    In("no sender", without("From"), None),
    In("a sender without a name", post(Body="Ayşe", From="whatsapp:"), None),
    In("a text message, whose sender is easily forged", post(Body="Ayşe", From=PHONE), None),
    *map(opted, ("STOP", "stop", "Unsubscribe", "END", "QUIT", "stopall", "REVOKE", "optout")),
    *map(opted, ("cancel", "DUR", "dur", "Durdur", "İPTAL", "iptal", "IPTAL", "ıptal")),
    *map(opted, ("ÇIK", "cik", " çık. ", "Abonelikten çık", "ABONELIKTEN CIK")),
    In(
        "Twilio's own stop",
        post(Body="Yeter", OptOutType="STOP"),
        came(OptedOut("Yeter")),
    ),
    In("Twilio's own start", post(Body="START", OptOutType="START"), came(Command("start"))),
    In("Twilio's own help", post(Body="HELP", OptOutType="HELP"), came(Command("yardim"))),
    In("an unknown kind of consent", post(Body="Ayşe", OptOutType="NEW"), came(Said("Ayşe"))),
]


def says(name: str, text: str, twiml: str) -> Out:
    """One message and its element."""
    return Out(name, Answer((Message(text),)), f"<Message>{twiml}</Message>")


OUTBOUND = [
    Out("nothing", Answer(), ""),
    says("a text", "Adınız?", "Adınız?"),
    says("Turkish letters", "ğüşıöçĞÜŞİÖÇ", "ğüşıöçĞÜŞİÖÇ"),
    says("emoji", "✓ 👍", "✓ 👍"),
    says("signs of XML", '<a> & "b" ]]>', '&lt;a&gt; &amp; "b" ]]&gt;'),
    says("entities are text", "&amp;", "&amp;amp;"),
    says("lines", "1. Evet\n2. Hayır", "1. Evet\n2. Hayır"),
    says("blanks around it", "  a \n", "  a \n"),
    says("a tab", "a\tb", "a\tb"),
    says("a null", "a\x00b", "ab"),
    says("control signs", "\x01a\x08\x0b\x0c\x0e\x1fb", "ab"),
    says("delete and C1 are XML", "a\x7f\x85b", "a\x7f\x85b"),
    says("no characters", "a\ufffe\uffffb", "ab"),
    says("half a surrogate pair", "a\ud800\udfffb", "ab"),
    says("the highest plane", "\U0010ffff", "\U0010ffff"),
    says("the mark of the byte order", "\ufeffa", "\ufeffa"),
    says("letters joined", "g\u0306", "g\u0306"),
    says("a comment", "<!-- a -->", "&lt;!-- a --&gt;"),
    says("a cdata", "<![CDATA[a]]>", "&lt;![CDATA[a]]&gt;"),
    says("an instruction", "<?xml?>", "&lt;?xml?&gt;"),
    says("markup of WhatsApp", "*a* _b_", "*a* _b_"),
    says("a link", "https://example.com?a=1&b=2", "https://example.com?a=1&amp;b=2"),
    says("as much as goes", "a" * 1600, "a" * 1600),
    says("right to left", "\u200fمرحبا", "\u200fمرحبا"),
    says("an SMS to copy", "TR HES 10000000146", "TR HES 10000000146"),
    Out(
        "two messages in order",
        Answer((Message("1"), Message("2"))),
        "<Message>1</Message><Message>2</Message>",
    ),
    Out(
        "buttons are the wording's business",
        Answer((Message("1. Evet", (Button("Evet", "1:f:a"),)),)),
        "<Message>1. Evet</Message>",
    ),
    Out("nothing is taken back", Answer((Message("a"),), retract=("5",)), "<Message>a</Message>"),
    Out("a delicate text", Answer((Message("a", delicate=True),)), "<Message>a</Message>"),
    Out("no button for the phone", Answer((Message("a", contact="b"),)), "<Message>a</Message>"),
    Out(
        "hints for pages change nothing",
        Answer((Message("a", step=1, of=8, keyboard="numeric"),)),
        "<Message>a</Message>",
    ),
]
